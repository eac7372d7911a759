"""Event → its deliveries. Called by the worker that tells people of the event, in the same transaction."""

from django.db import connection, transaction
from django.utils import timezone

from notifications.wake import wake
from requests311.models import Event

# An id is a UUIDv7, which PostgreSQL has only from 18 on: 48 bits of milliseconds over a random UUID, and the version.
_MAKE = """
INSERT INTO requests311_webhookdelivery
    (id, webhook_id, event_id, state, attempts, next_attempt_at, waiting_since, last_error, created_at)
SELECT
    encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid()) PLACING
        substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6
    ), 52, 1), 53, 1), 'hex')::uuid,
    w.id, %(event)s, 'pending', 0, %(now)s, %(now)s, '', %(now)s
FROM requests311_servicerequest r
JOIN requests311_department d ON d.id = r.department_id
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_webhook w ON w.jurisdiction_id = r.jurisdiction_id
WHERE r.id = %(request)s AND w.active AND w.deleted_at IS NULL
AND (w.department_id IS NULL OR w.department_id IN (d.id, d.parent_id))
AND (w.event_kinds = '{}' OR %(kind)s = ANY(w.event_kinds))
AND (w.services = '{}' OR s.code = ANY(w.services))
AND (w.areas = '{}' OR w.areas && ARRAY(
    SELECT (area ->> 'kind') || ':' || (area ->> 'code') FROM jsonb_array_elements(r.areas) area
)::varchar[])
ON CONFLICT (event_id, webhook_id) DO NOTHING
"""


def make_deliveries(event: Event) -> None:
    """Every active webhook that the event is for gets it: its jurisdiction's, its department's, its agency's."""
    with connection.cursor() as cursor:
        cursor.execute(
            _MAKE,
            {"event": event.pk, "request": event.request_id, "kind": event.kind, "now": timezone.now()},
        )
        made = cursor.rowcount
    if made:
        transaction.on_commit(wake_worker)


def wake_worker() -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import send_webhooks_due

    wake(send_webhooks_due)
