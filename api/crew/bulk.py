from collections.abc import Iterator, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from uuid_utils.compat import uuid7

from api.actors import caller, signed_in
from api.crew import examples
from api.crew.many import Refusal, apart, operate, refused
from api.crew.serializers import BULK_AT_MOST, BulkInput, BulkItem, BulkResult
from api.fields import checked
from api.schema import operation
from requests311.actors import Actor
from requests311.history import wake_batch


class BulkView(APIView):
    @operation(
        id="changeMany",
        tag="crew",
        summary="Change many requests at once",
        description=(
            f"At most {BULK_AT_MOST}. Each is changed by itself, in the order given: some may be refused while the "
            "others are done. A resident who reported several of them gets one message. Sent twice, the second finds "
            "other versions (412) and changes nothing."
        ),
        request=BulkInput,
        responses={
            207: OpenApiResponse(
                BulkResult(many=True),
                description="One result for each item, in their order.",
                examples=[OpenApiExample("results", value=examples.BULK_RESULT[1], response_only=True)],
            )
        },
        refusals=[401, 403, 422],
        examples=[OpenApiExample("two", value=examples.BULK, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        signed_in(request)
        items = checked(BulkInput, request.data)["items"]
        batch = uuid7()
        actor = caller(request).in_batch(batch)
        actor.works_somewhere()
        try:
            results = list(_results(request, actor, items))
        finally:
            # Whatever came between: what was changed is told.
            wake_batch(batch)
        return Response(results, status=207)


def _results(request: Request, actor: Actor, items: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for item in items:
        id = item.get("id")
        result: dict[str, Any] = {"id": id if isinstance(id, str) else ""}
        try:
            head, said = apart(item, BulkItem)
            made = operate(actor, name=head["action"], key=head["id"], version=head["version"], said=said)
        except Refusal as error:
            yield result | refused(request, error)
        else:
            yield result | {"status": 200, "version": made.version}
