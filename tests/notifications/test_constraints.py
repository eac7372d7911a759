"""Every named constraint has a test that breaks it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.utils import timezone

from notifications.models import Delivery, Device, Message, Switch

NOW = timezone.now()

UPDATES: list[tuple[type[Any], str, dict[str, Any]]] = [
    (Device, "device_fcm_kind_known", {"fcm_kind": "topic"}),
    (Device, "device_platform_known", {"platform": "fax"}),
    (Device, "device_address_not_empty", {"fcm_value": ""}),
    (Device, "device_address_not_empty", {"installation_id": ""}),
    (Device, "device_disabled_has_reason", {"enabled": False}),
    (Device, "device_disabled_has_reason", {"disabled_because": "unregistered"}),
    (Message, "message_has_kind", {"kind": ""}),
    (Message, "message_has_recipient_or_address", {"recipient": None}),
    (Message, "message_has_recipient_or_address", {"address": "somebody@example.org"}),
    (Message, "message_expires_after_creation", {"expires_at": NOW - timedelta(days=9)}),
    (Delivery, "delivery_channel_known", {"channel": "fax", "device": None}),
    (Delivery, "delivery_push_has_device", {"device": None}),
    (Delivery, "delivery_push_has_device", {"channel": "email", "address": "somebody@example.org"}),
    (Delivery, "delivery_email_has_address", {"channel": "email", "device": None}),
    (Delivery, "delivery_email_has_address", {"address": "somebody@example.org"}),
    (Switch, "switch_topic_is_known", {"topic": "weather"}),
    (Switch, "switch_channel_known", {"channel": "fax"}),
    (Delivery, "delivery_state_known", {"state": "lost"}),
    (Delivery, "delivery_sent_has_time", {"state": "sent"}),
    (Delivery, "delivery_sent_has_time", {"sent_at": NOW}),
    (Delivery, "delivery_dead_has_reason", {"state": "dead"}),
    (Delivery, "delivery_lease_has_end", {"lease": uuid4()}),
    (Delivery, "delivery_lease_has_end", {"leased_until": NOW}),
    (
        Delivery,
        "delivery_lease_only_pending",
        {"state": "cancelled", "lease": uuid4(), "leased_until": NOW},
    ),
]

DUPLICATES = [
    "device_installation_once",
    "device_address_once",
    "message_once",
    "message_once_per_address",
    "delivery_once_per_device",
    "delivery_once_per_address",
    "switch_once",
]


def switched_off(delivery: Delivery) -> Switch:
    assert delivery.message.recipient is not None
    return Switch.objects.create(user=delivery.message.recipient, topic="digest", channel="email")


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "name", "values"), UPDATES)
def test_a_state_that_cannot_be(told: Any, model: type[Any], name: str, values: dict[str, Any]) -> None:
    switched_off(told())
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        model.objects.update(**values)


@pytest.mark.django_db
def test_the_same_twice(told: Any, mailed: Any) -> None:
    delivery, letter = told(), mailed()
    device, message = delivery.device, delivery.message
    copies = {
        "device_installation_once": (device, {"fcm_value": "another"}),
        "device_address_once": (device, {"installation_id": "another"}),
        "message_once": (message, {}),
        "message_once_per_address": (letter.message, {}),
        "delivery_once_per_device": (delivery, {}),
        "delivery_once_per_address": (letter, {}),
        "switch_once": (switched_off(delivery), {}),
    }
    assert sorted(copies) == sorted(DUPLICATES)
    for name, (row, changes) in copies.items():
        copy = type(row).objects.get(pk=row.pk)
        copy.pk = None if type(row) is Switch else uuid4()
        for field, value in changes.items():
            setattr(copy, field, value)
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            copy.save(force_insert=True)


@pytest.mark.django_db
def test_a_disabled_device_leaves_its_address_free(told: Any, person: Any, phone: Any) -> None:
    told(device={"fcm_value": "same"})
    Device.objects.update(enabled=False, disabled_because="unregistered")
    assert phone(person(), fcm_value="same").enabled


def test_none_is_forgotten() -> None:
    named = {
        constraint.name
        for model in apps.get_app_config("notifications").get_models()
        for constraint in model._meta.constraints
    }
    assert named == {name for _, name, _ in UPDATES} | set(DUPLICATES)
