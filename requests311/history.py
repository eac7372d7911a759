"""Writes an event and wakes whoever tells people of it. Nothing else records change."""

from django.db import transaction

from notifications.wake import wake
from requests311.models import Event


def record(event: Event) -> None:
    """One INSERT, in the caller's transaction. The wake-up may be lost; the row is found by the sweeper."""
    event.save(force_insert=True)
    event_id = str(event.pk)
    transaction.on_commit(lambda: _wake(event_id))


def _wake(event_id: str) -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import announce

    wake(announce, event_id)
