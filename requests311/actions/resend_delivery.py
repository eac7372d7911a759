"""The receiver has been repaired: a delivery that was given up is sent again."""

from uuid import UUID

from django.db import transaction

from requests311.actors import Actor
from requests311.errors import DeliveryNotDead, NotFound, WebhookInactive
from requests311.models import WebhookDelivery
from requests311.queries.webhooks import managed_webhook
from requests311.webhooks.resending import resend


@transaction.atomic
def resend_delivery(*, by: Actor, webhook_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """Raises NotAllowed, NotFound, WebhookInactive, and DeliveryNotDead for one that is delivered or on its way."""
    webhook = managed_webhook(by, webhook_id)
    found = WebhookDelivery.objects.filter(pk=delivery_id, webhook=webhook.pk)
    if not found.exists():
        raise NotFound
    if not webhook.active:
        raise WebhookInactive
    if not resend(found):
        raise DeliveryNotDead
    return found.select_related("event").get()
