"""Everything that goes in time, in one list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from django.conf import settings

import accounts.retention
import notifications.retention
from requests311 import offline
from requests311.models import Jurisdiction
from requests311.retention import history, photos, webhooks

#: Rows by the word for their table: events, messages, deliveries, sessions, webhook_deliveries, photos,
#: synced_operations.
Rows = Mapping[str, int]


@dataclass(frozen=True)
class Sweep:
    """One kind of old rows: how many there are, and how a batch of them is removed."""

    #: For people: "events of springfield".
    name: str
    count: Callable[[], Rows]
    #: Takes the most rows of one table that a transaction may remove; None: there is nothing left to remove.
    remove: Callable[[int], Rows | None]
    #: No batch of it is larger, whoever asks.
    largest: int = field(default=10_000)


def sweeps() -> list[Sweep]:
    """As the periods are now; what is kept for ever has none."""
    cities = {city.code: city for city in Jurisdiction.objects.order_by("code")}
    days = {code: city.keep_messages_days for code, city in cities.items()}
    return [
        *(_events(city) for city in cities.values() if city.keep_events_days is not None),
        *(
            _messages(sender, period)
            for sender in notifications.retention.senders()
            if (period := days.get(sender, settings.RETENTION_MESSAGES_DAYS)) is not None
        ),
        _sessions(settings.RETENTION_SESSIONS_DAYS),
        Sweep("webhook deliveries", _counted_deliveries, _removed_deliveries),
        Sweep("what phones did offline", _counted_operations, _removed_operations),
        # A batch is four calls a photo to a store that may be far away.
        Sweep("photos without a report", _counted_photos, _removed_photos, largest=100),
    ]


def _events(city: Jurisdiction) -> Sweep:
    def remove(limit: int) -> Rows | None:
        removed = history.remove_old_events(jurisdiction_id=city.pk, limit=limit)
        return None if removed is None else {"events": removed}

    return Sweep(
        f"events of {city.code}",
        lambda: {"events": history.count_old_events(jurisdiction_id=city.pk)},
        remove,
    )


def _messages(sender: str, days: int) -> Sweep:
    count = partial(notifications.retention.count_old, sender=sender, days=days)

    def remove(limit: int) -> Rows | None:
        rows = vars(notifications.retention.remove_old(sender=sender, days=days, limit=limit))
        return rows if any(rows.values()) else None

    return Sweep(f"messages of {sender or 'nobody'}", lambda: vars(count()), remove)


def _sessions(days: int) -> Sweep:
    def remove(limit: int) -> Rows | None:
        removed = accounts.retention.remove_ended_sessions(days=days, limit=limit)
        return {"sessions": removed} if removed else None

    return Sweep("sessions", lambda: {"sessions": accounts.retention.count_ended_sessions(days=days)}, remove)


def _counted_deliveries() -> Rows:
    return {"webhook_deliveries": webhooks.count_old_deliveries()}


def _removed_deliveries(limit: int) -> Rows | None:
    removed = webhooks.remove_old_deliveries(limit=limit)
    return {"webhook_deliveries": removed} if removed else None


def _counted_operations() -> Rows:
    return {"synced_operations": offline.count_old()}


def _removed_operations(limit: int) -> Rows | None:
    removed = offline.forget_old(limit=limit)
    return {"synced_operations": removed} if removed else None


def _counted_photos() -> Rows:
    return {"photos": photos.count_unreported()}


def _removed_photos(limit: int) -> Rows | None:
    removed = photos.remove_unreported(limit=limit)
    return {"photos": removed} if removed else None
