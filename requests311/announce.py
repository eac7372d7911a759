"""Event → the outbox, and the other systems that get it. Who is told what is in `telling`."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from notifications import outbox
from requests311.forwarding.making import forward
from requests311.models import Event
from requests311.telling import notices_of, one_for_many, to_residents, to_staff, to_strangers
from requests311.webhooks.making import make_deliveries

#: A call on 500 requests is over by then, and its events are told of together.
BATCH_TAKES = timedelta(minutes=1)


@transaction.atomic
def announce(event_id: UUID) -> bool:
    """Puts the messages of one event into the outbox, a new request on its way to its department's own system, and
    the event on its way to the webhooks that it is for.

    False where it is done already or being done now.
    """
    event = _waiting(Q(pk=event_id, batch=None)).first()
    if event is None:
        # Looked up without a lock, which would hide this one from whoever tells of the whole batch just now.
        batch = Event.objects.filter(pk=event_id, announced_at=None).values_list("batch", flat=True).first()
        return batch is not None and announce_batch(batch)
    outbox.enqueue(notices_of(event))
    _pass_on([event])
    return True


@transaction.atomic
def announce_batch(batch: UUID) -> bool:
    """As `announce`, all events of one call at once: a resident with several of the requests gets one message."""
    with connection.cursor() as cursor:
        # Of two workers the second waits, and finds nothing left to tell.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(batch)])
    events = list(_waiting(Q(batch=batch)).order_by("pk"))
    if not events:
        return False
    residents = [notice for event in events for notice in to_residents(event)]
    others = [notice for event in events for notice in (*to_staff(event), *to_strangers(event))]
    outbox.enqueue([*one_for_many(residents, events, batch), *others])
    _pass_on(events)
    return True


def leftovers(limit: int) -> list[UUID]:
    """Events that a crash or a dead broker left without their announcement, oldest first; none of a call that may
    still be at work."""
    left = Event.objects.filter(announced_at=None).filter(
        Q(batch=None) | Q(request__updated_at__lt=timezone.now() - BATCH_TAKES)
    )
    return list(left.order_by("id").values_list("pk", flat=True)[:limit])


def _waiting(condition: Q) -> "QuerySet[Event]":
    return (
        Event.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("request__jurisdiction", "request__department", "request__reporter")
        .filter(condition, announced_at=None)
    )


def _pass_on(events: Sequence[Event]) -> None:
    for event in events:
        forward(event)
        make_deliveries(event)
    Event.objects.filter(pk__in=[event.pk for event in events]).update(announced_at=timezone.now())
