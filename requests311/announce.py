"""Event → the outbox, and the other systems that get it. Who is told what is in `telling`."""

from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from notifications import outbox
from notifications.alerts import alert
from notifications.outbox import Notice
from requests311.forwarding.making import forward
from requests311.models import Event
from requests311.telling import notices_of, one_for_many, to_residents, to_staff, to_strangers
from requests311.webhooks.making import make_deliveries

#: A call that has changed nothing for so long is over, or its process is.
BATCH_PAUSES = timedelta(minutes=1)


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
    _pass_on(event)
    return True


@transaction.atomic
def announce_batch(batch: UUID) -> bool:
    """As `announce`, all events of one call at once: a resident with several of the requests gets one message.

    An event that cannot be told is left out, and is found again by `leftovers`.
    """
    with connection.cursor() as cursor:
        # Of two workers the second waits, and finds nothing left to tell.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(batch)])
    residents: list[Notice] = []
    others: list[Notice] = []
    told = 0
    for event in _waiting(Q(batch=batch)).order_by("pk"):
        try:
            with transaction.atomic():
                theirs = to_residents(event), [*to_staff(event), *to_strangers(event)]
                _pass_on(event)
        except Exception as error:
            alert("event_not_announced", event_id=str(event.pk), error=type(error).__name__)
            continue
        residents += theirs[0]
        others += theirs[1]
        told += 1
    outbox.enqueue([*one_for_many(residents, batch), *others])
    return told > 0


def leftovers(limit: int) -> list[UUID]:
    """Events that a crash or a dead broker left without their announcement, oldest first.

    Of one call on many requests its last event, which stands for all, and only when no more are to come.
    """
    # Ids are UUIDv7: their first 48 bits are the milliseconds since 1970.
    quiet = UUID(int=int((timezone.now() - BATCH_PAUSES).timestamp() * 1000) << 80)
    later = Event.objects.filter(batch=OuterRef("batch"), batch__isnull=False, announced_at=None, id__gt=OuterRef("id"))
    left = Event.objects.filter(Q(batch=None) | (Q(id__lt=quiet) & ~Exists(later)), announced_at=None)
    return list(left.order_by("id").values_list("pk", flat=True)[:limit])


def _waiting(condition: Q) -> "QuerySet[Event]":
    return (
        Event.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("request__jurisdiction", "request__department", "request__reporter")
        .filter(condition, announced_at=None)
    )


def _pass_on(event: Event) -> None:
    forward(event)
    make_deliveries(event)
    Event.objects.filter(pk=event.pk).update(announced_at=timezone.now())
