"""Celery's way into the domain: load, call, return. Tasks carry ids and may come twice or never."""

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.conf import settings

from notifications.wake import TakesManyIds, wake
from requests311 import announce as announcing
from requests311.map import counts
from requests311.sweeping import each

#: What one sweep looks at; the next one comes within seconds.
_SWEEP_LIMIT = 500
#: What one round of retention may take, far below the broker's visibility timeout; the next comes within the hour.
_RETENTION_SECONDS = 300.0


@shared_task(name="requests311.tasks.announce", base=TakesManyIds, bind=False)
def announce(*event_ids: str) -> None:
    """Many at a time, since a message to the broker costs the web process more than the INSERT of the event."""
    each(announcing.announce, map(UUID, event_ids), reason="event_not_announced")


@shared_task(name="requests311.tasks.announce_batch")
def announce_batch(batch_id: str) -> bool:
    return bool(each(announcing.announce_batch, [UUID(batch_id)], reason="event_not_announced"))


@shared_task(name="requests311.tasks.end_holds")
def end_holds() -> int:
    """What was put off comes back when its day has come."""
    from requests311 import holds

    return each(holds.end_hold, holds.holds_over(_SWEEP_LIMIT), reason="hold_not_ended")


@shared_task(name="requests311.tasks.escalate_due")
def escalate_due() -> int:
    """Tells the people whose requests run out of time."""
    from requests311 import escalation

    return each(escalation.escalate, escalation.escalations_due(_SWEEP_LIMIT), reason="not_escalated")


@shared_task(name="requests311.tasks.send_digests")
def send_digests() -> int:
    """The figures of the day for managers, in the morning of their own time zone."""
    from requests311 import digests

    return each(digests.send, digests.departments_due(), reason="digest_not_sent")


@shared_task(name="requests311.tasks.announce_leftovers")
def announce_leftovers() -> int:
    """Finds events whose wake-up was lost."""
    return each(announcing.announce, announcing.leftovers(_SWEEP_LIMIT), reason="event_not_announced")


@shared_task(name="requests311.tasks.retain")
def retain() -> None:
    """Removes what is older than it is to be kept. Twice at a time does no harm."""
    from requests311.retention.run import retain as run

    run(seconds=_RETENTION_SECONDS)


@shared_task(name="requests311.tasks.process_photo")
def process_photo(photo_id: str) -> None:
    from requests311.photos import variants

    variants.process(UUID(photo_id))


@shared_task(name="requests311.tasks.process_leftover_photos")
def process_leftover_photos() -> None:
    """Finds photos whose wake-up was lost, or whose worker died."""
    from requests311.photos import variants

    # One task each: a photo that fails must not hold up the others.
    for photo_id in variants.pending_ids(older_than=timedelta(seconds=30), limit=50):
        wake(process_photo, str(photo_id))


@shared_task(name="requests311.tasks.fetch_photos")
def fetch_photos() -> None:
    """Photos that reports name by their address."""
    from requests311.photos import fetching

    fetching.fetch_due()


@shared_task(name="requests311.tasks.forward_due")
def forward_due() -> None:
    """Wakes one task for each department's system that has something to get; one that is slow holds up its own only."""
    from requests311.forwarding import sending

    sending.give_up()
    for connector_id in sending.connectors_due():
        wake(forward_through, connector_id)


@shared_task(name="requests311.tasks.forward_through")
def forward_through(connector_id: int) -> None:
    from requests311.forwarding import sending

    if sending.forward_through(connector_id):
        wake(forward_through, connector_id)


@shared_task(name="requests311.tasks.poll_connectors")
def poll_connectors() -> None:
    """Wakes one task for each department's system that is to be asked for news."""
    from requests311.forwarding import polling

    for connector_id in polling.connectors_to_poll():
        wake(poll_connector, connector_id)


@shared_task(name="requests311.tasks.poll_connector")
def poll_connector(connector_id: int) -> int:
    from requests311.forwarding import polling

    return polling.poll(connector_id)


@shared_task(name="requests311.tasks.send_webhooks_due")
def send_webhooks_due() -> None:
    """Wakes one task for each webhook that has something to send; one that is slow holds up its own only."""
    from requests311.webhooks import sending

    sending.give_up()
    for webhook_id in sending.webhooks_due():
        wake(send_through_webhook, str(webhook_id))


@shared_task(name="requests311.tasks.send_through_webhook")
def send_through_webhook(webhook_id: str) -> None:
    from requests311.webhooks import sending

    if sending.send_through(UUID(webhook_id)):
        wake(send_through_webhook, webhook_id)


@shared_task(name="requests311.tasks.areas_take_effect")
def areas_take_effect() -> int:
    """Versions of areas whose first day has come, wherever it is past midnight."""
    from requests311 import areas

    return areas.take_effect()


@shared_task(name="requests311.tasks.fold_map_journal")
def fold_map_journal() -> int:
    """Adds what changed on the map to its counts; the map is right without it, only slower by and by."""
    return counts.fold_all(seconds=settings.SWEEP_SECONDS)
