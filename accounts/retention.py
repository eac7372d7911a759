"""Removes sessions that have been over for a while, a few at a time."""

from django.db import connection

# Two ways in, since each has its index; a session that is both is found by either.
_OLD = (
    "SELECT id FROM accounts_session WHERE expires_at < now() - make_interval(days => %(days)s)",
    "SELECT id FROM accounts_session WHERE revoked_at < now() - make_interval(days => %(days)s)",
)


def count_ended_sessions(*, days: int) -> int:
    """How many have been over, or revoked, for longer than that; reads only."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({' UNION '.join(_OLD)}) old", {"days": days})  # noqa: S608
        return int(cursor.fetchone()[0])


def remove_ended_sessions(*, days: int, limit: int) -> int:
    """Removes at most `limit` of them in one statement that commits by itself; answers how many.

    Nobody is signed out by it: the tokens of such a session are refused already, and those of one that is
    gone are refused too.
    """
    removed = 0
    with connection.cursor() as cursor:
        for column, old in zip(("expires_at", "revoked_at"), _OLD, strict=True):
            cursor.execute(
                f"WITH old AS MATERIALIZED ({old} ORDER BY {column} LIMIT %(limit)s FOR UPDATE SKIP LOCKED)"  # noqa: S608
                " DELETE FROM accounts_session s USING old WHERE s.id = old.id",
                {"days": days, "limit": limit - removed},
            )
            removed += cursor.rowcount
    return removed
