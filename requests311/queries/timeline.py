"""A request's history as JSON, as far as the caller may read it."""

from typing import Any

from django.db import connection

from requests311.actors import Actor
from requests311.conditions import by_id_or_number
from requests311.errors import NotFound
from requests311.models import EventKind, ServiceRequest
from requests311.policies import Permission

#: What a text is today: the last revision of it, or why it was redacted. `e` is the event.
SHOWN_TEXT = f"""(CASE WHEN e.kind IN ('{EventKind.COMMENTED}', '{EventKind.NOTED}', '{EventKind.ANSWERED}',
        '{EventKind.REPORTED_DONE}')
    THEN COALESCE((SELECT x.text FROM requests311_event x WHERE x.request_id = e.request_id
        AND x.kind IN ('{EventKind.REVISED}', '{EventKind.REDACTED}') AND x.data->>'of' = e.id::text
        ORDER BY x.version DESC LIMIT 1), e.text)
    ELSE e.text END)"""  # noqa: S608 (our own constants)
#: What was asked and answered is between the reporter and the staff; these only show that it was.
BETWEEN_TWO = f"e.kind IN ('{EventKind.ASKED}', '{EventKind.ANSWERED}')"
#: They stand in the text that they are about.
NO_ROWS_OF_THEIR_OWN = f"e.kind IN ('{EventKind.REVISED}', '{EventKind.REDACTED}')"

# Apps that are out there fail on a kind they do not know: for them everything is a change of status, from one to the
# same perhaps. `type` says what it was.
_DOCUMENTS = f"""
SELECT left(json_build_object(
        'id', e.id,
        'version', e.version,
        'kind', CASE WHEN e.kind = 'submitted' THEN e.kind ELSE 'status_changed' END,
        'type', e.kind,
        'at', e.at,
        'from_status', COALESCE(NULLIF(e.from_status, ''), CASE WHEN e.to_status = '' THEN e.data->>'status' END),
        'to_status', COALESCE(NULLIF(e.to_status, ''), e.data->>'status'),
        'text', CASE WHEN {BETWEEN_TWO} AND NOT (seen.personal OR seen.internal) THEN '' ELSE {SHOWN_TEXT} END,
        'audience', e.audience,
        'edited_at', edit.at,
        'redacted', edit.kind IS NOT NULL AND edit.kind = '{EventKind.REDACTED}',
        'photos', COALESCE(photos.ids, '[]')
    )::text, -1)
    || CASE WHEN seen.internal THEN ', ' || left(substr(json_build_object(
        'actor', e.actor_id, 'details', COALESCE(told.details, '{{{{}}}}'::jsonb))::text, 2), -1) ELSE '' END
    || '}}}}' AS document
FROM (
    SELECT r.id, {{personal}} AS personal, {{internal}} AS internal
    FROM requests311_servicerequest r WHERE {{named}} AND {{sees}}
) seen
JOIN requests311_event e ON e.request_id = seen.id
LEFT JOIN LATERAL (
    SELECT x.at, x.kind FROM requests311_event x WHERE x.request_id = e.request_id
    AND x.kind IN ('{EventKind.REVISED}', '{EventKind.REDACTED}') AND x.data->>'of' = e.id::text
    ORDER BY x.version DESC LIMIT 1
) edit ON true
LEFT JOIN LATERAL (
    SELECT json_agg(p.id ORDER BY p.id) AS ids FROM requests311_photo p
    WHERE p.request_id = e.request_id AND p.event_id = e.id AND p.state <> 'rejected'
    AND (p.audience = 'public' OR seen.internal OR seen.personal AND p.purpose = 'answer')
) photos ON true
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(part.key, part.value) AS details FROM jsonb_each(e.data) part
    WHERE part.key <> ALL (%s)
) told ON seen.internal
WHERE (e.audience = 'public' OR seen.internal) AND NOT {NO_ROWS_OF_THEIR_OWN}
ORDER BY e.version
"""  # noqa: S608 (our own columns)

#: What messages are made of, and what the event says in a member of its own.
_NOT_DETAILS = ["number", "service", "department", "jurisdiction", "language", "due", "status", "texts"]


def read_timeline(key: str, *, actor: Actor) -> list[str]:
    """The events as `timeline` gives them. Raises NotFound for a request that is absent or not theirs to see."""
    events = timeline(key, actor=actor)
    if not events and not ServiceRequest.objects.visible_to(actor).by_id_or_number(key).exists():
        raise NotFound
    return events


def timeline(key: str, *, actor: Actor) -> list[str]:
    """Events of the request with this id or number, oldest first, each as JSON text; one statement.

    Empty where the request is absent or not the caller's to see, and where its jurisdiction keeps the history
    of what was closed so long ago no more. Staff-only events, who acted and the details are for staff who may read
    them; what was asked and answered is for staff and the reporter.
    """
    with connection.cursor() as cursor:
        cursor.execute(*statement(key, actor=actor))
        return [document for (document,) in cursor.fetchall()]


def statement(key: str, *, actor: Actor) -> tuple[str, list[Any]]:
    """The one statement and its parameters."""
    personal, internal = actor.owns(), actor.may(Permission.READ_INTERNAL)
    named, sees = by_id_or_number(key), actor.sees()
    sql = _DOCUMENTS.format(personal=personal.sql(), internal=internal.sql(), named=named.sql(), sees=sees.sql())
    return sql, [*personal.params, *internal.params, *named.params, *sees.params, _NOT_DETAILS]
