"""Which requests a page of the list holds, and where the next page begins."""

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import connection

from api.pagination import bad_cursor, decode, encode
from requests311.actors import Actor
from requests311.conditions import NOTHING, Condition
from requests311.queries.assets import of_asset
from requests311.queries.documents import NEWEST_FIRST, OLDEST_CHANGE_FIRST, request_documents
from requests311.statuses import Status

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
        self.conditions, self.any_of = _filters(actor, query)
        if "cursor" in query:
            self.conditions.append(self._after(query["cursor"]))

    def read(self, actor: Actor, base_url: str) -> tuple[str, str | None]:
        """The page's documents as JSON text, and the cursor of the next page, if there is one."""
        # One row more than the page tells whether there is a next one.
        found = request_documents(
            *self.conditions,
            any_of=self.any_of,
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


def _filters(actor: Actor, query: dict[str, Any]) -> tuple[list[Condition], list[Condition]]:
    """What all rows meet, and conditions of which a row meets one.

    The first of service, status and department leads: its index gives the rows newest first. The others are checked
    on the way, and a department, which is as good as given with a service, in words that hide it from its index:
    PostgreSQL would think the two independent, expect nearly nothing, and read and sort all of both.
    """
    ids = _ids(query)
    filters = [actor.sees()]
    ways: list[list[Condition]] = []
    if "service" in query:
        ways.append([Condition("{r}.service_id = %s", pk) for pk in ids["service"]])
    if "status" in query:
        # Written out, so that PostgreSQL knows how rare it is; the serializer lets only known ones through.
        ways.append([Condition(f"{{r}}.status = '{Status(status)}'") for status in sorted(set(query["status"]))])
    if "department" in query and not ways:
        ways.append([Condition("{r}.department_id = %s", pk) for pk in ids["department"]])
    elif "department" in query:
        filters.append(Condition("{r}.department_id + 0 = ANY(%s)", ids["department"]))
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
    lead, *others = ways or [[]]
    if ways and not lead:
        return [NOTHING], []
    filters += [_any(way) for way in others]
    if len(lead) == 1:
        return [*filters, lead[0]], []
    return filters, lead


def _any(conditions: Sequence[Condition]) -> Condition:
    return reduce(or_, conditions)


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
