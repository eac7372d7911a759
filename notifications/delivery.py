"""Takes what is due, sends it, writes what became of it.

Nothing is lost: a row is claimed by a lease that ends by itself, so what a killed worker held is sent again,
at most one batch, with the same event_id. Nothing is in a transaction while the network is waited for.
"""

import time
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from notifications.models import Delivery, DeliveryQuerySet
from notifications.outcomes import Outcome, Parcel, Verdict
from notifications.recording import record
from notifications.sending import attempt_seconds, send_all

#: Seconds kept free at the end of a lease for writing the results.
SETTLE_SECONDS = 3.0


def lease_seconds() -> float:
    """DELIVERY_LEASE_SECONDS, or longer where a single attempt could outlast that."""
    return max(float(settings.DELIVERY_LEASE_SECONDS), attempt_seconds() + 2 * SETTLE_SECONDS)


def deliver_batch(limit: int | None = None) -> int:
    """Delivers at most `limit` (DELIVERY_BATCH) of what is due; answers how many it took.

    Ends before the lease does, however slow the other side is: no send begins so late that it could outlast
    the lease, and what was not begun is given back untouched.
    """
    begun = time.monotonic()
    lease = uuid4()
    taken = claim(lease, settings.DELIVERY_BATCH if limit is None else limit)
    if not taken:
        return 0
    idle: list[tuple[Parcel, Outcome]] = []
    parcels: list[Parcel] = []
    for delivery in taken:
        parcel, obstacle = parcel_of(delivery), obstacle_of(delivery)
        if obstacle is None:
            parcels.append(parcel)
        else:
            idle.append((parcel, obstacle))
    start_by = begun + lease_seconds() - attempt_seconds() - SETTLE_SECONDS
    record([*idle, *send_all(parcels, start_by=start_by)], lease)
    return len(taken)


def claim(lease: UUID, limit: int) -> list[Delivery]:
    """Puts at most `limit` due deliveries under the lease, in one short transaction of its own."""
    with transaction.atomic():
        due: DeliveryQuerySet = Delivery.objects.due()
        ids = list(due.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:limit])
        if not ids:
            return []
        Delivery.objects.filter(pk__in=ids).update(
            lease=lease,
            leased_until=Now() + timedelta(seconds=lease_seconds()),
            attempts=F("attempts") + 1,
            updated_at=Now(),
        )
        return list(Delivery.objects.filter(pk__in=ids).select_related("message", "device").order_by("next_attempt_at"))


def obstacle_of(delivery: Delivery) -> Outcome | None:
    """Why this must not be sent, seen from the rows as they are now; None if it may."""
    message, device = delivery.message, delivery.device
    if message.expires_at <= timezone.now():
        return Outcome(Verdict.EXPIRED, code=delivery.error_code, error=delivery.error)
    if device.owner_id != message.recipient_id:
        return Outcome(Verdict.CANCELLED, code="device_changed")
    if not device.enabled:
        return Outcome(Verdict.CANCELLED, code="device_disabled")
    return None


def parcel_of(delivery: Delivery) -> Parcel:
    message, device = delivery.message, delivery.device
    return Parcel(
        delivery_id=delivery.pk,
        device_id=device.pk,
        attempts=delivery.attempts,
        event_id=message.event_id,
        kind=message.kind,
        context=message.context,
        data=message.data,
        collapse_key=message.collapse_key,
        language=device.locale,
        fallback_language=message.fallback_language,
        expires_at=message.expires_at,
        platform=device.platform,
        fcm_kind=device.fcm_kind,
        fcm_value=device.fcm_value,
    )
