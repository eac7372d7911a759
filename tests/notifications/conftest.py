"""People, phones, and the FCM emulator that the real firebase-admin talks to."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction

from notifications import devices, outbox, sending, wake
from notifications.channels import push
from notifications.models import Delivery, Device
from notifications.outbox import Notice
from tests.notifications.emulator import RunningEmulator, running_emulator
from tests.notifications.smtp import MailServer, running_mail_server

CONTEXT = {
    "number": "7K3F-9QTD",
    "service": {"en": "Pothole", "es": "Bache"},
    "department": {"en": "Transportation", "es": "Transporte"},
    "status": "submitted",
}


@pytest.fixture(scope="session")
def one_emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def fcm(one_emulator: RunningEmulator, settings: Any) -> Iterator[RunningEmulator]:
    """An emulator that has seen nothing, and our push channel configured for it."""
    one_emulator.clear()
    settings.FIREBASE_CREDENTIALS = str(one_emulator.credentials_path)
    settings.FCM_ENDPOINT = one_emulator.url
    push.reset()
    yield one_emulator
    sending.reset()
    push.reset()
    wake.flush(2)
    wake.reset()


@pytest.fixture
def post(settings: Any) -> Iterator[MailServer]:
    """A mail server that takes everything, and our settings for it as config/mail.py makes them."""
    with running_mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.host, server.port
        settings.DEFAULT_FROM_EMAIL = "City <311@city.example>"
        yield server
    sending.reset()


@pytest.fixture
def person() -> Callable[[], Any]:
    return lambda: get_user_model().objects.create_guest()


@pytest.fixture
def phone() -> Callable[..., Device]:
    """Registers a phone; what is not given is its own."""

    def make(owner: Any, **given: Any) -> Device:
        name = uuid4().hex
        values = {
            "installation_id": f"installation-{name}",
            "fcm_kind": "token",
            "fcm_value": f"token:{name}",
            "platform": "android",
            "locale": "en-US",
            "app_version": "1.0",
        }
        return devices.register(owner=owner, **{**values, **given})

    return make


@pytest.fixture
def notice() -> Callable[..., Notice]:
    def make(recipient: Any, **given: Any) -> Notice:
        values: dict[str, Any] = {
            "event_id": uuid4(),
            "kind": "request_submitted",
            "context": CONTEXT,
            "data": {"request_id": "r1", "number": "7K3F-9QTD", "status": "submitted", "link": "app://r/1"},
            "ttl": timedelta(days=1),
            "collapse_key": "request-r1",
        }
        return Notice(recipient_id=recipient.pk, **{**values, **given})

    return make


@pytest.fixture
def told(person: Any, phone: Any, notice: Any) -> Callable[..., Delivery]:
    """A person with a phone and one pending delivery to it."""

    def make(*, event_id: UUID | None = None, device: dict[str, Any] | None = None, **given: Any) -> Delivery:
        owner = person()
        registered = phone(owner, **(device or {}))
        if event_id is not None:
            given["event_id"] = event_id
        with transaction.atomic():
            outbox.enqueue([notice(owner, **given)])
        return Delivery.objects.select_related("message", "device").get(device=registered)

    return make


@pytest.fixture
def mailed() -> Callable[..., Delivery]:
    """One pending e-mail to an address without an account."""

    def make(address: str = "somebody@example.org", **given: Any) -> Delivery:
        values: dict[str, Any] = {
            "event_id": uuid4(),
            "kind": "request_submitted",
            "context": CONTEXT,
            "data": {"link": "https://311.city.example/r/1"},
            "ttl": timedelta(days=1),
        }
        notice = Notice(recipient_id=None, address=address, channels=("email",), **{**values, **given})
        with transaction.atomic():
            outbox.enqueue([notice])
        return Delivery.objects.select_related("message").get(message=notice.id)

    return make
