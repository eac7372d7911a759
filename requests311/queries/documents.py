"""Requests as the JSON that a caller may see, built by the database and returned as text.

Serialising rows in Python costs several times what PostgreSQL takes to write the JSON itself, and one
statement for list, detail and every answer to a write cannot disagree with itself. It is SQL as written:
putting the same together from ORM expressions took 10 ms of Python a call, the statement itself takes one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from requests311.actors import Actor
from requests311.conditions import NOTHING, Condition
from requests311.policies import Permission


@dataclass(frozen=True)
class Order:
    """By an SQL expression over the request's row `r`, then by id; by id alone where there is none.

    `extra` is a further member of each document: name and expression. `nearest`: an index gives the order of the key,
    but none of the key and the id (KNN); rows of the same key are then put in order after they are found.
    """

    key: str = ""
    descending: bool = False
    extra: tuple[str, str] | None = None
    nearest: bool = False

    def sql(self) -> str:
        """Of requests called `r`."""
        direction = " DESC" if self.descending else ""
        return ", ".join(f"{part}{direction}" for part in (self.key, "r.id") if part)

    def first(self, limit: int) -> str:
        """ORDER BY and LIMIT over requests called `r`; with all that equal the last one where the order is `nearest`.

        The limit is written out: for one that it does not know PostgreSQL expects a tenth of the table.
        """
        if self.nearest:
            return f"ORDER BY {self.key} FETCH FIRST {limit} ROWS WITH TIES"
        return f"ORDER BY {self.sql()} LIMIT {limit}"

    def of_documents(self, row: str = "r") -> str:
        """Of rows of this name that have the key as a column."""
        direction = " DESC" if self.descending else ""
        return ", ".join(f"{row}.{part}{direction}" for part in ("key" if self.key else "", "id") if part)


NEWEST_FIRST = Order(descending=True)
OLDEST_CHANGE_FIRST = Order("r.updated_at")

# The rows are chosen first: what is joined and written then are those of the page and no more. Photos are grouped
# once for all of them, since a subquery a row takes as long as the row itself. `json` and not `jsonb`, which would
# be parsed, sorted and written again: what only some may see is put to the end of the text.
# The end is cut off at a mark, which no value can hold, since quotes within strings are escaped: `left(…, -1)` would
# count the characters of the whole document, twice.
_FOUND = "(SELECT r.* FROM requests311_servicerequest r WHERE {where} {first})"
_LED = "(SELECT r.* FROM unnest({arrays}) AS lead ({columns}) CROSS JOIN LATERAL " + _FOUND + " r)"  # noqa: S608
_LED_BY_KEYS = """(
    SELECT r.* FROM (
        SELECT found.* FROM unnest({arrays}) AS lead ({columns})
        CROSS JOIN LATERAL (SELECT {keys} FROM requests311_servicerequest r WHERE {where} {first}) found
        ORDER BY {found_order} LIMIT {limit}
    ) found JOIN requests311_servicerequest r ON r.id = found.id
)"""
_DOCUMENTS = """
WITH chosen AS MATERIALIZED (
    SELECT r.*, {personal} AS personal, {internal} AS internal
    FROM {found} r ORDER BY {order} LIMIT {limit}
)
SELECT split_part(json_build_object(
        'id', r.id,
        'number', r.number,
        'status', r.status,
        'resolution', NULLIF(r.resolution, ''),
        'jurisdiction', j.code,
        'service', s.code,
        'service_name', s.name,
        'department', json_build_object('code', d.code, 'name', d.name),
        'reason', r.reason,
        'areas', r.areas,
        'location', json_build_object('latitude', ST_Y(r.location), 'longitude', ST_X(r.location)),
        'asset', CASE WHEN a.id IS NOT NULL
            THEN json_build_object('id', a.id, 'kind', a.kind, 'code', a.code, 'name', a.name) END,
        'address', r.address,
        'description', r.description,
        'attributes', r.attributes,
        'photos', COALESCE(photos.list, '[]'),
        'visibility', r.visibility,
        'version', r.version,
        'submitted_at', r.submitted_at,
        'updated_at', r.updated_at,
        'due_at', r.due_at,
        'acknowledged_at', r.acknowledged_at,
        'resolved_at', r.resolved_at,
        'closed_at', r.closed_at,
        'hold_until', r.hold_until,
        'duplicate_of', CASE WHEN r.duplicate_of_id IS NOT NULL THEN (
            SELECT k.number FROM requests311_servicerequest k
            WHERE k.id = r.duplicate_of_id AND (k.visibility = 'public' OR r.internal)) END{extra},
        '#', NULL
    )::text, ', "#" : null}}', 1)
{members}    || '}}' AS document, {keys}
FROM chosen r
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_department d ON d.id = r.department_id
JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id
LEFT JOIN geo_asset a ON a.id = r.asset_id
LEFT JOIN (
    SELECT p.request_id, json_agg(json_build_object(
        'id', p.id,
        'state', p.state,
        'purpose', p.purpose,
        'width', p.width,
        'height', p.height,
        'thumbnail', CASE WHEN p.state = 'ready' THEN %s::text || '/api/v1/photos/' || p.id || '/thumbnail' END,
        'large', CASE WHEN p.state = 'ready' THEN %s::text || '/api/v1/photos/' || p.id || '/large' END
    ) ORDER BY p.id) AS list
    FROM chosen JOIN requests311_photo p ON p.request_id = chosen.id AND p.state <> 'rejected'
        AND (p.audience = 'public' OR chosen.internal OR chosen.personal AND p.purpose = 'answer')
    GROUP BY p.request_id
) photos ON photos.request_id = r.id
ORDER BY {order}
"""

# What only some see; for who can see it of no request at all, it is not even planned.
_PERSONAL = """    || CASE WHEN r.personal THEN ', ' || left(substr(
        json_build_object('contact', r.contact, 'client_id', r.client_id, 'channel', r.channel,
            'question', CASE WHEN r.hold_reason = 'reporter' THEN (
                SELECT json_build_object('id', q.id, 'text', q.text, 'asked_at', q.asked_at, 'expires_at', q.expires_at)
                FROM requests311_question q WHERE q.request_id = r.id AND q.state = 'open') END)::text, 2), -1)
        ELSE '' END
"""
_INTERNAL = """    || CASE WHEN r.internal THEN ', ' || left(substr(
        json_build_object('reporter', r.reporter_id, 'assignee', r.assignee_id,
            'team', CASE WHEN r.team_id IS NOT NULL THEN (
                SELECT t.code FROM requests311_team t WHERE t.id = r.team_id) END,
            'priority', (ARRAY['urgent', 'high', 'normal', 'low'])[r.priority],
            'hold_reason', NULLIF(r.hold_reason, ''),
            'first_response_due_at', r.first_response_due_at, 'parent', r.parent_id)::text, 2), -1)
        ELSE '' END
"""

# One text for the whole page: fifty rows cost the driver more than PostgreSQL takes to join them.
_PAGE = """
WITH documents AS ({documents}),
numbered AS (SELECT r.*, row_number() OVER (ORDER BY {order}) AS place FROM documents r)
SELECT COALESCE(string_agg(document, ',' ORDER BY place) FILTER (WHERE place <= %s), ''),
    (SELECT ARRAY[key::text, id::text] FROM numbered WHERE place = %s AND (SELECT max(place) FROM numbered) > %s)
FROM numbered
"""


class Page(NamedTuple):
    """Documents as the text of a JSON array without its brackets; (key of the order, id) of the last where more
    follow."""

    text: str
    last: tuple[str, str] | None


@dataclass(frozen=True)
class Documents:
    """A statement that gives documents; `sql` and `params` may stand as a subquery in another one."""

    sql: str
    params: Sequence[Any]
    order: Order

    def first(self) -> str | None:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.params)
            row = cursor.fetchone()
        return row[0] if row else None

    def text(self) -> str:
        """The one document there is."""
        text = self.first()
        if text is None:
            raise LookupError("there is no such request")
        return text

    def page(self, length: int) -> Page:
        """The first `length` documents; the statement must give one more for `last` to know that more follow."""
        with connection.cursor() as cursor:
            cursor.execute(
                _PAGE.format(documents=self.sql, order=self.order.of_documents()),
                (*self.params, length, length, length),
            )
            text, last = cursor.fetchone()
        return Page(text, tuple(last) if last else None)


@dataclass(frozen=True)
class Lead:
    """Values of columns of which a request has one row, each read by the columns' own index in the order wanted.

    For a list of values in a condition PostgreSQL would read all that have any of them, and sort.
    """

    columns: dict[str, str]  # name: type
    rows: Sequence[tuple[Any, ...]]
    #: Where that index holds all that is asked for: each lead gives a page, and the rows themselves, which are wide,
    #: are read only of the one page that is left of them.
    keys_first: bool = False

    def arrays(self) -> str:
        return ", ".join(f"%s::{kind}[]" for kind in self.columns.values())

    def params(self) -> list[list[Any]]:
        return [[row[at] for row in self.rows] for at in range(len(self.columns))]

    def condition(self) -> Condition:
        return Condition(" AND ".join(f"{{r}}.{column} = lead.{column}" for column in self.columns))


def request_documents(
    *conditions: Condition,
    actor: Actor,
    base_url: str,
    limit: int,
    order: Order = NEWEST_FIRST,
    lead: Lead | None = None,
) -> Documents:
    """Documents of the requests that meet all the conditions, which the caller is already known to may see.

    The reporter and staff also find `contact`, `client_id` and `channel`; staff find `reporter` and
    `assignee`. `base_url` stands before the paths of photos, without a final slash.
    """
    personal = actor.owns() | actor.may(Permission.READ_CONTACT)
    internal = actor.may(Permission.READ_INTERNAL)
    if lead is not None:
        conditions = (*conditions, lead.condition())
    where = " AND ".join(condition.sql() for condition in conditions)
    first = order.first(limit)
    keys = f"{order.key or 'NULL'} AS key, r.id"
    found = _FOUND.format(where=where, first=first)
    if lead is not None:
        found = (_LED_BY_KEYS if lead.keys_first else _LED).format(
            arrays=lead.arrays(),
            columns=", ".join(lead.columns),
            keys=keys,
            where=where,
            first=first,
            found_order=order.of_documents("found"),
            limit=limit,
        )
    sql = _DOCUMENTS.format(
        personal=personal.sql(),
        internal=internal.sql(),
        found=found,
        order=order.sql(),
        limit=limit,
        keys=keys,
        extra=f", '{order.extra[0]}', {order.extra[1]}" if order.extra else "",
        members=("" if personal is NOTHING else _PERSONAL) + ("" if internal is NOTHING else _INTERNAL),
    )
    led = lead.params() if lead is not None else []
    chosen = [
        *(param for condition in (personal, internal) for param in condition.params),
        *led,
        *(param for condition in conditions for param in condition.params),
    ]
    return Documents(sql, (*chosen, base_url, base_url), order)


def request_document(*, id: UUID, actor: Actor, base_url: str) -> Documents:
    """The document of one request."""
    return request_documents(Condition("{r}.id = %s", id), actor=actor, base_url=base_url, limit=1)
