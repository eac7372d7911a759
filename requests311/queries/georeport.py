"""Requests and updates as GeoReport v2 writes them, put together by the database: a thousand in one text.

The one place that knows how our fields are called there. XML is written as text and not by `xmlelement`, which takes
three times as long; every value that is not a number or a time of ours is escaped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from requests311.conditions import Condition
from requests311.queries.timeline import BETWEEN_TWO, NO_ROWS_OF_THEIR_OWN, SHOWN_TEXT
from requests311.statuses import OPEN

_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN))
_IS_OPEN = f"r.status IN ({_OPEN})"
#: A request is closed for the standard as soon as nobody has to do anything; its update is then that moment.
_CHANGED_AT = (
    f"CASE WHEN {_IS_OPEN} THEN r.updated_at ELSE COALESCE(LEAST(r.resolved_at, r.closed_at), r.updated_at) END"
)
_ZIPCODE = """(SELECT a->>'code' FROM jsonb_array_elements(r.areas) a
    WHERE a->>'kind' IN ('zipcode', 'zip', 'postcode') LIMIT 1)"""


def _time(moment: str) -> str:
    """Sessions are in UTC (Django sets the time zone); no fractions of a second."""
    return f"""to_char({moment}, 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""


class Kind(StrEnum):
    TEXT = "text"  # anything that people wrote, to be escaped
    PLAIN = "plain"  # ours, with nothing to escape
    NUMBER = "number"


#: What everybody may read of an event's text, and which events say anything.
_SAID = f"(CASE WHEN {BETWEEN_TWO} THEN '' ELSE {SHOWN_TEXT} END)"
_TELLS = f"NOT {NO_ROWS_OF_THEIR_OWN}"

#: In the order of the standard's own examples.
_FIELDS: tuple[tuple[str, str, Kind], ...] = (
    ("service_request_id", "r.number", Kind.PLAIN),
    ("status", f"CASE WHEN {_IS_OPEN} THEN 'open' ELSE 'closed' END", Kind.PLAIN),
    ("status_notes", "said.text", Kind.TEXT),
    ("service_name", "s.name", Kind.TEXT),
    ("service_code", "s.code", Kind.PLAIN),
    ("description", "r.description", Kind.TEXT),
    ("agency_responsible", "d.name", Kind.TEXT),
    ("service_notice", "r.reason", Kind.TEXT),
    ("requested_datetime", _time("r.submitted_at"), Kind.PLAIN),
    ("updated_datetime", _time(_CHANGED_AT), Kind.PLAIN),
    ("expected_datetime", _time("r.due_at"), Kind.PLAIN),
    ("address", "r.address", Kind.TEXT),
    ("address_id", "NULL::text", Kind.PLAIN),
    ("zipcode", _ZIPCODE, Kind.TEXT),
    ("lat", "ST_Y(r.location)", Kind.NUMBER),
    ("long", "ST_X(r.location)", Kind.NUMBER),
    ("media_url", "shown.url", Kind.TEXT),
)
FIELD_NAMES = tuple(name for name, _, _ in _FIELDS)

_JOINS = f"""
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_department d ON d.id = r.department_id
LEFT JOIN LATERAL (
    SELECT {_SAID} AS text FROM requests311_event e
    WHERE e.request_id = r.id AND e.audience = 'public' AND {_TELLS} AND {_SAID} <> '' ORDER BY e.version DESC LIMIT 1
) said ON true
LEFT JOIN LATERAL (
    SELECT %s::text || '/api/v1/photos/' || p.id || '/large' AS url FROM requests311_photo p
    WHERE p.request_id = r.id AND p.state = 'ready' AND p.audience = 'public' ORDER BY p.id LIMIT 1
) shown ON true
"""  # noqa: S608 (our own columns)

# --- Extensions: what clients ask for with `extensions=true` --------------------------------------------

_ANSWER = """CASE jsonb_typeof(answer.value) WHEN 'array'
    THEN (SELECT string_agg(one, ',') FROM jsonb_array_elements_text(answer.value) one)
    ELSE answer.value #>> ARRAY[]::text[] END"""
_EXTENSION_JOINS = f"""
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('code', answer.key, 'value', {_ANSWER}) ORDER BY answer.key) AS json,
        string_agg({{answer_xml}}, '' ORDER BY answer.key) AS xml
    FROM jsonb_each(r.attributes) answer
) answers ON true
LEFT JOIN LATERAL (
    SELECT json_agg(picture.url ORDER BY picture.id) AS json, string_agg({{picture_xml}}, '' ORDER BY picture.id) AS xml
    FROM (
        SELECT p.id, %s::text || '/api/v1/photos/' || p.id || '/large' AS url FROM requests311_photo p
        WHERE p.request_id = r.id AND p.state = 'ready' AND p.audience = 'public'
    ) picture
) pictures ON true
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object('datetime', {_time("e.at")}, 'summary', {{summary}},
            'description', NULLIF({_SAID}, ''), 'type', e.kind) ORDER BY e.version) AS json,
        string_agg({{note_xml}}, '' ORDER BY e.version) AS xml
    FROM requests311_event e WHERE e.request_id = r.id AND e.audience = 'public' AND {_TELLS}
) notes ON true
LEFT JOIN LATERAL (
    SELECT string_agg(area->>'name', ', ') AS names FROM jsonb_array_elements(r.areas) area
) areas ON true
"""  # noqa: S608 (our own columns)
#: The one that a duplicate was joined to, where everybody may see it.
_PARENT = """(SELECT k.number FROM requests311_servicerequest k
    WHERE k.id = r.duplicate_of_id AND k.visibility = 'public')"""
#: "In progress" out of "in_progress".
_SUMMARY = "replace(upper(left(NULLIF(e.to_status, ''), 1)) || substr(e.to_status, 2), '_', ' ')"

#: What XML 1.0 cannot write at all.
_UNWRITABLE = "".join(chr(code) for code in range(1, 32) if code not in (9, 10, 13)) + "\ufffe\uffff"
_UNWRITABLE_SQL = "U&'" + "".join(f"\\{ord(sign):04X}" for sign in _UNWRITABLE) + "'"


def _escaped(value: str) -> str:
    cleaned = f"translate({value}, {_UNWRITABLE_SQL}, '')"
    return f"replace(replace(replace({cleaned}, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')"


def _xml(name: str, value: str, kind: Kind) -> str:
    inside = _escaped(value) if kind is Kind.TEXT else f"({value})::text"
    return f"'<{name}>' || COALESCE({inside}, '') || '</{name}>'"


def _json(name: str, value: str, kind: Kind) -> str:
    return f"'{name}', {value}" if kind is Kind.NUMBER else f"'{name}', NULLIF({value}, '')"


_JSON_ROW = f"json_build_object({', '.join(_json(*one) for one in _FIELDS)})::text"
_XML_FIELDS = " || ".join(_xml(*one) for one in _FIELDS)
_XML_ROW = f"'<request>' || {_XML_FIELDS} || '</request>'"

_JSON_EXTENDED = f"""left({_JSON_ROW}, -1) || ', ' || substr(json_build_object(
    'attributes', COALESCE(answers.json, '[]'),
    'extended_attributes', json_build_object('channel', r.channel, 'area', areas.names,
        'photos', COALESCE(pictures.json, '[]'), 'duplicate', r.status = 'duplicate',
        'parent_service_request_id', {_PARENT}),
    'notes', COALESCE(notes.json, '[]'))::text, 2)"""
_XML_EXTENDED = f"""'<request>' || {_XML_FIELDS}
    || '<attributes>' || COALESCE(answers.xml, '') || '</attributes>'
    || '<extended_attributes>' || {_xml("channel", "r.channel", Kind.PLAIN)} || {_xml("area", "areas.names", Kind.TEXT)}
    || '<photos>' || COALESCE(pictures.xml, '') || '</photos>'
    || '<duplicate>' || (r.status = 'duplicate')::text || '</duplicate>'
    || {_xml("parent_service_request_id", _PARENT, Kind.PLAIN)} || '</extended_attributes>'
    || '<notes>' || COALESCE(notes.xml, '') || '</notes></request>'"""
_EXTENSION_JOINS = _EXTENSION_JOINS.format(
    summary=_SUMMARY,
    answer_xml="'<attribute>' || "
    + _xml("code", "answer.key", Kind.TEXT)
    + " || "
    + _xml("value", _ANSWER, Kind.TEXT)
    + " || '</attribute>'",
    picture_xml=_xml("photo", "picture.url", Kind.TEXT),
    note_xml="'<note>' || "
    + " || ".join(
        (
            _xml("datetime", _time("e.at"), Kind.PLAIN),
            _xml("summary", _SUMMARY, Kind.PLAIN),
            _xml("description", _SAID, Kind.TEXT),
            _xml("type", "e.kind", Kind.PLAIN),
        )
    )
    + " || '</note>'",
)


class Writing(StrEnum):
    XML = "xml"
    JSON = "json"


@dataclass(frozen=True)
class Order:
    """Columns of `requests311_servicerequest r`, and their parameters."""

    sql: str
    params: Sequence[Any] = ()


NEWEST_FIRST = Order("r.submitted_at DESC, r.id DESC")
OLDEST_FIRST = Order("r.submitted_at, r.id")
NEWEST_CHANGE_FIRST = Order("r.updated_at DESC, r.id DESC")
OLDEST_CHANGE_FIRST = Order("r.updated_at, r.id")


def nearest_first(longitude: float, latitude: float) -> Order:
    """By degrees, which is what an index can tell; WGS 84."""
    return Order("r.location <-> ST_SetSRID(ST_MakePoint(%s, %s), 4326)", (longitude, latitude))


@dataclass(frozen=True)
class Selection:
    """Which requests: all conditions hold; `skip` of them in `order` are passed over."""

    conditions: Sequence[Condition]
    order: Order = NEWEST_FIRST
    limit: int = 1000
    skip: int = 0

    def sql(self) -> str:
        """Ids first and rows after: those passed over, and those a filter refuses, are then read in the index alone."""
        where = " AND ".join(condition.sql() for condition in self.conditions) or "true"
        return (
            f"SELECT r.id FROM requests311_servicerequest r WHERE {where}"  # noqa: S608 (our own columns)
            f" ORDER BY {self.order.sql} LIMIT {int(self.limit)} OFFSET {int(self.skip)}"
        )

    def params(self) -> list[Any]:
        return [*(param for condition in self.conditions for param in condition.params), *self.order.params]


def requests_text(selection: Selection, *, writing: Writing, extensions: bool, base_url: str) -> str:
    """The entries of `service_requests`, without what stands around them; one statement. Empty where there are none."""
    if writing is Writing.JSON:
        row, between = (_JSON_EXTENDED if extensions else _JSON_ROW), ","
    else:
        row, between = (_XML_EXTENDED if extensions else _XML_ROW), ""
    joins = _JOINS + (_EXTENSION_JOINS if extensions else "")
    sql = (
        f"WITH chosen AS MATERIALIZED ({selection.sql()})"  # noqa: S608 (our own columns; values are parameters)
        f" SELECT COALESCE(string_agg({row}, %s ORDER BY {selection.order.sql}), '')"
        f" FROM chosen JOIN requests311_servicerequest r ON r.id = chosen.id {joins}"
    )
    params = [*selection.params(), between, *selection.order.params, base_url, *([base_url] if extensions else [])]
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return str(cursor.fetchone()[0])


def request_rows(
    conditions: Sequence[Condition], *, base_url: str, batch: int = 2000
) -> Iterator[Sequence[tuple[Any, ...]]]:
    """All that meet the conditions as values of FIELD_NAMES, oldest first, batch by batch in short statements.

    No transaction lasts as long as a slow reader does: what comes or changes meanwhile may be among them.
    """
    values = ", ".join(expression for _, expression, _ in _FIELDS)
    where = " AND ".join(condition.sql() for condition in conditions) or "true"
    chosen = [param for condition in conditions for param in condition.params]
    sql = (
        f"SELECT {values}, r.submitted_at, r.id FROM ("  # noqa: S608 (our own columns; values are parameters)
        f"SELECT r.* FROM requests311_servicerequest r WHERE {where} AND (r.submitted_at, r.id) > (%s, %s)"
        f" ORDER BY r.submitted_at, r.id LIMIT {int(batch)}) r {_JOINS} ORDER BY r.submitted_at, r.id"
    )
    last: tuple[Any, Any] = ("-infinity", "00000000-0000-0000-0000-000000000000")
    while True:
        with connection.cursor() as cursor:
            cursor.execute(sql, [*chosen, *last, base_url])
            rows = cursor.fetchall()
        if rows:
            last = rows[-1][-2:]
            yield [row[:-2] for row in rows]
        if len(rows) < batch:
            return


# --- servicerequestupdates ------------------------------------------------------------------------------

#: An event has its time and its id from one moment; a crew without a network tells some days later.
_WRITTEN_LATER = timedelta(days=31)
_UPDATE_FIELDS: tuple[tuple[str, str, Kind], ...] = (
    ("update_id", "e.id::text", Kind.PLAIN),
    ("service_request_id", "r.number", Kind.PLAIN),
    (
        "status",
        f"CASE WHEN COALESCE(NULLIF(e.to_status, ''), e.data->>'status', r.status) IN ({_OPEN})"
        " THEN 'open' ELSE 'closed' END",
        Kind.PLAIN,
    ),
    ("updated_datetime", _time("e.at"), Kind.PLAIN),
    ("description", _SAID, Kind.TEXT),
    ("media_url", "NULL::text", Kind.PLAIN),
)
_UPDATE_JSON = f"json_build_object({', '.join(_json(*one) for one in _UPDATE_FIELDS)})::text"
_UPDATE_XML = f"'<request_update>' || {' || '.join(_xml(*one) for one in _UPDATE_FIELDS)} || '</request_update>'"


def updates_text(
    conditions: Sequence[Condition], *, begin: datetime, end: datetime, limit: int, writing: Writing
) -> str:
    """The public events between two moments, but for the reports themselves; oldest first. One statement.

    `at` has no index of its own on the biggest table there is: ids are UUIDv7 and say when a row was written.
    """
    row, between = (_UPDATE_JSON, ",") if writing is Writing.JSON else (_UPDATE_XML, "")
    where = " AND ".join(condition.sql() for condition in conditions)
    sql = (
        f"SELECT COALESCE(string_agg(row.text, %s ORDER BY row.id), '') FROM ("  # noqa: S608 (our own columns)
        f" SELECT e.id, {row} AS text FROM requests311_event e JOIN requests311_servicerequest r ON r.id = e.request_id"
        f" WHERE e.id >= %s AND e.id < %s AND e.at BETWEEN %s AND %s AND e.audience = 'public'"
        f" AND e.kind <> 'submitted' AND {_TELLS} AND {where} ORDER BY e.id LIMIT {int(limit)}) row"
    )
    params: list[Any] = [between, _first_id(begin - timedelta(days=1)), _first_id(end + _WRITTEN_LATER), begin, end]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, *(param for condition in conditions for param in condition.params)])
        return str(cursor.fetchone()[0])


def _first_id(moment: datetime) -> UUID:
    """The least UUIDv7 of that moment: its first 48 bits are milliseconds since 1970 (RFC 9562, section 5.7)."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def number_of_token(token: str, conditions: Sequence[Condition]) -> str | None:
    """The number of the request that was forwarded and answered by this token; None for any other."""
    where = " AND ".join(condition.sql() for condition in conditions)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.number FROM requests311_forward f JOIN requests311_servicerequest r ON r.id = f.request_id"  # noqa: S608
            f" WHERE f.token = %s AND f.token <> '' AND {where} ORDER BY f.id LIMIT 1",
            [token, *(param for condition in conditions for param in condition.params)],
        )
        row = cursor.fetchone()
    return str(row[0]) if row else None
