"""A delivery that tells of nothing, to see whether the receiver takes it."""

from uuid import UUID

from django.db import transaction

from requests311.actors import Actor
from requests311.errors import WebhookInactive
from requests311.models import Webhook, WebhookDelivery
from requests311.queries.webhooks import managed_webhook
from requests311.webhooks.making import wake_worker


@transaction.atomic
def ping_webhook(*, by: Actor, webhook_id: UUID) -> WebhookDelivery:
    """A worker sends it; of several at once there is one. Raises NotAllowed, NotFound and WebhookInactive."""
    managed_webhook(by, webhook_id)
    # Locked, so that two at once make one, and none is made while it is switched off.
    webhook = Webhook.objects.select_for_update(no_key=True).get(pk=webhook_id)
    if not webhook.active:
        raise WebhookInactive
    waiting = WebhookDelivery.objects.pending().filter(webhook=webhook.pk, event=None).first()
    delivery = waiting or WebhookDelivery.objects.create(webhook=webhook)
    # Somebody wants to know now.
    Webhook.objects.filter(pk=webhook.pk).update(paused_until=None)
    transaction.on_commit(wake_worker)
    return delivery
