"""What people without an account do with a signed link. Photos are a guest's: POST /auth/guest gives them a token."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from api.crew import examples
from api.crew import operation_serializers as takes
from api.crew.serializers import HandedOver, QuestionDocument, Received
from api.fields import checked
from api.links import base_url
from api.schema import answers, operation
from requests311.actions.answer import answer
from requests311.actions.report_done import report_done
from requests311.models import Photo, PhotoAudience, PhotoState, QuestionState, ServiceRequest
from requests311.queries.links import read_handover, read_question

_TOKEN = OpenApiParameter("token", str, OpenApiParameter.PATH, description="Out of the link.")
#: The link alone opens it; nobody on the way may keep it, and no page that is opened from it learns the address.
_SECRET = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


class QuestionView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="readQuestion",
        tag="links",
        summary="What a link asks",
        parameters=[_TOKEN],
        responses={200: answers(QuestionDocument, "The question.", ("question", examples.QUESTION))},
        refusals=[404],
        optional_token=True,
    )
    def get(self, request: Request, token: str) -> Response:
        question = read_question(token)
        return Response(
            {
                "number": question.request.number,
                "service_name": question.request.service.name,
                "jurisdiction": question.request.jurisdiction.name,
                "text": question.text,
                "asked_at": question.asked_at,
                "expires_at": question.expires_at,
                "answered": question.state == QuestionState.ANSWERED,
            },
            headers=_SECRET,
        )


class AnswerView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="answerQuestion",
        tag="links",
        summary="Answer a question, without an account",
        description=(
            "Once, within 14 days. The reporter, signed in, may name the question's id instead of the link's token. "
            "Photos are those of the caller, who may be a guest."
        ),
        parameters=[_TOKEN],
        request=takes.AnswerInput,
        responses={200: answers(Received, "Thank you.", ("received", examples.RECEIVED))},
        refusals=[401, 404, 409, 410, 422],
        examples=[OpenApiExample("example", value={"text": "On the lane."}, request_only=True)],
        optional_token=True,
    )
    def post(self, request: Request, token: str) -> Response:
        values = checked(takes.AnswerInput, request.data)
        return _received(answer(by=_person(request), token=token, **values))


class HandoverLinkView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="readHandover",
        tag="links",
        summary="What a contractor sees",
        parameters=[_TOKEN],
        responses={200: answers(HandedOver, "Nothing of who reported it.", ("handed over", examples.HANDED_OVER))},
        refusals=[404, 410],
        optional_token=True,
    )
    def get(self, request: Request, token: str) -> Response:
        handover = read_handover(token)
        made = handover.request
        return Response(
            {
                "number": made.number,
                "service_name": made.service.name,
                "department": made.department.name,
                "location": {"latitude": made.location.y, "longitude": made.location.x},
                "address": made.address,
                "description": made.description,
                "attributes": made.attributes,
                "photos": _photos(made, token, base_url(request)),
                "submitted_at": made.submitted_at,
                "expires_at": handover.expires_at,
                "done": handover.done_at is not None,
            },
            headers=_SECRET,
        )

    @operation(
        id="reportDone",
        tag="links",
        summary="A contractor says that the work is done, or why not",
        description="Done once; staff confirm it by resolving the request. Photos are those of the caller, a guest.",
        parameters=[_TOKEN],
        request=takes.DoneInput,
        responses={200: answers(Received, "Thank you.", ("received", examples.RECEIVED))},
        refusals=[401, 404, 409, 410, 422],
        examples=[OpenApiExample("example", value={"done": True, "text": "Filled and sealed."}, request_only=True)],
        optional_token=True,
    )
    def post(self, request: Request, token: str) -> Response:
        values = checked(takes.DoneInput, request.data)
        return _received(report_done(by=_person(request), token=token, **values))


def _person(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None


def _received(made: ServiceRequest) -> Response:
    return Response({"number": made.number, "status": made.status}, headers=_SECRET)


def _photos(made: ServiceRequest, token: str, base: str) -> list[dict[str, Any]]:
    photos = Photo.objects.filter(request=made.pk, audience=PhotoAudience.PUBLIC).exclude(state=PhotoState.REJECTED)
    return [
        {
            "id": str(photo.pk),
            "state": photo.state,
            "purpose": photo.purpose,
            "width": photo.width,
            "height": photo.height,
            **{
                variant: f"{base}/api/v1/photos/{photo.pk}/{variant}?link={token}"
                if photo.state == PhotoState.READY
                else None
                for variant in ("thumbnail", "large")
            },
        }
        for photo in photos.order_by("pk")
    ]
