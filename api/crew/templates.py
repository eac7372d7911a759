from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import pagination
from api.actors import caller
from api.crew.template_serializers import TemplateEntry, TemplateInput, TemplatePage, TemplateQuery
from api.fields import checked, checked_query
from api.schema import answers, operation, query, text
from requests311.actions.remove_standard_text import remove_standard_text
from requests311.actions.save_standard_text import save_standard_text
from requests311.models import StandardText
from requests311.queries.standard_texts import LAST_RANK, Fitting, text_of, texts_for
from requests311.statuses import Status

_INPUT = {
    "jurisdiction": "smallville",
    "department": "roads",
    "service": "pothole",
    "status": "resolved",
    "language": "en",
    "title": "Filled",
    "text": "Thank you. The hole at {address} is filled. Your number was {number}.",
    "active": True,
}
_ENTRY = {"id": "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f", **_INPUT, "updated_at": "2026-11-27T08:00:00Z"}
_FILLED = {
    **_ENTRY,
    "filled": "Thank you. The hole at 12 Main Street is filled. Your number was 7K3F-9QTD.",
    "missing": [],
}
_PATH = OpenApiParameter("template_id", UUID, OpenApiParameter.PATH, description="Id of a standard text.")
_PRIVATE = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}


class TemplatesView(APIView):
    @operation(
        id="listTemplates",
        tag="crew",
        summary="Standard texts that the caller may use",
        description=(
            "Those that the caller's memberships reach, most specific first: of a department for a service, of all "
            "departments for a service, of a department for every service, for everything. With `request` only those "
            "that fit it, filled. Without it, whoever may change a text also gets it while it is not active."
        ),
        parameters=[
            query("status", str, "The status that it goes with.", enum=Status.values),
            query("service", text(60), "Code of a service; texts for every service fit too."),
            query("language", text(35), "BCP 47 tag; `es` finds `es-419` too."),
            query("request", text(40), "Id or number of a request that the caller works on."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows a page."),
            query("cursor", text(200), "`next` of the page before."),
        ],
        responses={
            200: answers(TemplatePage, "A page.", ("filled for a request", {"results": [_FILLED], "next": None}))
        },
        refusals=[401, 403, 404, 422],
    )
    def get(self, request: Request) -> Response:
        values = checked_query(TemplateQuery, request)
        limit, cursor = values.pop("limit"), values.pop("cursor", None)
        after = None if cursor is None else _key(cursor)
        # One row more than the page tells whether there is a next one.
        found = texts_for(caller(request), **values, after=after, limit=limit + 1)
        page, headers = found[:limit], dict(_PRIVATE)
        following = pagination.encode(str(page[-1].rank), str(page[-1].text.pk)) if len(found) > limit else None
        if following:
            headers["Link"] = pagination.next_link(request, following)
        return Response({"results": [_fitting(one) for one in page], "next": following}, headers=headers)

    @operation(
        id="createTemplate",
        tag="crew",
        summary="Write a standard text",
        description="For whoever manages the texts of that department, or of the whole jurisdiction.",
        request=TemplateInput,
        responses={201: answers(TemplateEntry, "Written.", ("text", _ENTRY))},
        refusals=[401, 403, 422],
        examples=[OpenApiExample("filled", value=_INPUT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        values = checked(TemplateInput, request.data)
        return Response(_entry(save_standard_text(by=caller(request), **values)), status=201, headers=_PRIVATE)


class TemplateView(APIView):
    @operation(
        id="getTemplate",
        tag="crew",
        summary="One standard text",
        parameters=[_PATH],
        responses={200: answers(TemplateEntry, "The text.", ("text", _ENTRY))},
        refusals=[401, 403, 404],
    )
    def get(self, request: Request, template_id: UUID) -> Response:
        return Response(_entry(text_of(caller(request), id=template_id)), headers=_PRIVATE)

    @operation(
        id="putTemplate",
        tag="crew",
        summary="Replace a standard text",
        description=(
            "All of it: what is left out is as if it were never said. To move it to another department takes the "
            "right to manage both."
        ),
        parameters=[_PATH],
        request=TemplateInput,
        responses={200: answers(TemplateEntry, "The text as it is now.", ("text", _ENTRY))},
        refusals=[401, 403, 404, 422],
        examples=[OpenApiExample("filled", value=_INPUT, request_only=True)],
    )
    def put(self, request: Request, template_id: UUID) -> Response:
        values = checked(TemplateInput, request.data)
        return Response(_entry(save_standard_text(by=caller(request), id=template_id, **values)), headers=_PRIVATE)

    @operation(
        id="deleteTemplate",
        tag="crew",
        summary="Remove a standard text",
        parameters=[_PATH],
        responses={204: None},
        refusals=[401, 403, 404],
    )
    def delete(self, request: Request, template_id: UUID) -> Response:
        remove_standard_text(by=caller(request), id=template_id)
        return Response(status=204)


def _key(cursor: str) -> tuple[int, UUID]:
    """(rank, id) of the last text seen."""
    rank, id_ = pagination.decode(cursor, parts=2)
    try:
        key = int(rank), UUID(id_)
    except ValueError as error:
        raise pagination.bad_cursor() from error
    if not 0 <= key[0] <= LAST_RANK:
        raise pagination.bad_cursor()
    return key


def _entry(row: StandardText) -> dict[str, Any]:
    return {
        "id": row.pk,
        "jurisdiction": row.jurisdiction.code,
        "department": row.department.code if row.department else None,
        "service": row.service.code if row.service else None,
        "status": row.status,
        "language": row.language,
        "title": row.title,
        "text": row.text,
        "active": row.active,
        "updated_at": row.updated_at,
    }


def _fitting(one: Fitting) -> dict[str, Any]:
    return _entry(one.text) | {"filled": one.filled, "missing": list(one.missing)}
