"""Webhooks and their deliveries as JSON."""

from datetime import datetime
from typing import Any

from requests311.models import DeliveryState, Webhook, WebhookDelivery
from requests311.webhooks.contents import PING
from requests311.webhooks.filters import area_name


def webhook_document(webhook: Webhook) -> dict[str, Any]:
    """Without its secrets; needs jurisdiction and department at hand."""
    return {
        "id": str(webhook.pk),
        "jurisdiction": webhook.jurisdiction.code,
        "department": webhook.department.code if webhook.department else None,
        "url": webhook.url,
        "description": webhook.description,
        "event_kinds": webhook.event_kinds,
        "services": webhook.services,
        "areas": [area_name(kept)._asdict() for kept in webhook.areas],
        "active": webhook.active,
        "created_at": webhook.created_at.isoformat(),
        "failures": webhook.failures,
        "paused_until": _moment(webhook.paused_until),
        "last_error": webhook.last_error,
        "previous_secret_until": _moment(webhook.previous_secret_until),
    }


def delivery_document(delivery: WebhookDelivery) -> dict[str, Any]:
    """Needs its event at hand."""
    event = delivery.event
    pending = delivery.state == DeliveryState.PENDING
    return {
        "id": str(delivery.pk),
        "type": event.kind if event else PING,
        "event_id": str(event.pk) if event else None,
        "request_id": str(event.request_id) if event else None,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_attempt_at": _moment(delivery.next_attempt_at) if pending else None,
        "status_code": delivery.status_code,
        "last_error": delivery.last_error,
        "created_at": delivery.created_at.isoformat(),
        "delivered_at": _moment(delivery.delivered_at),
    }


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
