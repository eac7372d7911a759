"""Phones come, change hands and go."""

from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Q, Value
from django.db.models.functions import MD5, Now
from django.db.models.lookups import Exact
from uuid_utils.compat import uuid7

from notifications.models import Delivery, Device, FcmKind, Platform, State

# Registrations of one installation or one address go one after the other, so that none can meet the other's
# half of the unique constraints. In order, so that two never wait for each other.
TAKE_TURNS = """
SELECT pg_advisory_xact_lock(hashtextextended('notifications_device ' || name, 0))
FROM (SELECT name FROM unnest(%s::text[]) AS t(name) ORDER BY name) AS turns
"""

UPSERT = """
INSERT INTO notifications_device
    (id, owner_id, installation_id, fcm_kind, fcm_value, platform, locale, app_version,
     enabled, disabled_because)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, true, '')
ON CONFLICT (installation_id) DO UPDATE SET
    owner_id = excluded.owner_id, fcm_kind = excluded.fcm_kind, fcm_value = excluded.fcm_value,
    platform = excluded.platform, locale = excluded.locale, app_version = excluded.app_version,
    enabled = true, disabled_because = '', updated_at = statement_timestamp()
RETURNING *
"""


def register(
    *,
    owner: AbstractBaseUser,
    installation_id: str,
    fcm_kind: FcmKind | str,
    fcm_value: str,
    platform: Platform | str,
    locale: str,
    app_version: str,
) -> Device:
    """This installation, at this FCM address, is the owner's from now on; answers the device.

    An installation or an address that was another's changes hands: what was still to be pushed there is
    cancelled. An address that moves here from another installation disables that one.
    """
    kind = str(fcm_kind)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(TAKE_TURNS, [[f"installation {installation_id}", f"{kind} {fcm_value}"]])
        known = _lock_known(installation_id, kind, fcm_value)
        moved = [device.pk for device in known if device.installation_id != installation_id]
        if moved:
            Device.objects.filter(pk__in=moved).update(
                enabled=False, disabled_because="address_moved", updated_at=Now()
            )
        values = [owner.pk, installation_id, kind, fcm_value, str(platform), locale, app_version]
        device = Device.objects.raw(UPSERT, [uuid7(), *values])[0]
        if moved or any(other.owner_id != owner.pk for other in known):
            foreign = Q(device_id=device.pk) & ~Q(message__recipient_id=owner.pk)
            cancel_pending(Q(device_id__in=moved) | foreign, because="device_changed")
        return device


def _lock_known(installation_id: str, fcm_kind: str, fcm_value: str) -> list[Device]:
    """The rows of this installation and of this address, locked."""
    same_address = Q(Exact(MD5("fcm_value"), MD5(Value(fcm_value)))) & Q(
        fcm_kind=fcm_kind, fcm_value=fcm_value, enabled=True
    )
    return list(
        Device.objects.filter(Q(installation_id=installation_id) | same_address)
        .order_by("pk")
        .select_for_update(no_key=True)
    )


def unregister(*, owner: AbstractBaseUser, installation_id: str) -> bool:
    """Forgets the owner's own installation and what was pushed to it; False where there is none of theirs."""
    with transaction.atomic():
        # Locked first, so that no delivery to it can be added between the look and the deletion.
        device = Device.objects.filter(owner_id=owner.pk, installation_id=installation_id).select_for_update().first()
        if device is None:
            return False
        device.delete()
        return True


def disable(device_id: UUID, *, fcm_kind: str, fcm_value: str, because: str) -> bool:
    """Turns the device off if this is still its address; False if it has another one by now."""
    return bool(
        Device.objects.filter(pk=device_id, fcm_kind=fcm_kind, fcm_value=fcm_value).update(
            enabled=False, disabled_because=because, updated_at=Now()
        )
    )


def cancel_pending(condition: Q, *, because: str) -> int:
    """Cancels pending deliveries, in whoever's hands: a result that still comes in finds its lease gone."""
    locked = list(
        Delivery.objects.filter(condition, state=State.PENDING)
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)
        .values_list("pk", flat=True)
    )
    return Delivery.objects.filter(pk__in=locked).update(
        state=State.CANCELLED, error_code=because, lease=None, leased_until=None, updated_at=Now()
    )
