"""What a department has to do: pages of it in the order asked for, and how much of it there is.

A department's open requests are a fraction of all, and each order has an index of just them by department
(`request_queue_…`). Each department is read by itself and the few rows that a page needs are then put in order:
however many requests there are, a page reads a page. Nothing is counted off and nothing is skipped over.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import product
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.errors import NotAllowed
from requests311.policies import ROLES, Permission, Role
from requests311.queries.documents import Documents, Lead, Order, Page, request_documents
from requests311.statuses import OPEN, Priority, Status


class Sort(StrEnum):
    DUE = "due"  # what is due first; what has no due time last
    AGE = "age"  # the oldest first
    PRIORITY = "priority"  # the most urgent first, the oldest of them first
    DISTANCE = "distance"  # the nearest first, in metres on the sphere, which errs by half a percent at most


#: Literally the condition of the indexes: PostgreSQL uses a partial index only where it sees the same values.
_OPEN = Condition("{r}.status IN (" + ", ".join(f"'{status}'" for status in Status if status in OPEN) + ")")
#: As the index has it, so that what is overdue is a part of the index. Who was promised nothing is never late.
_DUE = "COALESCE({r}.due_at, 'infinity'::timestamptz)"
#: Departments whose nearest requests are sooner found together, passing over those of others, than one by one.
MANY = 12

#: What the last row of a page is kept as, by PostgreSQL's own hand.
_KEYS = {
    Sort.DUE: re.compile(r"infinity|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?\+00", re.ASCII),
    Sort.PRIORITY: re.compile(r"[1-9]\d?", re.ASCII),
    Sort.DISTANCE: re.compile(r"\d{1,9}(\.\d{1,20})?(e-\d{1,3})?", re.ASCII),
}
#: A member of an agency works for its units too.
_DEPARTMENTS = """
SELECT DISTINCT d.id FROM requests311_department d
JOIN unnest(%s::bigint[], %s::bigint[]) AS worked (jurisdiction_id, department_id)
    ON worked.jurisdiction_id = d.jurisdiction_id
    AND (worked.department_id IS NULL OR worked.department_id IN (d.id, d.parent_id))
"""

COUNTS = f"""
SELECT r.status, count(*), count(*) FILTER (WHERE r.due_at < now()),
    count(*) FILTER (WHERE r.assignee_id IS NULL AND r.team_id IS NULL), count(*) FILTER (WHERE r.assignee_id = %s)
FROM requests311_servicerequest r WHERE {_OPEN.sql()} AND r.department_id = ANY(%s) GROUP BY r.status
"""  # noqa: S608 (our own constants)


@dataclass(frozen=True)
class Filters:
    """What of the queue is wanted; None and empty ask for nothing. Codes are those of the caller's jurisdictions."""

    statuses: Sequence[str] = ()
    service: str | None = None
    #: (kind, code), or (None, code) of any kind.
    area: tuple[str | None, str] | None = None
    priorities: Sequence[int] = ()
    assignee: UUID | None = None
    unassigned: bool = False
    team: str | None = None
    overdue: bool | None = None
    due_before: datetime | None = None
    text: str | None = None


@dataclass(frozen=True)
class Counts:
    """Of the open requests that the caller may work on."""

    total: int = 0
    overdue: int = 0
    unassigned: int = 0
    mine: int = 0
    by_status: dict[str, int] = field(default_factory=dict)


def read_queue(
    *,
    actor: Actor,
    filters: Filters,
    sort: Sort,
    near: tuple[float, float] | None,
    after: tuple[str, UUID] | None,
    limit: int,
    base_url: str,
) -> Page:
    """One page of the caller's open requests; `near` is (longitude, latitude) in WGS 84 degrees, which `distance`
    needs and which adds `distance` in metres to each; `after` is where the page before ended.

    Raises NotAllowed for who works nowhere, and ValueError for an `after` that is none of this order.
    """
    found = documents(
        departments_of(actor),
        actor=actor,
        filters=filters,
        sort=sort,
        near=near,
        after=after,
        # One row more than the page tells whether there is a next one.
        limit=limit + 1,
        base_url=base_url,
    )
    return found.page(limit)


def documents(
    departments: Sequence[int],
    *,
    actor: Actor,
    filters: Filters,
    sort: Sort,
    near: tuple[float, float] | None,
    after: tuple[str, UUID] | None,
    limit: int,
    base_url: str,
) -> Documents:
    """The statement of `read_queue`: the first `limit` of the open requests of these departments."""
    order = _order(sort, near)
    conditions = [_OPEN, *_conditions(filters)]
    if after is not None:
        conditions.append(_after(order, sort, *after))
    lead = _lead(departments, sort, filters)
    if lead is None:
        conditions.append(Condition("{r}.department_id = ANY(%s)", list(departments)))
    return request_documents(*conditions, lead=lead, actor=actor, base_url=base_url, limit=limit, order=order)


def read_counts(*, actor: Actor) -> Counts:
    """One statement that reads an index alone. Raises NotAllowed for who works nowhere."""
    return count(departments_of(actor), mine=actor.user.pk if actor.user else None)


def count(departments: Sequence[int], *, mine: UUID | None = None) -> Counts:
    """Of the departments with these ids."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [mine, list(departments)])
        rows = cursor.fetchall()
    by_status = dict.fromkeys((str(status) for status in Status if status in OPEN), 0)
    by_status.update({status: number for status, number, *_ in rows})
    totals = [sum(row[place] for row in rows) for place in range(1, 5)]
    total, overdue, unassigned, own = totals
    return Counts(total, overdue, unassigned, own, by_status)


def departments_of(actor: Actor) -> list[int]:
    """Ids of the departments whose queue the caller may read. Raises NotAllowed where there is none."""
    reading = [row for row in actor.memberships if Permission.READ_QUEUE in ROLES[Role(row.role)]]
    if not reading:
        raise NotAllowed("You work for no department, so you have no queue.")
    with connection.cursor() as cursor:
        cursor.execute(_DEPARTMENTS, [[row.jurisdiction_id for row in reading], [row.department_id for row in reading]])
        return sorted(pk for (pk,) in cursor.fetchall())


def _lead(departments: Sequence[int], sort: Sort, filters: Filters) -> Lead | None:
    """What the index of this order begins with; None where all departments are better read at once."""
    if sort is Sort.DISTANCE and len(departments) > MANY:
        return None
    if sort is not Sort.AGE:
        return Lead({"department_id": "bigint"}, [(department,) for department in departments], keys_first=True)
    # Within a department and a priority, the oldest first, is an index that is there already.
    priorities = sorted(set(filters.priorities)) or Priority.values
    return Lead(
        {"department_id": "bigint", "priority": "smallint"}, list(product(departments, priorities)), keys_first=True
    )


def _order(sort: Sort, near: tuple[float, float] | None) -> Order:
    distance = ""
    if near is not None:
        longitude, latitude = near
        # Written out, so that it is the very expression of the index; two floats and nothing else.
        point = f"ST_SetSRID(ST_MakePoint({float(longitude)!r}, {float(latitude)!r}), 4326)::geography"
        distance = f"(r.location::geography <-> {point})"
    extra = ("distance", f"round({distance}::numeric, 1)") if distance else None
    keys = {Sort.DUE: _DUE.format(r="r"), Sort.AGE: "", Sort.PRIORITY: "r.priority", Sort.DISTANCE: distance}
    return Order(keys[sort], extra=extra, nearest=sort is Sort.DISTANCE)


def _after(order: Order, sort: Sort, key: str, last: UUID) -> Condition:
    if sort is Sort.AGE:
        return Condition("{r}.id > %s", last)
    kind = {Sort.DUE: "timestamptz", Sort.PRIORITY: "smallint", Sort.DISTANCE: "float8"}[sort]
    _check_key(sort, key)
    return Condition(f"({order.key.replace('r.', '{r}.')}, {{r}}.id) > (%s::{kind}, %s)", key, last)


def _check_key(sort: Sort, key: str) -> None:
    """Raises ValueError for what no page of this order ever ended with."""
    if not _KEYS[sort].fullmatch(key):
        raise ValueError(key)
    if sort is Sort.DUE and key != "infinity":
        datetime.fromisoformat(key)


def _conditions(filters: Filters) -> list[Condition]:
    found: list[Condition] = []
    if filters.statuses:
        found.append(Condition("{r}.status = ANY(%s)", sorted(set(filters.statuses))))
    if filters.service is not None:
        services = "SELECT s.id FROM requests311_service s WHERE s.code = %s"
        found.append(Condition(f"{{r}}.service_id = ANY(ARRAY({services}))", filters.service))
    if filters.area is not None:
        found.append(_in_area(*filters.area))
    if filters.priorities:
        found.append(Condition("{r}.priority = ANY(%s)", sorted(set(filters.priorities))))
    if filters.assignee is not None:
        found.append(Condition("{r}.assignee_id = %s", filters.assignee))
    if filters.unassigned:
        found.append(Condition("{r}.assignee_id IS NULL AND {r}.team_id IS NULL"))
    if filters.team is not None:
        teams = "SELECT t.id FROM requests311_team t WHERE t.code = %s"
        found.append(Condition(f"{{r}}.team_id = ANY(ARRAY({teams}))", filters.team))
    if filters.overdue is not None:
        found.append(Condition(f"{_DUE.format(r='{r}')} {'<' if filters.overdue else '>='} now()"))
    if filters.due_before is not None:
        found.append(Condition(f"{_DUE.format(r='{r}')} < %s", filters.due_before))
    if filters.text is not None:
        found.append(_says(filters.text))
    return found


def _in_area(kind: str | None, code: str) -> Condition:
    area: dict[str, Any] = {"code": code} if kind is None else {"kind": kind, "code": code}
    return Condition("{r}.areas @> %s", Jsonb([area]))


def _says(text: str) -> Condition:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    words = f"%{escaped}%"
    return Condition("({r}.description ILIKE %s OR {r}.address ILIKE %s OR {r}.number ILIKE %s)", words, words, words)
