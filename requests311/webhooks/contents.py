"""What a department's own system is told of an event.

Never who reported it, nor how to reach them. Texts that only staff read are among it, and `audience` says so.
"""

from typing import Any

import orjson

from requests311.forwarding.contents import photo_urls
from requests311.models import Event, ServiceRequest, WebhookDelivery
from requests311.writing import shown_text

#: The type of a delivery that tells of nothing.
PING = "ping"


def body(delivery: WebhookDelivery) -> bytes:
    """JSON; needs the event's request with its service, department and jurisdiction at hand."""
    event = delivery.event
    if event is None:
        return orjson.dumps(_head(delivery, PING, delivery.created_at.isoformat()))
    return orjson.dumps(
        _head(delivery, event.kind, event.at.isoformat())
        | {
            "event": {
                "id": str(event.pk),
                "audience": event.audience,
                "from_status": event.from_status or None,
                "to_status": event.to_status or None,
                "text": shown_text(event),
            },
            "request": _request(event),
        }
    )


def _head(delivery: WebhookDelivery, kind: str, at: str) -> dict[str, Any]:
    return {"id": str(delivery.pk), "type": kind, "occurred_at": at}


def _request(event: Event) -> dict[str, Any]:
    """Version and status as the event left them; everything else as it is now."""
    request: ServiceRequest = event.request
    return {
        "id": str(request.pk),
        "number": request.number,
        "version": event.version,
        "status": event.to_status or event.data.get("status") or request.status,
        "jurisdiction": request.jurisdiction.code,
        "service": {"code": request.service.code, "name": request.service.name},
        "department": {"code": request.department.code, "name": request.department.name},
        "location": {"latitude": request.location.y, "longitude": request.location.x},
        "address": request.address,
        "areas": request.areas,
        "description": request.description,
        "attributes": request.attributes,
        "photos": photo_urls(request),
        "visibility": request.visibility,
        "submitted_at": request.submitted_at.isoformat(),
        "due_at": request.due_at.isoformat() if request.due_at else None,
    }
