from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import etags, pagination
from api.actors import caller, signed_in
from api.crew.answering import document_response, operated
from api.crew.operation_serializers import TransitionInput
from api.fields import checked, checked_query
from api.idempotency import KEY_PATTERN, once
from api.links import base_url
from api.renderers import JSONText
from api.requests import examples
from api.requests.listing import RequestsPage
from api.requests.serializers import (
    ListQuery,
    Moves,
    RequestDocument,
    RequestInput,
    RequestPage,
    Timeline,
)
from api.schema import IF_MATCH, answers, header, operation, query, text
from requests311.actions.submit import submit
from requests311.actors import Actor
from requests311.conditions import by_id_or_number
from requests311.errors import NotFound
from requests311.queries.documents import Documents, request_document, request_documents
from requests311.queries.moves import read_moves
from requests311.queries.timeline import read_timeline
from requests311.statuses import Status

_KEY = OpenApiParameter(
    "key", str, OpenApiParameter.PATH, description="The request's id, or its number as people write it."
)
_BBOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}


class RequestsView(APIView):
    throttle_scopes = {"POST": "submit"}

    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated()] if self.request.method == "POST" else [AllowAny()]

    @operation(
        id="submitRequest",
        tag="requests",
        summary="Report something",
        description=(
            "One request and one event are written together. Send an Idempotency-Key and repeat the call as "
            "often as the network needs: it answers what it answered first."
        ),
        parameters=[header("Idempotency-Key", "Yours, unique per report; kept for 24 hours.", pattern=KEY_PATTERN)],
        request=RequestInput,
        responses={
            200: answers(RequestDocument, "A request with this client_id exists; it.", ("known", examples.DOCUMENT)),
            201: answers(RequestDocument, "Reported; who has it, and why.", ("submitted", examples.DOCUMENT)),
        },
        refusals=[401, 409, 422],
        examples=[OpenApiExample("pothole", value=examples.SUBMIT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        user = signed_in(request)
        values = checked(RequestInput, request.data)

        def work() -> tuple[int, Documents]:
            made = submit(by=user, **{key: value for key, value in values.items() if value is not None})
            # The reporter's own view; memberships would show them nothing more of their own report.
            documents = request_document(id=made.request.pk, actor=Actor.reporter(user), base_url=base_url(request))
            return (201 if made.created else 200), documents

        answer = once(request, user, work)
        response = document_response(answer.body, status=answer.status)
        response["Location"] = f"{base_url(request)}/api/v1/requests/{orjson.loads(answer.body)['id']}"
        if answer.replayed:
            response["Idempotent-Replayed"] = "true"
        return response

    @operation(
        id="listRequests",
        tag="requests",
        summary="Reports that the caller may see",
        description=(
            "Newest first. With `updated_after`: oldest change first, so that a client can keep a copy up to "
            "date. Pages by `cursor`; the Link header names the next page."
        ),
        parameters=[
            query("mine", bool, "Only the caller's own."),
            query("status", str, "One or more, comma-separated.", many=True, explode=False, enum=Status.values),
            query("service", text(60), "Code of a service."),
            query("department", text(60), "Code of a department; its units are included."),
            query("jurisdiction", text(40), "Code of a jurisdiction."),
            query("asset", UUID, "Id of one of the city's things, as GET /assets gives it."),
            query("bbox", _BBOX, "minlon,minlat,maxlon,maxlat in WGS 84 degrees.", explode=False),
            query("updated_after", datetime, "ISO 8601 with zone."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows a page."),
            query("cursor", text(200), "`next` of the page before."),
        ],
        responses={
            200: answers(RequestPage, "A page.", ("page", {"results": [examples.PUBLIC_DOCUMENT], "next": "MDE5ZjFj"}))
        },
        refusals=[401, 422],
    )
    def get(self, request: Request) -> Response:
        values = checked_query(ListQuery, request)
        actor = caller(request)
        if values["mine"] and actor.user is None:
            raise NotAuthenticated("`mine` needs an access token.")
        documents, cursor = RequestsPage(actor, values).read(actor, base_url(request))
        headers = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}
        if cursor:
            headers["Link"] = pagination.next_link(request, cursor)
        return Response(JSONText(pagination.page(documents, cursor)), headers=headers)


class RequestView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="getRequest",
        tag="requests",
        summary="One report",
        description="As the caller may see it. A private one of somebody else is 404, as an absent one is.",
        parameters=[_KEY, header("If-None-Match", "ETag you have; 304 if it still holds.")],
        responses={
            200: answers(RequestDocument, "The report.", ("public view", examples.PUBLIC_DOCUMENT)),
            304: None,
        },
        refusals=[401, 404],
    )
    def get(self, request: Request, key: str) -> Response:
        actor = caller(request)
        named = by_id_or_number(key)
        body = request_documents(named, actor.sees(), actor=actor, base_url=base_url(request), limit=1).first()
        if body is None:
            raise NotFound
        response = document_response(body)
        if etags.unchanged(request, response["ETag"]):
            return etags.not_modified(response["ETag"])
        return response


class EventsView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="listEvents",
        tag="requests",
        summary="What happened to a report",
        description="The whole history, oldest first. Staff see staff-only events and who acted.",
        parameters=[_KEY],
        responses={200: answers(Timeline, "The timeline.", ("timeline", {"results": [examples.EVENT]}))},
        refusals=[401, 404],
    )
    def get(self, request: Request, key: str) -> Response:
        events = read_timeline(key, actor=caller(request))
        headers = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}
        return Response(JSONText(f'{{"results":[{",".join(events)}]}}'), headers=headers)


class TransitionsView(APIView):
    def get_permissions(self) -> list[Any]:
        return [AllowAny()] if self.request.method == "GET" else [IsAuthenticated()]

    @operation(
        id="listTransitions",
        tag="requests",
        summary="Where the caller may move a report now",
        description="Each move with what it needs and takes, the resolutions of its service and the reasons there are.",
        parameters=[_KEY],
        responses={200: answers(Moves, "The moves; none for who may not move it.", ("moves", examples.MOVES))},
        refusals=[401, 404],
    )
    def get(self, request: Request, key: str) -> Response:
        moves = read_moves(key, actor=caller(request))
        return Response(asdict(moves), headers={"Vary": "Authorization", "Cache-Control": "private, no-cache"})

    @operation(
        id="transitionRequest",
        tag="requests",
        summary="Move a report through its life",
        description=(
            "For the department that has it; the reporter may withdraw it, or reopen it within the "
            "jurisdiction's window. docs/states.md draws the legal moves; an illegal one is 409 and lists them "
            "in `legal`."
        ),
        parameters=[_KEY, IF_MATCH],
        request=TransitionInput,
        responses={200: answers(RequestDocument, "The report now.", ("resolved", examples.RESOLVED_DOCUMENT))},
        refusals=[401, 403, 404, 409, 412, 422, 428],
        examples=[
            OpenApiExample(
                "resolve",
                value={"to": "resolved", "resolution": "fixed", "text": "Filled and sealed."},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "transition")
