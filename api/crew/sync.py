from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from api.actors import caller, signed_in
from api.crew import examples
from api.crew.many import Refusal, apart, operate, refused
from api.crew.serializers import BULK_AT_MOST, OfflineOperation, SyncInput, SyncResult
from api.fields import checked
from api.links import base_url
from api.schema import operation
from requests311.actors import Actor
from requests311.conditions import by_id_or_number
from requests311.offline import once
from requests311.queries.documents import request_documents

#: A phone's clock may be wrong by so much and not more.
_CLOCK_ERROR = timedelta(minutes=10)


class SyncView(APIView):
    @operation(
        id="syncOperations",
        tag="crew",
        summary="What a crew's phone did while it had no network",
        description=(
            f"At most {BULK_AT_MOST} operations, applied in the order given, each with its own result. `version` is "
            "the one that the phone saw before it did anything: changes of this very queue do not make a later one "
            "stale, changes of anybody else do. What is stale or not legal any more comes back with the request as it "
            "is now, and nothing else is dropped or held up. Send the same queue as often as the network needs: an "
            "operation that was done is answered as it was then, with `replayed`. Photos are uploaded first; their ids "
            "stay good."
        ),
        request=SyncInput,
        responses={
            207: OpenApiResponse(
                SyncResult(many=True),
                description="One result for each operation, in their order.",
                examples=[OpenApiExample("results", value=examples.SYNC_RESULT[0], response_only=True)],
            )
        },
        refusals=[401, 403, 422],
        examples=[OpenApiExample("one", value=examples.SYNC, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        user = signed_in(request)
        operations = checked(SyncInput, request.data)["operations"]
        actor = caller(request)
        actor.works_somewhere()
        return Response(list(_results(request, user, actor, operations)), status=207)


def _results(
    request: Request, user: User, actor: Actor, operations: list[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    #: Of each request that this queue changed: the version it had for the phone, and the one it has by the queue.
    versions: dict[tuple[str, int], int] = {}
    for entry in operations:
        id = entry.get("id")
        result: dict[str, Any] = {"id": id if isinstance(id, str) else "", "replayed": False}
        try:
            head, said = apart(entry, OfflineOperation)
            _check_clock(head)
            seen = (head["request"], head["version"])
            done, replayed = once(
                by=user,
                operation=head["id"],
                content=entry,
                do=partial(_do, actor, head, said, versions.get(seen, seen[1])),
            )
        except Refusal as error:
            yield result | refused(request, error) | _now(request, actor, entry.get("request"))
        else:
            versions[seen] = max(done["version"], versions.get(seen, 0))
            yield result | done | {"replayed": replayed}


def _do(actor: Actor, head: dict[str, Any], said: dict[str, Any], version: int) -> dict[str, Any]:
    made = operate(actor, name=head["action"], key=head["request"], version=version, said=said)
    return {"status": 200, "version": made.version}


def _check_clock(head: dict[str, Any]) -> None:
    if head["at"] > timezone.now() + _CLOCK_ERROR:
        raise ValidationError({"at": [ErrorDetail("This is still to come; the phone's clock is wrong.", "in_future")]})


def _now(request: Request, actor: Actor, key: Any) -> dict[str, Any]:
    """The request as it is, where the caller may see it."""
    if not isinstance(key, str):
        return {}
    body = request_documents(
        by_id_or_number(key), actor.sees(), actor=actor, base_url=base_url(request), limit=1
    ).first()
    if body is None:
        return {}
    document = orjson.loads(body)
    return {"request": document, "version": document["version"]}
