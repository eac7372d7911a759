"""A new secret; the one before signs too for a day, so that no message is lost while the receiver changes over."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import Webhook
from requests311.queries.webhooks import managed_webhook
from requests311.webhooks.signing import new_secret

#: How long both sign.
GRACE = timedelta(hours=24)


@transaction.atomic
def rotate_webhook_secret(*, by: Actor, webhook_id: UUID) -> Webhook:
    """Its `secret` is the new one, shown to nobody again. Raises NotAllowed and NotFound."""
    managed_webhook(by, webhook_id)
    webhook = Webhook.objects.select_for_update(no_key=True).filter(pk=webhook_id, deleted_at=None).first()
    if webhook is None:
        raise NotFound
    webhook.previous_secret, webhook.previous_secret_until = webhook.secret, timezone.now() + GRACE
    webhook.secret = new_secret()
    webhook.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    return webhook
