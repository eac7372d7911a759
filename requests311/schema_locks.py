"""Keeps a change of the schema from holding up the people who use it.

A statement that waits for a lock makes everybody wait who comes behind it, and one that rewrites a big
table holds its lock as long as that takes. So migrations give up after `WAIT`, and undo themselves after
`HOLD`; both together are the second that a writer may ever wait.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled
from psycopg.pq import TransactionStatus

#: Seconds that a statement may wait for its lock.
WAIT = 0.5
#: Seconds from the first change of a big table to the COMMIT.
HOLD = 0.5
#: Below this many bytes no change of a table takes long, on any machine.
BIG = 8 * 1024 * 1024

_SCHEMA = re.compile(r"\b(ALTER|CREATE|DROP|LOCK|TRUNCATE|REINDEX|CLUSTER)\b", re.IGNORECASE)
#: These wait for others while nobody waits for them: readers and writers go on.
_HARMLESS = re.compile(r"\bINDEX\s+CONCURRENTLY\b|\bVALIDATE\s+CONSTRAINT\b", re.IGNORECASE)

_BIG_TABLES = """
SELECT relname FROM pg_class
WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace AND pg_relation_size(oid) > %s
"""

# One that is being built right now is not valid yet either.
_INVALID = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relnamespace = current_schema()::regnamespace
AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
ORDER BY 1
"""

_OLDEST = """
SELECT format('%s (%s, %s for %s s)', pid, coalesce(nullif(application_name, ''), usename), state,
    extract(epoch FROM now() - xact_start)::int)
FROM pg_stat_activity
WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
ORDER BY xact_start LIMIT 5
"""


class HeldTooLong(Exception):
    """A migration changes a big table for longer than anybody may wait; it was rolled back."""


class Guard:
    """Sees every statement of a migration; use it as `connection.execute_wrapper`, within `bounded`."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        with connection.cursor() as cursor:
            cursor.execute(_BIG_TABLES, [BIG])
            names = [re.escape(name) for (name,) in cursor.fetchall()]
        self._big = re.compile(rf"\b({'|'.join(names)})\b") if names else None
        self._until: float | None = None

    def next_migration(self) -> None:
        """The transaction of the one before is over, and so are its locks."""
        self._until = None

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        text = str(sql)
        if _HARMLESS.search(text):
            with self._setting("lock_timeout", 0):
                return execute(sql, params, many, context)
        if self._until is None and not (self._big and self._big.search(text) and _SCHEMA.search(text)):
            return execute(sql, params, many, context)
        return self._held(lambda: execute(sql, params, many, context))

    def _held(self, execute: Callable[[], Any]) -> Any:
        if self._until is None:
            # Waiting is bounded by itself; the clock of holding begins when the statement does.
            self._until = time.monotonic() + WAIT + HOLD
        left = self._until - time.monotonic()
        if not self._connection.in_atomic_block:
            self._until = None  # the statement commits by itself
        if left <= 0:
            raise HeldTooLong
        try:
            with self._setting("statement_timeout", max(1, int(left * 1000))):
                return execute()
        except OperationalError as error:
            if isinstance(error.__cause__, QueryCanceled):
                raise HeldTooLong from error
            raise

    @contextmanager
    def _setting(self, name: str, milliseconds: int) -> Iterator[None]:
        former = _set(self._connection, name, milliseconds)
        try:
            yield
        finally:
            # In a broken transaction nothing can be set; its rollback does it.
            if not self.is_broken():
                _set(self._connection, name, former)

    def is_broken(self) -> bool:
        """In a transaction that failed, or without a connection."""
        status = self._connection.connection.info.transaction_status
        return status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS)


@contextmanager
def bounded(connection: BaseDatabaseWrapper) -> Iterator[Guard]:
    """Within it a statement on this connection waits at most `WAIT` for a lock, and big tables are watched."""
    guard = Guard(connection)
    former = _set(connection, "lock_timeout", int(WAIT * 1000))
    try:
        with connection.execute_wrapper(guard):
            yield guard
    finally:
        if not guard.is_broken():
            _set(connection, "lock_timeout", former)


def was_not_got(error: BaseException) -> bool:
    """Whether somebody else had the lock, so that another try may find it free."""
    return isinstance(error.__cause__, LockNotAvailable | DeadlockDetected)


def drop_invalid_indexes(connection: BaseDatabaseWrapper) -> list[str]:
    """Drops what a CREATE INDEX CONCURRENTLY left behind when it failed: an index that costs and serves nothing.

    Answers the names. One that is still being built is left alone. Not within a transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute(_INVALID)
        names = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {connection.ops.quote_name(name)}")
    return names


def oldest_transactions(connection: BaseDatabaseWrapper) -> list[str]:
    """Who may be holding the lock: "4711 (psql, idle in transaction for 240 s)", the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_OLDEST)
        return [text for (text,) in cursor.fetchall()]


def _set(connection: BaseDatabaseWrapper, name: str, value: int | str) -> str:
    """Sets it for the session and answers what it was. Past Django's cursor, where the guard would see it."""
    connection.ensure_connection()
    raw = connection.connection
    former = raw.execute("SELECT current_setting(%s)", [name]).fetchone()[0]
    raw.execute("SELECT set_config(%s, %s, false)", [name, str(value)])
    return str(former)
