"""All that a person, or another system, can read of a request's texts."""

from datetime import timedelta

import orjson
from django.utils import timezone

from accounts.models import User
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.models import Event, ServiceRequest, WebhookDelivery
from requests311.queries.georeport import Selection, Writing, requests_text, updates_text
from requests311.queries.timeline import timeline
from requests311.webhooks.contents import body


def history(request: ServiceRequest, by: User | None) -> str:
    """GET /requests/{key}/events as this person gets it."""
    return "\n".join(timeline(str(request.pk), actor=Actor(by)))


def open311(request: ServiceRequest) -> str:
    """Requests and updates, in JSON and XML, with all extensions."""
    named = [Condition("{r}.id = %s", request.pk)]
    now = timezone.now()
    begin, end = now - timedelta(days=1), now + timedelta(days=1)
    return "\n".join(
        [
            *(
                requests_text(Selection(named), writing=writing, extensions=extensions, base_url="")
                for writing in Writing
                for extensions in (False, True)
            ),
            *(updates_text(named, begin=begin, end=end, limit=100, writing=writing) for writing in Writing),
        ]
    )


def by_webhook(event: Event) -> str:
    """The text that a department's own system gets, were it sent now."""
    return str(orjson.loads(body(WebhookDelivery(event=event)))["event"]["text"])
