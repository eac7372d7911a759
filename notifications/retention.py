"""Removes old messages with their deliveries, a few at a time."""

from dataclasses import dataclass

from django.db import connection, transaction

#: Only what nobody can send any more, whatever its age.
_DUE = """
FROM notifications_message
WHERE sender = %(sender)s AND created_at < now() - make_interval(days => %(days)s) AND expires_at < now()
"""

# One step from each sender to the next by the index; DISTINCT would read the whole table.
_SENDERS = """
WITH RECURSIVE step AS (
    (SELECT sender FROM notifications_message ORDER BY sender LIMIT 1)
    UNION ALL
    SELECT (SELECT sender FROM notifications_message WHERE sender > step.sender ORDER BY sender LIMIT 1)
    FROM step WHERE step.sender IS NOT NULL
)
SELECT sender FROM step WHERE sender IS NOT NULL
"""

_REMOVE_DELIVERIES = """
WITH old AS MATERIALIZED (
    SELECT id FROM notifications_delivery WHERE message_id = ANY(%(messages)s)
    ORDER BY message_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM notifications_delivery d USING old WHERE d.id = old.id
"""

_REMOVE_MESSAGES = """
DELETE FROM notifications_message m WHERE m.id = ANY(%(messages)s)
AND NOT EXISTS (SELECT FROM notifications_delivery d WHERE d.message_id = m.id)
"""


@dataclass(frozen=True)
class Removed:
    messages: int
    deliveries: int


def senders() -> list[str]:
    """In whose names there are messages; the empty one among them where there are messages in nobody's."""
    with connection.cursor() as cursor:
        cursor.execute(_SENDERS)
        return [sender for (sender,) in cursor.fetchall()]


def count_old(*, sender: str, days: int) -> Removed:
    """How much is older than that; reads only."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH due AS (SELECT id {_DUE}) SELECT (SELECT count(*) FROM due),"  # noqa: S608 (our own statement)
            " (SELECT count(*) FROM notifications_delivery WHERE message_id IN (SELECT id FROM due))",
            {"sender": sender, "days": days},
        )
        return Removed(*cursor.fetchone())


@transaction.atomic
def remove_old(*, sender: str, days: int, limit: int) -> Removed:
    """Removes at most `limit` messages of that sender which are older than `days`, and as many deliveries.

    A message goes once its last delivery is gone. Rows that somebody else holds are left to the next time.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id {_DUE} ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED",
            {"sender": sender, "days": days, "limit": limit},
        )
        due = [message for (message,) in cursor.fetchall()]
        if not due:
            return Removed(messages=0, deliveries=0)
        deliveries = cursor.execute(_REMOVE_DELIVERIES, {"messages": due, "limit": limit}).rowcount
        messages = cursor.execute(_REMOVE_MESSAGES, {"messages": due}).rowcount
    return Removed(messages, deliveries)
