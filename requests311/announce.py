"""Event → who is told, and why → outbox; and which other systems get it. The only place that decides whom we tell."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from notifications import outbox
from requests311.forwarding.making import forward
from requests311.models import Audience, Event, EventKind
from requests311.statuses import Status
from requests311.webhooks.making import make_deliveries

#: Older news of a pothole helps nobody; FCM itself keeps a message four weeks at most.
TIME_TO_LIVE = timedelta(days=7)


@transaction.atomic
def announce(event_id: UUID) -> bool:
    """Puts the messages of one event into the outbox, a new request on its way to its department's own system, and
    the event on its way to the webhooks that it is for.

    False where it is done already or being done now.
    """
    event = (
        Event.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("request__jurisdiction", "request__department")
        .filter(pk=event_id, announced_at=None)
        .first()
    )
    if event is None:
        return False
    outbox.enqueue(notices_of(event))
    forward(event)
    make_deliveries(event)
    Event.objects.filter(pk=event.pk).update(announced_at=timezone.now())
    return True


def leftovers(limit: int) -> list[UUID]:
    """Events that a crash or a dead broker left without their announcement, oldest first."""
    return list(Event.objects.filter(announced_at=None).order_by("id").values_list("pk", flat=True)[:limit])


def notices_of(event: Event) -> Sequence[outbox.Notice]:
    """The reporter is told of every public event that they did not cause, and that their report arrived."""
    reporter = event.request.reporter_id
    if reporter is None or event.audience != Audience.PUBLIC:
        return []
    if event.actor_id == reporter and event.kind != EventKind.SUBMITTED:
        return []
    return [
        outbox.Notice(
            recipient_id=reporter,
            event_id=event.pk,
            kind=_kind(event),
            context=_context(event),
            data={
                "event_id": str(event.pk),
                "request_id": str(event.request_id),
                "number": event.data["number"],
                "status": event.to_status or event.data["status"],
                "link": f"requests311://requests/{event.request_id}",
            },
            ttl=TIME_TO_LIVE,
            collapse_key=str(event.request_id),
            fallback_language=event.data["language"],
            sender=event.request.jurisdiction.code,
        )
    ]


def _kind(event: Event) -> str:
    if event.kind == EventKind.COMMENTED:
        return "request_commented"
    if event.from_status == Status.RESOLVED and event.to_status == Status.ACKNOWLEDGED:
        return "request_reopened"
    return f"request_{event.to_status}"


def _context(event: Event) -> dict[str, Any]:
    told = ("number", "service", "department", "jurisdiction", "due")
    return {key: event.data[key] for key in told} | {"status": event.to_status, "text": event.text}
