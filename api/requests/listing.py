"""Which requests a page of the list holds, and where the next page begins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet, Value

from api.pagination import bad_cursor, decode, encode
from requests311.actors import Actor
from requests311.models import Department, Jurisdiction, Service, ServiceRequest
from requests311.queries.documents import NEWEST_FIRST, OLDEST_CHANGE_FIRST, Document


class RequestsPage:
    """Newest first by id, a UUIDv7; with `updated_after` oldest change first, for keeping a copy up to date."""

    def __init__(self, actor: Actor, query: dict[str, Any]) -> None:
        self.limit: int = query["limit"]
        self.by_change = "updated_after" in query
        self.order = OLDEST_CHANGE_FIRST if self.by_change else NEWEST_FIRST
        rows = _filtered(ServiceRequest.objects.visible_to(actor), actor, query)
        rows = rows.order_by("updated_at", "id") if self.by_change else rows.order_by("-id")
        if "cursor" in query:
            rows = rows.filter(self._after(query["cursor"]))
        # One row more than a page tells whether there is a next one.
        self.rows: QuerySet[ServiceRequest] = rows[: self.limit + 1]

    def cut(self, rows: Sequence[Document]) -> tuple[list[str], str | None]:
        """The page's documents and the cursor of the next page, if there is one."""
        page = rows[: self.limit]
        cursor = self._cursor(page[-1]) if len(rows) > self.limit else None
        return [row.text for row in page], cursor

    def _cursor(self, last: Document) -> str:
        if self.by_change:
            return encode(last.updated_at.isoformat(), str(last.id))
        return encode(str(last.id))

    def _after(self, cursor: str) -> Q:
        key = decode(cursor, parts=2 if self.by_change else 1)
        try:
            last = UUID(key[-1])
            if not self.by_change:
                return Q(pk__lt=last)
            moment = datetime.fromisoformat(key[0])
        except ValueError as error:
            raise bad_cursor() from error
        if moment.tzinfo is None:
            raise bad_cursor()
        return Q(updated_at__gt=moment) | Q(updated_at=moment, pk__gt=last)


def _filtered(rows: QuerySet[ServiceRequest], actor: Actor, query: dict[str, Any]) -> QuerySet[ServiceRequest]:
    if query["mine"]:
        rows = rows.filter(actor.owns())
    if "status" in query:
        rows = rows.filter(status__in=query["status"])
    for column, ids in _ids(query).items():
        rows = rows.filter(**{f"{column}__in": ids})
    if "bbox" in query:
        rows = rows.filter(location__coveredby=query["bbox"])
    if "updated_after" in query:
        rows = rows.filter(updated_at__gt=query["updated_after"])
    return rows


def _ids(query: dict[str, Any]) -> dict[str, list[int]]:
    """Ids of what the query names by code, one statement: with ids PostgreSQL knows how many rows to expect."""
    rooms: dict[str, QuerySet[Any]] = {}
    if "service" in query:
        rooms["service"] = Service.objects.filter(code=query["service"])
    if "department" in query:
        code = query["department"]
        rooms["department"] = Department.objects.filter(Q(code=code) | Q(parent__code=code))
    if "jurisdiction" in query:
        rooms["jurisdiction"] = Jurisdiction.objects.filter(code=query["jurisdiction"])
    if not rooms:
        return {}
    parts = [rows.order_by().values_list(Value(name), "pk") for name, rows in rooms.items()]
    found: dict[str, list[int]] = {name: [] for name in rooms}
    for name, pk in parts[0].union(*parts[1:], all=True):
        found[name].append(pk)
    return found
