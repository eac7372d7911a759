from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.actors import signed_in
from api.crew.serializers import Following, FollowInput
from api.fields import checked
from api.schema import answers, operation
from requests311.actions.follow import follow
from requests311.actions.unfollow import unfollow

_KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="The request's id, or its number.")
_EXAMPLE: dict[str, Any] = {"supports": True, "since": "2026-11-22T08:00:00Z"}


class FollowingView(APIView):
    """A guest may follow too: a phone is enough to be told."""

    @operation(
        id="followRequest",
        tag="requests",
        summary="Be told what happens to a report of somebody else",
        description="`supports`: the same bothers me. Of a duplicate, the one that is kept is followed.",
        parameters=[_KEY],
        request=FollowInput,
        responses={200: answers(Following, "Followed.", ("following", _EXAMPLE))},
        refusals=[401, 404, 409, 422],
        examples=[OpenApiExample("me too", value={"supports": True}, request_only=True)],
    )
    def put(self, request: Request, key: str) -> Response:
        user = signed_in(request)
        follower = follow(by=user, key=key, **checked(FollowInput, request.data))
        return Response({"supports": follower.supports, "since": follower.since})

    @operation(
        id="unfollowRequest",
        tag="requests",
        summary="Hear no more of it",
        parameters=[_KEY],
        responses={204: None},
        refusals=[401, 404],
    )
    def delete(self, request: Request, key: str) -> Response:
        unfollow(by=signed_in(request), key=key)
        return Response(status=204)
