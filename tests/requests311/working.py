"""Short ways through a working day: each acts on the request as it is now."""

from typing import Any

from accounts.models import User
from notifications.models import Message
from requests311.actions.assign import assign
from requests311.actions.merge import merge
from requests311.actions.reroute import reroute
from requests311.actions.split import Part, split
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.announce import announce
from requests311.models import Event, Follower, ServiceRequest


def fresh(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.select_related("department", "service").get(pk=request.pk)


def seen(request: ServiceRequest) -> dict[str, Any]:
    """Key and version, as somebody has them who has just read it."""
    return {"key": str(request.pk), "if_version": fresh(request).version}


def merged(duplicate: ServiceRequest, into: ServiceRequest, by: User) -> ServiceRequest:
    return merge(by=Actor(by), **seen(duplicate), into=into.number)


def unmerged(duplicate: ServiceRequest, by: User) -> ServiceRequest:
    return unmerge(by=Actor(by), **seen(duplicate))


def split_up(request: ServiceRequest, by: User, *departments: str, **more: str) -> list[ServiceRequest]:
    """Into a task for each of the departments; the new tasks in order."""
    parts = [Part(department, f"Task of {department}.", **more) for department in departments]
    split(by=Actor(by), **seen(request), parts=parts)
    return list(ServiceRequest.objects.filter(parent=request.pk).order_by("pk"))[-len(parts) :]


def rerouted(request: ServiceRequest, by: User, reason: str = "Not ours.", **to: Any) -> ServiceRequest:
    return reroute(by=Actor(by), **seen(request), reason=reason, **to)


def assigned(request: ServiceRequest, by: User, **to: Any) -> ServiceRequest:
    return assign(by=Actor(by), **seen(request), **to)


def last_event(request: ServiceRequest) -> Event:
    return Event.objects.filter(request=request).order_by("-version")[0]


def told(*requests: ServiceRequest) -> list[tuple[Any, str]]:
    """Tells all that happened to these; (recipient, kind) of each message that came of it, by the order of events."""
    events = list(Event.objects.filter(request__in=requests, announced_at=None).order_by("pk"))
    for event in events:
        announce(event.pk)
    places = {event.pk: place for place, event in enumerate(events)}
    messages = Message.objects.filter(event_id__in=list(places)).select_related("recipient")
    return [(message.recipient, message.kind) for message in sorted(messages, key=lambda m: places[m.event_id])]


def quiet(*requests: ServiceRequest) -> None:
    """All that happened so far is told, and forgotten."""
    told(*requests)
    Message.objects.all().delete()


def followers(request: ServiceRequest) -> dict[User, bool]:
    """Who follows it, and whether they support it."""
    rows = Follower.objects.filter(request=request).select_related("user").order_by("since", "pk")
    return {row.user: row.supports for row in rows}
