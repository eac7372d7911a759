from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.actors import caller
from api.crew.filter_serializers import SavedFilterEntry, SavedFilterInput, SavedFilterList
from api.fields import checked
from api.schema import answers, operation
from requests311.actions.remove_filter import remove_filter
from requests311.actions.save_filter import FILTERS_AT_MOST, save_filter
from requests311.models import SavedFilter
from requests311.queries.saved_filters import filter_of, filters_of

_INPUT = {"name": "Mine, overdue", "query": {"assignee": "me", "overdue": "true", "sort": "due"}}
_ENTRY = {
    "id": "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f",
    **_INPUT,
    "position": 0,
    "created_at": "2026-11-27T08:00:00Z",
}
_PATH = OpenApiParameter("filter_id", UUID, OpenApiParameter.PATH, description="Id of one of the caller's own.")
_PRIVATE = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}


class FiltersView(APIView):
    @operation(
        id="listSavedFilters",
        tag="crew",
        summary="What the caller has saved to look for",
        description="Their own, in their order; for staff.",
        responses={200: answers(SavedFilterList, "The filters.", ("filters", {"results": [_ENTRY]}))},
        refusals=[401, 403],
    )
    def get(self, request: Request) -> Response:
        entries = [_entry(saved) for saved in filters_of(caller(request))]
        return Response({"results": entries}, headers=_PRIVATE)

    @operation(
        id="createSavedFilter",
        tag="crew",
        summary="Save a filter of the queue",
        description=(
            f"The query parameters of the queue under a name; at most {FILTERS_AT_MOST} a person, one more is 422 with "
            "the code `too_many`. What a value means is looked at when the filter is used."
        ),
        request=SavedFilterInput,
        responses={201: answers(SavedFilterEntry, "Saved.", ("filter", _ENTRY))},
        refusals=[401, 403, 422],
        examples=[OpenApiExample("mine, overdue", value=_INPUT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        values = checked(SavedFilterInput, request.data)
        return Response(_entry(save_filter(by=caller(request), **values)), status=201, headers=_PRIVATE)


class FilterView(APIView):
    @operation(
        id="getSavedFilter",
        tag="crew",
        summary="One saved filter",
        parameters=[_PATH],
        responses={200: answers(SavedFilterEntry, "The filter.", ("filter", _ENTRY))},
        refusals=[401, 403, 404],
    )
    def get(self, request: Request, filter_id: UUID) -> Response:
        return Response(_entry(filter_of(caller(request), id=filter_id)), headers=_PRIVATE)

    @operation(
        id="putSavedFilter",
        tag="crew",
        summary="Replace a saved filter",
        description="All of it, but for the position where none is given.",
        parameters=[_PATH],
        request=SavedFilterInput,
        responses={200: answers(SavedFilterEntry, "The filter as it is now.", ("filter", _ENTRY))},
        refusals=[401, 403, 404, 422],
        examples=[OpenApiExample("mine, overdue", value=_INPUT, request_only=True)],
    )
    def put(self, request: Request, filter_id: UUID) -> Response:
        values = checked(SavedFilterInput, request.data)
        return Response(_entry(save_filter(by=caller(request), id=filter_id, **values)), headers=_PRIVATE)

    @operation(
        id="deleteSavedFilter",
        tag="crew",
        summary="Remove a saved filter",
        parameters=[_PATH],
        responses={204: None},
        refusals=[401, 403, 404],
    )
    def delete(self, request: Request, filter_id: UUID) -> Response:
        remove_filter(by=caller(request), id=filter_id)
        return Response(status=204)


def _entry(saved: SavedFilter) -> dict[str, Any]:
    return {
        "id": saved.pk,
        "name": saved.name,
        "query": saved.query,
        "position": saved.position,
        "created_at": saved.created_at,
    }
