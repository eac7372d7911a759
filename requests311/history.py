"""Writes an event and wakes whoever tells people of it. Nothing else records change."""

from uuid import UUID

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from notifications.wake import wake
from requests311.models import Event

_COLUMNS = [field.attname for field in Event._meta.concrete_fields]
_INSERT = f"INSERT INTO requests311_event ({', '.join(_COLUMNS)}) VALUES ({', '.join(['%s'] * len(_COLUMNS))})"  # noqa: S608


def record(event: Event) -> None:
    """One INSERT, in the caller's transaction. The wake-up may be lost; the row is found by the sweeper."""
    values = [getattr(event, name) for name in _COLUMNS]
    values[_COLUMNS.index("data")] = Jsonb(event.data)
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, values)
    if event.batch is not None:
        # Told together, once the whole call is done: `wake_batch`.
        return
    event_id = str(event.pk)
    transaction.on_commit(lambda: _wake(event_id))


def wake_batch(batch: UUID) -> None:
    """Wakes whoever tells people of all that one call changed."""
    from requests311.tasks import announce_batch

    wake(announce_batch, str(batch))


def _wake(event_id: str) -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import announce

    wake(announce, event_id)
