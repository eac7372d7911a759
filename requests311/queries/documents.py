"""Requests as the JSON that a caller may see, built by the database and returned as text.

Serialising rows in Python costs several times what PostgreSQL takes to write the JSON itself, and one
statement for list, detail and every answer to a write cannot disagree with itself. It is SQL as written:
putting the same together from ORM expressions took 10 ms of Python a call, the statement itself takes one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.policies import Permission

NEWEST_FIRST = "r.id DESC"
OLDEST_CHANGE_FIRST = "r.updated_at, r.id"

_PHOTOS = """
SELECT jsonb_agg(jsonb_build_object(
    'id', p.id,
    'state', p.state,
    'width', p.width,
    'height', p.height,
    'thumbnail', CASE WHEN p.state = 'ready' THEN %s::text || '/api/v1/photos/' || p.id || '/thumbnail' END,
    'large', CASE WHEN p.state = 'ready' THEN %s::text || '/api/v1/photos/' || p.id || '/large' END
) ORDER BY p.id)
FROM requests311_photo p WHERE p.request_id = r.id AND p.state <> 'rejected'
"""

# The rows are chosen first: what is joined and written then are those of the page and no more.
_DOCUMENTS = f"""
SELECT (
    jsonb_build_object(
        'id', r.id,
        'number', r.number,
        'status', r.status,
        'resolution', NULLIF(r.resolution, ''),
        'jurisdiction', j.code,
        'service', s.code,
        'service_name', s.name,
        'department', jsonb_build_object('code', d.code, 'name', d.name),
        'reason', r.reason,
        'areas', r.areas,
        'location', jsonb_build_object('latitude', ST_Y(r.location), 'longitude', ST_X(r.location)),
        'address', r.address,
        'description', r.description,
        'attributes', r.attributes,
        'photos', COALESCE(({_PHOTOS}), '[]'),
        'visibility', r.visibility,
        'version', r.version,
        'submitted_at', r.submitted_at,
        'updated_at', r.updated_at,
        'due_at', r.due_at,
        'acknowledged_at', r.acknowledged_at,
        'resolved_at', r.resolved_at,
        'closed_at', r.closed_at
    )
    || CASE WHEN r.personal
        THEN jsonb_build_object('contact', r.contact, 'client_id', r.client_id, 'channel', r.channel)
        ELSE '{{{{}}}}' END
    || CASE WHEN r.internal
        THEN jsonb_build_object('reporter', r.reporter_id, 'assignee', r.assignee_id)
        ELSE '{{{{}}}}' END
)::text AS document, r.updated_at, r.id
FROM (
    SELECT r.*, {{personal}} AS personal, {{internal}} AS internal
    FROM requests311_servicerequest r WHERE {{where}} ORDER BY {{order}} LIMIT %s
) r
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_department d ON d.id = r.department_id
JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id
ORDER BY {{order}}
"""  # noqa: S608 (our own constants; what comes from outside are parameters)


class Document(NamedTuple):
    """One request as JSON text, and the keys that lists are paged by."""

    text: str
    updated_at: datetime
    id: UUID


@dataclass(frozen=True)
class Documents:
    """A statement that gives documents; `sql` and `params` may stand as a subquery in another one."""

    sql: str
    params: Sequence[Any]

    def rows(self) -> list[Document]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.params)
            return [Document(*row) for row in cursor.fetchall()]

    def first(self) -> str | None:
        rows = self.rows()
        return rows[0].text if rows else None

    def text(self) -> str:
        """The one document there is."""
        [row] = self.rows()
        return row.text


def request_documents(
    *conditions: Condition, actor: Actor, base_url: str, limit: int, order: str = NEWEST_FIRST
) -> Documents:
    """Documents of the requests that meet all the conditions, which the caller is already known to may see.

    The reporter and staff also find `contact`, `client_id` and `channel`; staff find `reporter` and
    `assignee`. `base_url` stands before the paths of photos, without a final slash.
    """
    personal = actor.owns() | actor.may(Permission.READ_CONTACT)
    internal = actor.may(Permission.READ_INTERNAL)
    where = " AND ".join(condition.sql() for condition in conditions)
    sql = _DOCUMENTS.format(personal=personal.sql(), internal=internal.sql(), where=where, order=order)
    chosen = [param for condition in (personal, internal, *conditions) for param in condition.params]
    return Documents(sql, (base_url, base_url, *chosen, limit))


def request_document(*, id: UUID, actor: Actor, base_url: str) -> Documents:
    """The document of one request."""
    return request_documents(Condition("{r}.id = %s", id), actor=actor, base_url=base_url, limit=1)
