"""Which requests a page of the list holds, and where the next page begins."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from api.pagination import bad_cursor, decode, encode
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.queries.assets import of_asset
from requests311.queries.documents import NEWEST_FIRST, OLDEST_CHANGE_FIRST, request_documents

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
        self.conditions = [actor.sees(), *_filters(actor, query)]
        if "cursor" in query:
            self.conditions.append(self._after(query["cursor"]))

    def read(self, actor: Actor, base_url: str) -> tuple[str, str | None]:
        """The page's documents as JSON text, and the cursor of the next page, if there is one."""
        # One row more than the page tells whether there is a next one.
        found = request_documents(
            *self.conditions, actor=actor, base_url=base_url, limit=self.limit + 1, order=self.order
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


def _filters(actor: Actor, query: dict[str, Any]) -> list[Condition]:
    filters = []
    if query["mine"]:
        filters.append(actor.owns())
    if "status" in query:
        filters.append(_one_of("status", query["status"]))
    filters += [_one_of(f"{name}_id", ids) for name, ids in _ids(query).items()]
    if "asset" in query:
        filters.append(of_asset(query["asset"]))
    if "bbox" in query:
        filters.append(Condition("ST_CoveredBy({r}.location, ST_MakeEnvelope(%s, %s, %s, %s, 4326))", *query["bbox"]))
    if "updated_after" in query:
        filters.append(Condition("{r}.updated_at > %s", query["updated_after"]))
    return filters


def _one_of(column: str, values: Sequence[Any]) -> Condition:
    # With one value PostgreSQL reads the newest from the filter's own index; of several it has to sort.
    if len(values) == 1:
        return Condition(f"{{r}}.{column} = %s", values[0])
    return Condition(f"{{r}}.{column} = ANY(%s)", list(values))


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
