"""Deliveries to webhooks that are over, and webhooks that were deleted, a few at a time.

What is dead stays until somebody has looked, or until its event goes.
"""

from django.db import connection, transaction

#: Days after which nobody asks any more what was delivered.
DAYS = 30

_OLD = "d.state IN ('delivered', 'cancelled') AND d.created_at < now() - make_interval(days => %(days)s)"
_OF_DELETED = "d.webhook_id IN (SELECT id FROM requests311_webhook WHERE deleted_at IS NOT NULL)"

_REMOVE = """
WITH old AS MATERIALIZED (
    SELECT d.id FROM requests311_webhookdelivery d WHERE {which} LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
DELETE FROM requests311_webhookdelivery d USING old WHERE d.id = old.id
"""

_REMOVE_DELETED = """
DELETE FROM requests311_webhook w WHERE w.deleted_at IS NOT NULL
AND NOT EXISTS (SELECT FROM requests311_webhookdelivery d WHERE d.webhook_id = w.id)
"""


def count_old_deliveries() -> int:
    """Reads only."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM requests311_webhookdelivery d WHERE ({_OLD}) OR {_OF_DELETED}",  # noqa: S608
            {"days": DAYS},
        )
        return int(cursor.fetchone()[0])


@transaction.atomic
def remove_old_deliveries(*, limit: int) -> int:
    """At most `limit` deliveries; and the deleted webhooks of which none is left. Answers how many deliveries."""
    with connection.cursor() as cursor:
        removed = 0
        for which in (_OLD, _OF_DELETED):
            if removed < limit:
                values = {"days": DAYS, "limit": limit - removed} if which is _OLD else {"limit": limit - removed}
                cursor.execute(_REMOVE.format(which=which), values)
                removed += cursor.rowcount
        cursor.execute(_REMOVE_DELETED)
    return removed
