"""Which requests a page of the list holds, and where the next page begins."""

from collections.abc import Sequence
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from django.db import connection

from api.pagination import bad_cursor, decode, encode
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.queries.assets import of_asset
from requests311.queries.documents import NEWEST_FIRST, OLDEST_CHANGE_FIRST, Lead, request_documents
from requests311.statuses import Status

_TYPES = {"service_id": "bigint", "department_id": "bigint", "status": "text"}
_IDS = {
    "service": "SELECT 'service', id FROM requests311_service WHERE code = %s",
    "department": (
        "SELECT 'department', d.id FROM requests311_department d"
        " LEFT JOIN requests311_department agency ON agency.id = d.parent_id WHERE %s IN (d.code, agency.code)"
    ),
    "jurisdiction": "SELECT 'jurisdiction', id FROM requests311_jurisdiction WHERE code = %s",
}


class RequestsPage:
    """Newest first by id, a UUIDv7; with `updated_after` oldest change first, for keeping a copy up to date."""

    def __init__(self, actor: Actor, query: dict[str, Any]) -> None:
        self.limit: int = query["limit"]
        self.by_change = "updated_after" in query
        self.order = OLDEST_CHANGE_FIRST if self.by_change else NEWEST_FIRST
        self.conditions, self.lead = _filters(actor, query, leads=not self.by_change)
        if "cursor" in query:
            self.conditions.append(self._after(query["cursor"]))

    def read(self, actor: Actor, base_url: str) -> tuple[str, str | None]:
        """The page's documents as JSON text, and the cursor of the next page, if there is one."""
        # One row more than the page tells whether there is a next one.
        found = request_documents(
            *self.conditions,
            lead=self.lead,
            actor=actor,
            base_url=base_url,
            limit=self.limit + 1,
            order=self.order,
        ).page(self.limit)
        if found.last is None:
            return found.text, None
        changed_at, last_id = found.last
        return found.text, encode(changed_at, last_id) if self.by_change else encode(last_id)

    def _after(self, cursor: str) -> Condition:
        key = decode(cursor, parts=2 if self.by_change else 1)
        try:
            last = UUID(key[-1])
            if not self.by_change:
                return Condition("{r}.id < %s", last)
            moment = datetime.fromisoformat(key[0])
        except ValueError as error:
            raise bad_cursor() from error
        if moment.tzinfo is None:
            raise bad_cursor()
        return Condition("({r}.updated_at, {r}.id) > (%s, %s)", moment, last)


def _filters(actor: Actor, query: dict[str, Any], *, leads: bool) -> tuple[list[Condition], Lead | None]:
    """What all rows meet, and what leads to them.

    A service or a department leads, with the statuses, by an index that has each pair's newest first. A department
    beside a service is only checked: it is as good as given with the service, which PostgreSQL cannot know.
    """
    ids = _ids(query)
    statuses = sorted(set(query.get("status", Status.values)))
    filters = [actor.sees()]
    columns: dict[str, Sequence[Any]] = {}
    if "service" in query:
        columns["service_id"] = ids["service"]
    elif "department" in query:
        columns["department_id"] = ids["department"]
    if "department" in query and "service" in query:
        filters.append(Condition("{r}.department_id = ANY(%s)", ids["department"]))
    if columns or "status" in query:
        columns["status"] = statuses
    if "jurisdiction" in query:
        filters.append(Condition("{r}.jurisdiction_id = ANY(%s)", ids["jurisdiction"]))
    if query["mine"]:
        filters.append(actor.owns())
    if "asset" in query:
        filters.append(of_asset(query["asset"]))
    if "bbox" in query:
        filters.append(Condition("ST_CoveredBy({r}.location, ST_MakeEnvelope(%s, %s, %s, %s, 4326))", *query["bbox"]))
    if "updated_after" in query:
        filters.append(Condition("{r}.updated_at > %s", query["updated_after"]))
    # Few enough rows have these to find them first.
    if not leads or query["mine"] or "asset" in query or "bbox" in query:
        filters += [Condition(f"{{r}}.{name} = ANY(%s)", list(values)) for name, values in columns.items()]
        return filters, None
    if not columns:
        return filters, None
    return filters, Lead({name: _TYPES[name] for name in columns}, list(product(*columns.values())))


def _ids(query: dict[str, Any]) -> dict[str, list[int]]:
    """Ids of what the query names by code, one statement: with ids PostgreSQL knows how many rows to expect."""
    named = [name for name in _IDS if name in query]
    if not named:
        return {}
    found: dict[str, list[int]] = {name: [] for name in named}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(_IDS[name] for name in named), [query[name] for name in named])
        for name, pk in cursor.fetchall():
            found[name].append(pk)
    return found
