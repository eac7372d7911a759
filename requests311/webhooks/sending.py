"""Takes deliveries that are due, sends them, writes what became of them.

Nothing is lost: a delivery is claimed by a lease that ends by itself, so what a killed worker held is sent again, with
the same id. Nothing is in a transaction while the network is waited for. A receiver that is down is left alone for a
while as a whole, so that it costs one call a pause and holds up no other.
"""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from notifications.alerts import alert
from requests311.models import DeliveryState, Webhook, WebhookDelivery
from requests311.webhooks.patience import PATIENCE
from requests311.webhooks.posting import Outcome, post
from requests311.webhooks.recording import record

#: Longer than any one try.
LEASE = timedelta(minutes=1)
#: Seconds after which one task hands over to the next, far below the broker's visibility timeout.
ROUND_SECONDS = 20.0
#: A sweep gives up so many; the next one comes within seconds.
_GIVE_UP_LIMIT = 500


def webhooks_due() -> Sequence[UUID]:
    """Ids of the webhooks that have something to send."""
    now = timezone.now()
    due = WebhookDelivery.objects.due(now).filter(webhook=OuterRef("pk"))
    return list(_free(now).filter(Exists(due)).values_list("pk", flat=True))


def send_through(webhook_id: UUID) -> bool:
    """Sends what is due through a webhook, one after the other, until nothing is or the time is up.

    Answers whether there may be more. Nothing is done where another worker is at it.
    """
    now = timezone.now()
    busy_until = now + timedelta(seconds=ROUND_SECONDS) + LEASE
    if not _free(now).filter(pk=webhook_id).update(busy_until=busy_until):
        return False
    until = time.monotonic() + ROUND_SECONDS
    delivery = claim(webhook_id)
    while delivery is not None:
        record(delivery, _try(delivery))
        # None also where the time is up: what is claimed is sent.
        delivery = claim(webhook_id) if time.monotonic() < until else None
    Webhook.objects.filter(pk=webhook_id, busy_until=busy_until).update(busy_until=None)
    return WebhookDelivery.objects.due(timezone.now()).filter(webhook=webhook_id).exists()


@transaction.atomic
def claim(webhook_id: UUID) -> WebhookDelivery | None:
    """The next one that is due, leased to the caller."""
    now = timezone.now()
    delivery = (
        WebhookDelivery.objects.due(now)
        .filter(webhook=webhook_id)
        .select_related(
            "webhook", "event__request__service", "event__request__department", "event__request__jurisdiction"
        )
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .order_by("next_attempt_at", "pk")
        .first()
    )
    if delivery is not None:
        delivery.attempts += 1
        delivery.next_attempt_at = now + LEASE
        delivery.save(update_fields=["attempts", "next_attempt_at"])
    return delivery


def give_up() -> int:
    """Ends what is not even tried: its webhook is off, or has been down for longer than we wait."""
    cancelled = _some(Q(webhook__active=False)).update(state=DeliveryState.CANCELLED)
    late = _some(Q(webhook__active=True, waiting_since__lt=timezone.now() - PATIENCE - timedelta(hours=1)))
    webhooks: Counter[UUID] = Counter(late.values_list("webhook", flat=True))
    # One that was tried says itself why it failed.
    untried = late.filter(last_error="").update(state=DeliveryState.DEAD, last_error="The receiver was not reached.")
    dead = untried + late.update(state=DeliveryState.DEAD)
    for webhook_id, count in webhooks.items():
        # One for all of them: a receiver that was down for a day may have thousands.
        alert("webhook_delivery_dead", webhook_id=str(webhook_id), deliveries=count)
    return cancelled + dead


def _some(condition: Q) -> "QuerySet[WebhookDelivery]":
    ids = list(WebhookDelivery.objects.pending().filter(condition).values_list("pk", flat=True)[:_GIVE_UP_LIMIT])
    return WebhookDelivery.objects.pending().filter(pk__in=ids)


def _free(now: datetime) -> "QuerySet[Webhook]":
    return Webhook.objects.filter(Q(busy_until=None) | Q(busy_until__lte=now))


def _try(delivery: WebhookDelivery) -> Outcome:
    try:
        return post(delivery)
    except Exception as error:
        # Ours, not theirs. It must not hold up what comes behind it, and is tried again when we have repaired it.
        name = type(error).__name__
        alert("webhook_failed", delivery_id=str(delivery.pk), error=name)
        return Outcome(None, f"This server could not send it ({name}).")
