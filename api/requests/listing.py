"""Which requests a page of the list holds, and where the next page begins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from api.pagination import bad_cursor, decode, encode
from requests311.actors import Actor
from requests311.models import ServiceRequest


class RequestsPage:
    """Newest first by id, a UUIDv7; with `updated_after` oldest change first, for keeping a copy up to date."""

    def __init__(self, actor: Actor, query: dict[str, Any]) -> None:
        self.limit: int = query["limit"]
        self.by_change = "updated_after" in query
        #: Read with every row: the document, and the key that a cursor names.
        self.columns = ("document", "updated_at", "id") if self.by_change else ("document", "id")
        rows = _filtered(ServiceRequest.objects.visible_to(actor), actor, query)
        rows = rows.order_by("updated_at", "id") if self.by_change else rows.order_by("-id")
        if "cursor" in query:
            rows = rows.filter(self._after(query["cursor"]))
        # One row more than a page tells whether there is a next one.
        self.rows: QuerySet[ServiceRequest] = rows[: self.limit + 1]

    def cut(self, rows: Sequence[tuple[Any, ...]]) -> tuple[list[str], str | None]:
        """The page's documents and the cursor of the next page, if there is one."""
        page = rows[: self.limit]
        cursor = None
        if len(rows) > self.limit:
            key = page[-1][1:]
            cursor = encode(*(part.isoformat() if isinstance(part, datetime) else str(part) for part in key))
        return [row[0] for row in page], cursor

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
    if "service" in query:
        rows = rows.filter(service__code=query["service"])
    if "department" in query:
        code = query["department"]
        rows = rows.filter(Q(department__code=code) | Q(department__parent__code=code))
    if "jurisdiction" in query:
        rows = rows.filter(jurisdiction__code=query["jurisdiction"])
    if "bbox" in query:
        rows = rows.filter(location__coveredby=query["bbox"])
    if "updated_after" in query:
        rows = rows.filter(updated_at__gt=query["updated_after"])
    return rows
