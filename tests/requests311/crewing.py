"""Short ways to do what a crew does beside the moves, and to let time pass."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import User
from notifications.models import Message
from requests311.actors import Actor
from requests311.announce import announce
from requests311.models import Event, EventKind, ServiceRequest


def version_of(request: ServiceRequest) -> int:
    return ServiceRequest.objects.values_list("version", flat=True).get(pk=request.pk)


def does(
    action: Callable[..., ServiceRequest], request: ServiceRequest, by: User | None, **more: Any
) -> ServiceRequest:
    """Calls an action of staff on the request as it is now."""
    return action(by=Actor(by), key=str(request.pk), if_version=version_of(request), **more)


def last(request: ServiceRequest, kind: EventKind | None = None) -> Event:
    """The newest event, of that kind if one is named."""
    events = Event.objects.filter(request=request.pk, **({"kind": kind} if kind else {}))
    return events.order_by("-version")[0]


def told(event: Event) -> list[Message]:
    """Announces the event; the messages that it makes."""
    announce(event.pk)
    return list(Message.objects.filter(event_id=event.pk).order_by("kind"))


def its_day_has_come(request: ServiceRequest) -> datetime:
    """The hold ended a minute ago."""
    until = timezone.now() - timedelta(minutes=1)
    ServiceRequest.objects.filter(pk=request.pk).update(hold_until=until)
    return until
