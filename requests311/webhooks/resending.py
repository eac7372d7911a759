"""A person has repaired something: deliveries that are dead are sent again."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from requests311.models import DeliveryState, Webhook, WebhookDelivery
from requests311.webhooks.making import wake_worker


@transaction.atomic
def resend(deliveries: "QuerySet[WebhookDelivery]") -> int:
    """Those of them that are dead and whose webhook is on, at once and with all patience; answers how many."""
    now = timezone.now()
    found = WebhookDelivery.objects.dead().filter(pk__in=deliveries.order_by().values("pk"), webhook__active=True)
    webhooks = list(found.order_by().values_list("webhook", flat=True).distinct())
    sent = found.update(state=DeliveryState.PENDING, attempts=0, next_attempt_at=now, waiting_since=now, last_error="")
    Webhook.objects.filter(pk__in=webhooks).update(paused_until=None)
    transaction.on_commit(wake_worker)
    return sent
