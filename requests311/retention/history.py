"""The events of requests that were closed long ago. The requests themselves stay, for the statistics."""

from uuid import UUID

from django.db import connection, transaction

# By the database's clock and the period that is valid now, as the trigger on the table asks too.
_DUE = """
FROM requests311_servicerequest r
WHERE r.jurisdiction_id = %(jurisdiction)s AND r.closed_at IS NOT NULL
AND (r.history_removed_at IS NULL OR r.history_removed_at < r.closed_at)
AND r.closed_at < now() - (
    SELECT make_interval(days => j.keep_events_days) FROM requests311_jurisdiction j WHERE j.id = %(jurisdiction)s
)
"""

_REMOVE = """
WITH old AS MATERIALIZED (
    SELECT id FROM requests311_event WHERE request_id = ANY(%(requests)s)
    ORDER BY request_id, version LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), told AS (
    DELETE FROM requests311_webhookdelivery d USING old WHERE d.event_id = old.id
)
DELETE FROM requests311_event e USING old WHERE e.id = old.id
"""

# Neither the version nor updated_at moves: nothing of the request itself has changed.
_MARK = """
UPDATE requests311_servicerequest r SET history_removed_at = now() WHERE r.id = ANY(%(requests)s)
AND NOT EXISTS (SELECT FROM requests311_event e WHERE e.request_id = r.id)
"""


def count_old_events(*, jurisdiction_id: int) -> int:
    """How many events the jurisdiction's period lets go; reads only."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM requests311_event e WHERE e.request_id IN (SELECT r.id {_DUE})",  # noqa: S608
            {"jurisdiction": jurisdiction_id},
        )
        return int(cursor.fetchone()[0])


def remove_old_events(*, jurisdiction_id: int, limit: int) -> int | None:
    """Removes at most `limit` events of at most `limit` requests, in one transaction; None: there are none.

    A request without events left is marked in the same transaction and is not looked at again. Where the
    jurisdiction keeps its history for ever there are none. Nothing that could still be announced is lost:
    the shortest period (30 days) is longer than a message lives (7 days).
    """
    with transaction.atomic(), connection.cursor() as cursor:
        due = _due(jurisdiction_id, limit)
        if not due:
            return None
        # For this transaction only; the trigger of requests311_event refuses every other DELETE.
        # The second one spares pgtrigger an exception a row: it asks for a setting that nobody has made.
        cursor.execute(
            "SELECT set_config('requests311.retention', 'on', true), set_config('pgtrigger.ignore', '{}', true)"
        )
        removed = cursor.execute(_REMOVE, {"requests": due, "limit": limit}).rowcount
        marked = cursor.execute(_MARK, {"requests": due}).rowcount
        # In a test's transaction, and in a careless caller's, it would stay on.
        cursor.execute("SELECT set_config('requests311.retention', 'off', true)")
    return removed if removed or marked else None


def _due(jurisdiction_id: int, limit: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT r.id {_DUE} ORDER BY r.closed_at LIMIT %(limit)s FOR NO KEY UPDATE OF r SKIP LOCKED",
            {"jurisdiction": jurisdiction_id, "limit": limit},
        )
        return [request for (request,) in cursor.fetchall()]
