"""Short ways to a forward and through time, for tests of forwarding."""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.models import User
from requests311 import tasks
from requests311.announce import announce
from requests311.forwarding import sending
from requests311.models import Connector, Event, Forward, ServiceRequest
from tests.factories.cities import SmallCity
from tests.factories.people import guest
from tests.requests311.reporting import report


def announced(request: ServiceRequest) -> ServiceRequest:
    """As the worker does it after the COMMIT."""
    for event in Event.objects.filter(request=request, announced_at=None).order_by("version"):
        announce(event.pk)
    return request


def in_line(city: SmallCity, by: User | None = None, **fields: object) -> Forward:
    """A new request's forward, which nobody has taken yet."""
    return Forward.objects.get(request=announced(report(city, by or guest(), **fields)))  # type: ignore[arg-type]


def sent(forward: Forward) -> Forward:
    """After one round through its connector."""
    sending.forward_through(forward.connector_id)
    forward.refresh_from_db()
    forward.connector.refresh_from_db()
    return forward


def later(forward: Forward, **time: float) -> Forward:
    """As if so much time had gone by."""
    back = timedelta(**time)
    Forward.objects.filter(pk=forward.pk).update(
        next_attempt_at=F("next_attempt_at") - back, waiting_since=F("waiting_since") - back
    )
    Connector.objects.filter(pk=forward.connector_id).update(
        paused_until=F("paused_until") - back, busy_until=F("busy_until") - back, next_poll_at=F("next_poll_at") - back
    )
    forward.refresh_from_db()
    return forward


def due(forward: Forward) -> Forward:
    """Its pause is over, and its connector's."""
    Forward.objects.filter(pk=forward.pk).update(next_attempt_at=timezone.now())
    Connector.objects.filter(pk=forward.connector_id).update(paused_until=None)
    forward.refresh_from_db()
    return forward


def polled(connector: Connector) -> int:
    """How many events a poll made."""
    Connector.objects.filter(pk=connector.pk).update(next_poll_at=None)
    return tasks.poll_connector(connector.pk)


def alerts(reason: str) -> float:
    return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": reason}) or 0.0
