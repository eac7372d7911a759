"""Another address, other filters, on or off."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import Webhook
from requests311.queries.webhooks import managed_webhook
from requests311.webhooks import filters, targets
from requests311.webhooks.filters import AreaName
from requests311.webhooks.recording import cancel_pending


def change_webhook(
    *,
    by: Actor,
    webhook_id: UUID,
    url: str | None = None,
    description: str | None = None,
    event_kinds: Sequence[str] | None = None,
    services: Sequence[str] | None = None,
    areas: Sequence[AreaName] | None = None,
    active: bool | None = None,
) -> Webhook:
    """None leaves a value as it is. Call it outside of a transaction: it looks a host up.

    What waits when a webhook is switched off is cancelled. Raises NotAllowed, NotFound and Invalid.
    """
    webhook = managed_webhook(by, webhook_id)
    filters.check(webhook.jurisdiction, event_kinds=event_kinds or (), services=services or (), areas=areas or ())
    if url is not None and url != webhook.url:
        targets.check(url)
    given = {
        "url": url,
        "description": description,
        "event_kinds": None if event_kinds is None else list(event_kinds),
        "services": None if services is None else list(services),
        "areas": None if areas is None else [str(area) for area in areas],
        "active": active,
    }
    _save(webhook, {name: value for name, value in given.items() if value is not None})
    return webhook


@transaction.atomic
def _save(webhook: Webhook, changes: Mapping[str, Any]) -> None:
    starts_anew = changes.get("url", webhook.url) != webhook.url or (changes.get("active") and not webhook.active)
    told: dict[str, Any] = dict(changes)
    if starts_anew:
        told |= {"failures": 0, "paused_until": None, "last_error": ""}
    if told and not Webhook.objects.filter(pk=webhook.pk, deleted_at=None).update(**told):
        raise NotFound
    for name, value in told.items():
        setattr(webhook, name, value)
    if changes.get("active") is False:
        cancel_pending(webhook.pk)
