from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import pagination
from api.actors import caller, signed_in
from api.crew import examples
from api.crew.operation_serializers import PRIORITIES
from api.crew.serializers import QUEUE_STATUSES, CountsDocument, QueuePage, QueueQuery
from api.fields import checked_query
from api.links import base_url
from api.renderers import JSONText
from api.schema import answers, degrees, operation, query, text
from requests311.queries.queue import Filters, Sort, read_counts, read_queue

_PRIVATE = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}


class QueueView(APIView):
    @operation(
        id="readQueue",
        tag="crew",
        summary="What the caller's departments have to do",
        description=(
            "Open requests only. Pages by `cursor`, in every order; the thousandth costs what the first does, but by "
            "`distance` a page passes over those before it."
        ),
        parameters=[
            query("status", str, "One or more, comma-separated.", many=True, explode=False, enum=QUEUE_STATUSES),
            query("service", text(60), "Code of a service."),
            query("area", text(101), "Code of an area, or `kind:code`."),
            query("priority", str, "One or more, comma-separated.", many=True, explode=False, enum=PRIORITIES),
            query("assignee", text(36), "`me`, `none` (nobody's and no team's), or the id of a person."),
            query("team", text(60), "Code of a team."),
            query("overdue", bool, "Only what is late, or only what is not."),
            query("due_before", datetime, "ISO 8601 with zone."),
            query("q", text(200), "In description, address or number."),
            query("sort", str, "The order.", enum=[sort.value for sort in Sort], default=Sort.DUE.value),
            query("latitude", degrees(90), "With `longitude`: each row tells its `distance` in metres."),
            query("longitude", degrees(180), "WGS 84."),
            query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows a page."),
            query("cursor", text(200), "`next` of the page before, with the same filters and order."),
        ],
        responses={200: answers(QueuePage, "A page.", ("page", examples.QUEUE))},
        refusals=[401, 403, 422],
    )
    def get(self, request: Request) -> Response:
        user = signed_in(request)
        values = checked_query(QueueQuery, request)
        sort = Sort(values["sort"])
        near = (values["longitude"], values["latitude"]) if "latitude" in values else None
        try:
            page = read_queue(
                actor=caller(request),
                filters=_filters(values, user.pk),
                sort=sort,
                near=near,
                after=_after(values, sort),
                limit=values["limit"],
                base_url=base_url(request),
            )
        except ValueError as error:
            raise pagination.bad_cursor() from error
        cursor = pagination.encode(sort, *(page.last[0] or "", page.last[1])) if page.last else None
        headers = dict(_PRIVATE)
        if cursor:
            headers["Link"] = pagination.next_link(request, cursor)
        return Response(JSONText(pagination.page(page.text, cursor)), headers=headers)


class CountsView(APIView):
    @operation(
        id="countQueue",
        tag="crew",
        summary="How much the caller's departments have to do",
        responses={200: answers(CountsDocument, "Of the open requests.", ("counts", examples.COUNTS))},
        refusals=[401, 403],
    )
    def get(self, request: Request) -> Response:
        signed_in(request)
        counts = read_counts(actor=caller(request))
        return Response(
            {
                "total": counts.total,
                "overdue": counts.overdue,
                "unassigned": counts.unassigned,
                "mine": counts.mine,
                "by_status": counts.by_status,
            },
            headers=_PRIVATE,
        )


def _filters(values: dict[str, Any], me: UUID) -> Filters:
    assignee = values.get("assignee")
    person = me if assignee == "me" else UUID(assignee) if assignee not in (None, "none") else None
    return Filters(
        statuses=values.get("status", ()),
        service=values.get("service"),
        area=values.get("area"),
        priorities=values.get("priority", ()),
        assignee=person,
        unassigned=assignee == "none",
        team=values.get("team"),
        overdue=values.get("overdue"),
        due_before=values.get("due_before"),
        text=values.get("q"),
    )


def _after(values: dict[str, Any], sort: Sort) -> tuple[str, UUID] | None:
    """Raises ValueError, also for the cursor of another order."""
    if "cursor" not in values:
        return None
    order, key, last = pagination.decode(values["cursor"], parts=3)
    if order != sort:
        raise ValueError(order)
    return key, UUID(last)
