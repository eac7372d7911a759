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

from notifications.channels import email
from notifications.models import Channel, Delivery, DeliveryQuerySet
from notifications.outcomes import Outcome, Parcel, Verdict
from notifications.recording import record
from notifications.sending import attempt_seconds, send_all

#: Seconds kept free at the end of a lease for writing the results.
SETTLE_SECONDS = 3.0


def lease_seconds() -> float:
    """DELIVERY_LEASE_SECONDS, or longer where a single attempt could outlast that."""
    return max(float(settings.DELIVERY_LEASE_SECONDS), attempt_seconds() + 2 * SETTLE_SECONDS)


def deliver_batch(limit: int | None = None) -> int:
    """Delivers at most `limit` (DELIVERY_BATCH) pushes and a few e-mails of what is due; answers how many it took.

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
    """Puts at most `limit` due pushes and email.BATCH e-mails under the lease, in one short transaction of its own.

    Apart, so that a thousand e-mails, which are slow, do not stand in line before a push.
    """
    with transaction.atomic():
        ids = [*_due(Channel.PUSH, limit), *_due(Channel.EMAIL, min(limit, email.BATCH))]
        if not ids:
            return []
        Delivery.objects.filter(pk__in=ids).update(
            lease=lease,
            leased_until=Now() + timedelta(seconds=lease_seconds()),
            attempts=F("attempts") + 1,
            updated_at=Now(),
        )
        return list(
            Delivery.objects.filter(pk__in=ids)
            .select_related("message__recipient", "device")
            .order_by("next_attempt_at")
        )


def _due(channel: Channel, limit: int) -> list[UUID]:
    due: DeliveryQuerySet = Delivery.objects.due().filter(channel=channel)
    return list(due.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:limit])


def obstacle_of(delivery: Delivery) -> Outcome | None:
    """Why this must not be sent, seen from the rows as they are now; None if it may."""
    message = delivery.message
    if message.expires_at <= timezone.now():
        return Outcome(Verdict.EXPIRED, code=delivery.error_code, error=delivery.error)
    return _obstacle_of_push(delivery) if delivery.channel == Channel.PUSH else _obstacle_of_email(delivery)


def _obstacle_of_push(delivery: Delivery) -> Outcome | None:
    device = delivery.device
    if device is None or device.owner_id != delivery.message.recipient_id:
        return Outcome(Verdict.CANCELLED, code="device_changed")
    if not device.enabled:
        return Outcome(Verdict.CANCELLED, code="device_disabled")
    return None


def _obstacle_of_email(delivery: Delivery) -> Outcome | None:
    recipient = delivery.message.recipient
    if recipient is None:
        return None
    if not recipient.is_active:
        return Outcome(Verdict.CANCELLED, code="account_inactive")
    if delivery.address != getattr(recipient, recipient.get_email_field_name()):
        return Outcome(Verdict.CANCELLED, code="address_changed")
    return None


def parcel_of(delivery: Delivery) -> Parcel:
    message, device, recipient = delivery.message, delivery.device, delivery.message.recipient
    language = device.locale if device else recipient.language if recipient else ""
    return Parcel(
        delivery_id=delivery.pk,
        device_id=delivery.device_id,
        attempts=delivery.attempts,
        event_id=message.event_id,
        kind=message.kind,
        context=message.context,
        data=message.data,
        collapse_key=message.collapse_key,
        language=language,
        fallback_language=message.fallback_language,
        expires_at=message.expires_at,
        platform=device.platform if device else "",
        fcm_kind=device.fcm_kind if device else "",
        fcm_value=device.fcm_value if device else "",
        channel=delivery.channel,
        address=delivery.address,
        topic=message.topic,
        has_account=recipient is not None,
    )
