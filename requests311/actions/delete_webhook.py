"""Nothing is sent any more, and its secret is forgotten. Its deliveries go with the next run of retention."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311.actors import Actor
from requests311.models import Webhook
from requests311.queries.webhooks import managed_webhook
from requests311.webhooks.recording import cancel_pending


@transaction.atomic
def delete_webhook(*, by: Actor, webhook_id: UUID) -> None:
    """Raises NotAllowed and NotFound."""
    webhook = managed_webhook(by, webhook_id)
    Webhook.objects.filter(pk=webhook.pk).update(
        active=False,
        secret="",
        previous_secret="",
        previous_secret_until=None,
        deleted_at=timezone.now(),
    )
    cancel_pending(webhook.pk)
