"""What came of a try, written down."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifications.alerts import alert
from requests311.models import DeliveryState, Webhook, WebhookDelivery
from requests311.webhooks.patience import PATIENCE, outage_pause, pause
from requests311.webhooks.posting import Outcome

#: So many failures in a row are the webhook's and not a delivery's, and worth a look.
_MANY = 5


def record(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """The delivery as it was claimed, and what came of it."""
    if not outcome.error:
        _delivered(delivery, outcome)
    elif outcome.is_gone:
        _gone(delivery, outcome)
    else:
        _failed(delivery, outcome)


def cancel_pending(webhook_id: UUID) -> int:
    """What waits for a webhook that was switched off."""
    return WebhookDelivery.objects.pending().filter(webhook=webhook_id).update(state=DeliveryState.CANCELLED)


def _delivered(delivery: WebhookDelivery, outcome: Outcome) -> None:
    # Whoever else has it by now: what the other side has said once is true.
    WebhookDelivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.DELIVERED).update(
        state=DeliveryState.DELIVERED,
        status_code=outcome.status,
        last_error="",
        delivered_at=timezone.now(),
    )
    webhook = delivery.webhook
    if webhook.failures or webhook.paused_until or webhook.last_error:
        Webhook.objects.filter(pk=webhook.pk).update(failures=0, paused_until=None, last_error="")


@transaction.atomic
def _gone(delivery: WebhookDelivery, outcome: Outcome) -> None:
    # Not where somebody has named another address meanwhile, which has said nothing of the kind.
    same = Webhook.objects.filter(pk=delivery.webhook_id, url=delivery.webhook.url, active=True)
    if not same.update(active=False, last_error=outcome.error):
        _failed(delivery, outcome)
        return
    alert("webhook_gone", webhook_id=str(delivery.webhook_id))
    _mine(delivery, state=DeliveryState.DEAD, status_code=outcome.status, last_error=outcome.error)
    cancel_pending(delivery.webhook_id)


def _failed(delivery: WebhookDelivery, outcome: Outcome) -> None:
    _webhook_failed(delivery.webhook, outcome)
    now = timezone.now()
    next_attempt_at = now + max(pause(delivery.attempts), outcome.wait)
    told: dict[str, Any] = {"status_code": outcome.status, "last_error": outcome.error}
    if next_attempt_at > delivery.waiting_since + PATIENCE:
        if _mine(delivery, state=DeliveryState.DEAD, **told):
            alert("webhook_delivery_dead", webhook_id=str(delivery.webhook_id), delivery_id=str(delivery.pk))
    else:
        _mine(delivery, next_attempt_at=next_attempt_at, **told)


def _webhook_failed(webhook: Webhook, outcome: Outcome) -> None:
    found = Webhook.objects.filter(pk=webhook.pk)
    found.update(failures=F("failures") + 1, last_error=outcome.error)
    failures = found.values_list("failures", flat=True).first() or 0
    if outcome.is_down or failures >= _MANY:
        found.update(paused_until=_until(failures, outcome.wait))
    if failures == _MANY:
        alert("webhook_down", webhook_id=str(webhook.pk))


def _until(failures: int, wait: timedelta) -> datetime:
    return timezone.now() + max(outage_pause(failures), wait)


def _mine(delivery: WebhookDelivery, **changes: Any) -> bool:
    """Nothing where another worker has taken it since: this one was too late, and its word is of yesterday."""
    same = WebhookDelivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts, state=DeliveryState.PENDING)
    return bool(same.update(**changes))
