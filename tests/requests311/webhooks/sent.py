"""Short ways to a webhook, to a delivery and through time."""

import json
from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from requests311.models import Event, EventKind, ServiceRequest, Webhook, WebhookDelivery
from requests311.webhooks import sending
from requests311.webhooks.signing import new_secret
from tests.factories.cities import SmallCity
from tests.factories.people import guest
from tests.requests311.forwarding.forwarded import announced
from tests.requests311.forwarding.peers import Asked
from tests.requests311.reporting import report


def webhook_of(city: SmallCity, department: str | None = None, **fields: Any) -> Webhook:
    """Of a department by code, or of the whole city."""
    values: dict[str, Any] = {"url": "https://receiver.example/hook", "secret": new_secret(), **fields}
    return Webhook.objects.create(
        jurisdiction=city.jurisdiction, department=city.departments[department] if department else None, **values
    )


def told(city: SmallCity, **fields: Any) -> ServiceRequest:
    """A new request whose event was announced."""
    return announced(report(city, guest(), **fields))


def in_line(city: SmallCity, webhook: Webhook, **fields: Any) -> WebhookDelivery:
    """The delivery of a new request, which nobody has taken yet."""
    return WebhookDelivery.objects.get(webhook=webhook, event__request=told(city, **fields))


def staff_event(request: ServiceRequest, text: str = "Beware of the dog.") -> Event:
    """What only staff reads, not announced."""
    return Event.objects.create(
        request=request,
        version=request.version + 1,
        kind=EventKind.COMMENTED,
        audience="staff",
        at=timezone.now(),
        text=text,
        data={"status": request.status},
    )


def sent(delivery: WebhookDelivery) -> WebhookDelivery:
    """After one round through its webhook."""
    sending.send_through(delivery.webhook_id)
    return fresh(delivery)


def fresh(delivery: WebhookDelivery) -> WebhookDelivery:
    return WebhookDelivery.objects.select_related("webhook").get(pk=delivery.pk)


def due(delivery: WebhookDelivery) -> WebhookDelivery:
    """Its pause is over, and its webhook's."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    Webhook.objects.filter(pk=delivery.webhook_id).update(paused_until=None)
    return fresh(delivery)


def later(delivery: WebhookDelivery, **time: float) -> WebhookDelivery:
    """As if so much time had gone by."""
    back = timedelta(**time)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        next_attempt_at=F("next_attempt_at") - back,
        waiting_since=F("waiting_since") - back,
        created_at=F("created_at") - back,
    )
    Webhook.objects.filter(pk=delivery.webhook_id).update(
        paused_until=F("paused_until") - back, busy_until=F("busy_until") - back
    )
    return fresh(delivery)


def document(asked: Asked) -> Any:
    return json.loads(asked.body)
