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

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import BooleanField, Case, Q, QuerySet, Value, When

from requests311.actors import Actor
from requests311.models import ServiceRequest
from requests311.policies import Permission

NEWEST_FIRST = "r.id DESC"
OLDEST_CHANGE_FIRST = "r.updated_at, r.id"

_PHOTOS = """
SELECT jsonb_agg(jsonb_build_object(
    'id', p.id,
    'state', p.state,
    'width', p.width,
    'height', p.height,
    'thumbnail', CASE WHEN p.state = 'ready' THEN %s || '/api/v1/photos/' || p.id || '/thumbnail' END,
    'large', CASE WHEN p.state = 'ready' THEN %s || '/api/v1/photos/' || p.id || '/large' END
) ORDER BY p.id)
FROM requests311_photo p WHERE p.request_id = r.id AND p.state <> 'rejected'
"""

_DOCUMENTS = f"""
WITH seen (id, personal, internal) AS ({{seen}})
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
    || CASE WHEN seen.personal
        THEN jsonb_build_object('contact', r.contact, 'client_id', r.client_id, 'channel', r.channel)
        ELSE '{{{{}}}}' END
    || CASE WHEN seen.internal
        THEN jsonb_build_object('reporter', r.reporter_id, 'assignee', r.assignee_id)
        ELSE '{{{{}}}}' END
)::text AS document, r.updated_at, r.id
FROM seen
JOIN requests311_servicerequest r ON r.id = seen.id
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_department d ON d.id = r.department_id
JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id
ORDER BY {{order}}
"""  # noqa: S608 (our own constants; what comes from outside are parameters)


_NOTHING = "SELECT NULL::uuid, false, false WHERE false"


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
    requests: "QuerySet[ServiceRequest]", *, actor: Actor, base_url: str, order: str = NEWEST_FIRST
) -> Documents:
    """Documents of `requests`, which the caller is already known to may see.

    The reporter and staff also find `contact`, `client_id` and `channel`; staff find `reporter` and
    `assignee`. `base_url` stands before the paths of photos, without a final slash.
    """
    internal = actor.may(Permission.READ_INTERNAL)
    seen = requests.annotate(
        personal=_flag(actor.owns() | actor.may(Permission.READ_CONTACT)), internal=_flag(internal)
    ).values_list("pk", "personal", "internal")
    try:
        sql, params = seen.query.sql_with_params()
    except EmptyResultSet:  # Django sees that nothing can be found, as for a number that is none
        sql, params = _NOTHING, ()
    return Documents(_DOCUMENTS.format(seen=sql, order=order), (*params, base_url, base_url))


def request_document(pk: UUID, *, actor: Actor, base_url: str) -> Documents:
    """The document of one request."""
    return request_documents(ServiceRequest.objects.filter(pk=pk), actor=actor, base_url=base_url)


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(True)), default=Value(False), output_field=BooleanField())
