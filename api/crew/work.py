"""What staff does to one request; each call answers with the request and its new ETag."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.actors import caller, signed_in
from api.crew import examples
from api.crew import operation_serializers as takes
from api.crew.answering import changed, operated
from api.crew.serializers import HandoverList, TaskList
from api.fields import checked
from api.requests.serializers import RequestDocument
from api.schema import IF_MATCH, F, answers, operation
from requests311.actions.redact import redact
from requests311.actions.revise import revise
from requests311.actions.revoke_handover import revoke_handover
from requests311.queries.parts import read_handovers, read_tasks

_KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="The request's id, or its number.")
_EVENT = OpenApiParameter("event_id", UUID, OpenApiParameter.PATH, description="Id of a note or a comment.")
_CHANGES = [401, 403, 404, 409, 412, 422, 428]
_PRIVATE = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}
_NOW = answers(RequestDocument, "The request now.", ("assigned", examples.ASSIGNED))


def _changes(
    id: str, summary: str, request: Any, example: Any, description: str = "", status: int = 200
) -> Callable[[F], F]:
    """Describes a call that changes a request."""
    return operation(
        id=id,
        tag="crew",
        summary=summary,
        description=description,
        parameters=[_KEY, IF_MATCH],
        request=request,
        responses={status: _NOW},
        refusals=_CHANGES,
        examples=[OpenApiExample("example", value=example, request_only=True)],
    )


class AssignView(APIView):
    @_changes(
        "assignRequest",
        "Give a request to a person or a team",
        takes.AssignInput,
        {"team": "night"},
        "With neither it is nobody's again.",
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "assign")


class PriorityView(APIView):
    @_changes("prioritiseRequest", "Say how urgent a request is", takes.PriorityInput, {"priority": "urgent"})
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "prioritise")


class RerouteView(APIView):
    @_changes(
        "rerouteRequest",
        "Hand a request to another department or service",
        takes.RerouteInput,
        {"department": "parks", "reason": "The root of a tree lifts it."},
        "It is nobody's there until somebody takes it; due times are counted anew from the submission.",
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "reroute")


class MergeView(APIView):
    @_changes(
        "mergeRequest",
        "Join a request to another about the same thing",
        takes.MergeInput,
        {"into": "2M8C-4HRW"},
        "Followers, supporters and photos go along; each reporter is told once when the kept one is resolved.",
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "merge")


class UnmergeView(APIView):
    @_changes("unmergeRequest", "Take a duplicate out again", takes.NothingInput, {}, "Everything is as before.")
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "unmerge")


class ChildrenView(APIView):
    @operation(
        id="listTasks",
        tag="crew",
        summary="Tasks that a request was split into",
        parameters=[_KEY],
        responses={200: answers(TaskList, "In the order they were made.", ("tasks", examples.TASKS))},
        refusals=[401, 403, 404],
    )
    def get(self, request: Request, key: str) -> Response:
        signed_in(request)
        tasks = read_tasks(key, actor=caller(request))
        results = [
            {
                "id": str(task.pk),
                "number": task.number,
                "status": task.status,
                "department": task.department.code,
                "service": task.service.code,
                "text": task.description,
                "due_at": task.due_at,
            }
            for task in tasks
        ]
        return Response({"results": results}, headers=_PRIVATE)

    @_changes(
        "splitRequest",
        "Split a request into tasks for several departments",
        takes.ChildrenInput,
        {"parts": [{"department": "parks", "text": "Take the tree off the road first."}]},
        "At most 20. The request is resolved by itself when all are over; the resident hears nothing of them.",
        201,
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "split", status=201)


class QuestionsView(APIView):
    @_changes(
        "askReporter",
        "Ask the reporter a question",
        takes.QuestionInput,
        {"text": "Is it on the cycle lane or beside it?"},
        "The request waits, and its clock with it, for five working days at most.",
        201,
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "ask", status=201)


class NotesView(APIView):
    @_changes(
        "addNote",
        "Add what only staff reads",
        takes.WordsInput,
        {"text": "@ana@city.example the gate is locked."},
        status=201,
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "note", status=201)


class CommentsView(APIView):
    @_changes(
        "addComment",
        "Add what everybody reads",
        takes.WordsInput,
        {"text": "We come on Tuesday."},
        "By staff, or by the reporter.",
        201,
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "comment", status=201)


class EventTextView(APIView):
    @operation(
        id="reviseText",
        tag="crew",
        summary="Mend one's own note or comment within ten minutes",
        parameters=[_KEY, _EVENT, IF_MATCH],
        request=takes.RevisionInput,
        responses={200: _NOW},
        refusals=_CHANGES,
        examples=[OpenApiExample("example", value={"text": "We come on Thursday."}, request_only=True)],
    )
    def patch(self, request: Request, key: str, event_id: UUID) -> Response:
        signed_in(request)
        text = checked(takes.RevisionInput, request.data)["text"]
        return changed(
            request,
            lambda actor, version: revise(by=actor, key=key, if_version=version, event_id=event_id, text=text),
        )


class RedactionView(APIView):
    @operation(
        id="redactText",
        tag="crew",
        summary="Hide a note or a comment, with a reason",
        description="From everybody and for ever; the reason stands in its place.",
        parameters=[_KEY, _EVENT, IF_MATCH],
        request=takes.RedactionInput,
        responses={200: _NOW},
        refusals=_CHANGES,
        examples=[OpenApiExample("example", value={"reason": "Names a neighbour."}, request_only=True)],
    )
    def post(self, request: Request, key: str, event_id: UUID) -> Response:
        signed_in(request)
        reason = checked(takes.RedactionInput, request.data)["reason"]
        return changed(
            request,
            lambda actor, version: redact(by=actor, key=key, if_version=version, event_id=event_id, reason=reason),
        )


class HandoversView(APIView):
    @operation(
        id="listHandovers",
        tag="crew",
        summary="Whom a request was handed over to",
        parameters=[_KEY],
        responses={200: answers(HandoverList, "The newest first.", ("handovers", examples.HANDOVERS))},
        refusals=[401, 403, 404],
    )
    def get(self, request: Request, key: str) -> Response:
        signed_in(request)
        handovers = read_handovers(key, actor=caller(request))
        names = ("id", "email", "at", "expires_at", "revoked_at", "done_at")
        results = [{name: getattr(handover, name) for name in names} for handover in handovers]
        return Response({"results": results}, headers=_PRIVATE)

    @_changes(
        "handOverRequest",
        "Send a contractor a link to a request",
        takes.HandoverInput,
        {"email": "works@contractor.example"},
        "Whoever has the link sees place, photos and text, no contact data, and can report it done.",
        201,
    )
    def post(self, request: Request, key: str) -> Response:
        return operated(request, key, "hand_over", status=201)


class HandoverView(APIView):
    @operation(
        id="revokeHandover",
        tag="crew",
        summary="Make a contractor's link useless",
        parameters=[_KEY, OpenApiParameter("handover_id", UUID, OpenApiParameter.PATH), IF_MATCH],
        responses={200: _NOW},
        refusals=[401, 403, 404, 412, 428],
    )
    def delete(self, request: Request, key: str, handover_id: UUID) -> Response:
        return changed(
            request,
            lambda actor, version: revoke_handover(by=actor, key=key, if_version=version, handover_id=handover_id),
        )
