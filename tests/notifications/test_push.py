"""What each answer of FCM does to the rows; the real firebase-admin, the emulator at the other end."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from notifications.delivery import deliver_batch
from notifications.models import Delivery, Device
from tests.notifications.emulator import RunningEmulator

pytestmark = pytest.mark.django_db


def alerts(reason: str) -> float:
    return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": reason}) or 0.0


def counted(outcome: str) -> float:
    labels = {"channel": "push", "outcome": outcome}
    return REGISTRY.get_sample_value("requests311_deliveries_total", labels) or 0.0


def wait_of(delivery: Delivery) -> float:
    """Seconds from now to the next attempt."""
    return (delivery.next_attempt_at - timezone.now()).total_seconds()


def test_sent(fcm: RunningEmulator, told: Any) -> None:
    delivery = told(device={"fcm_value": "phone-1", "locale": "es-MX"})
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.lease) == ("sent", 1, None)
    assert delivery.sent_at is not None
    assert delivery.error_code == ""

    received = fcm.messages("phone-1", kind="token")
    assert [delivery.provider_id] == [each["name"] for each in received]
    message = received[0]["message"]
    assert message["notification"] == {
        "title": "Bache: a cargo de Transporte",
        "body": "Recibimos su reporte 7K3F-9QTD.",
    }
    assert message["data"] == {
        "event_id": str(delivery.message.event_id),
        "request_id": "r1",
        "number": "7K3F-9QTD",
        "status": "submitted",
        "link": "app://r/1",
    }
    android, apns = message["android"], message["apns"]
    assert (android["priority"], android["collapse_key"]) == ("high", "request-r1")
    assert android["notification"]["tag"] == "request-r1"
    assert 86_300 < int(android["ttl"].removesuffix("s")) <= 86_400
    assert apns["headers"]["apns-collapse-id"] == "request-r1"
    assert int(apns["headers"]["apns-expiration"]) == int(delivery.message.expires_at.timestamp())
    assert apns["payload"]["aps"] == {"sound": "default", "thread-id": "request-r1"}
    assert deliver_batch() == 0
    assert len(fcm.messages()) == 1


def test_sent_to_an_installation_id(fcm: RunningEmulator, told: Any) -> None:
    told(device={"fcm_kind": "fid", "fcm_value": "fid-1", "platform": "ios"}, collapse_key="k" * 200)
    told(device={"fcm_kind": "fid", "fcm_value": "fid-2", "platform": "web"}, collapse_key="")
    assert deliver_batch() == 2
    ios = fcm.messages("fid-1", kind="fid")[0]["message"]
    web = fcm.messages("fid-2", kind="fid")[0]["message"]
    assert len(ios["apns"]["headers"]["apns-collapse-id"]) == 64
    assert web["webpush"]["headers"]["Urgency"] == "high"
    assert "apns-collapse-id" not in web["apns"]["headers"]


def test_credentials_may_be_the_json_itself(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    settings.FIREBASE_CREDENTIALS = json.dumps(fcm.credentials)
    told()
    assert deliver_batch() == 1
    assert len(fcm.messages()) == 1


def test_unregistered_disables_exactly_that_device(fcm: RunningEmulator, told: Any, phone: Any, notice: Any) -> None:
    from notifications import outbox

    gone, fine = told(device={"fcm_value": "gone"}), told()
    also_mine = phone(gone.device.owner)
    outbox.enqueue([notice(gone.device.owner, kind="request_closed", data={})])
    Delivery.objects.filter(device=gone.device).exclude(pk=gone.pk).update(
        next_attempt_at=timezone.now() + timedelta(hours=1)
    )
    fcm.set_fault("unregistered", "gone")

    assert deliver_batch() == 3

    gone.refresh_from_db()
    fine.refresh_from_db()
    assert (gone.state, gone.error_code, gone.lease) == ("dead", "UNREGISTERED", None)
    assert fine.state == "sent"
    assert list(Device.objects.filter(enabled=False).values_list("pk", "disabled_because")) == [
        (gone.device_id, "unregistered")
    ]
    waiting = Delivery.objects.get(device=gone.device, message__kind="request_closed")
    assert (waiting.state, waiting.error_code) == ("cancelled", "device_disabled")
    assert Delivery.objects.get(device=also_mine).state == "sent"


def test_unregistered_spares_a_phone_that_has_a_new_address_by_now(fcm: RunningEmulator, told: Any) -> None:
    from uuid import uuid4

    from notifications.delivery import claim, parcel_of
    from notifications.recording import record
    from notifications.sending import send_all

    delivery = told(device={"fcm_value": "old"})
    fcm.set_fault("unregistered", "old")
    lease = uuid4()
    parcels = [parcel_of(each) for each in claim(lease, 10)]
    results = send_all(parcels, start_by=time.monotonic() + 10)
    Device.objects.update(fcm_value="new")
    record(results, lease)
    assert deliver_batch() == 1

    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert Device.objects.get().enabled
    assert len(fcm.messages("new", kind="token")) == 1


@pytest.mark.parametrize(
    ("fault", "reason", "code"),
    [
        ("sender_id_mismatch", "push_sender_mismatch", "SENDER_ID_MISMATCH"),
        ("third_party_auth", "push_third_party_auth", "THIRD_PARTY_AUTH_ERROR"),
    ],
)
def test_a_refusal_calls_a_person_once_and_disables_nothing(
    fcm: RunningEmulator, told: Any, fault: str, reason: str, code: str
) -> None:
    deliveries = [told(), told()]
    before = alerts(reason)
    fcm.set_fault(fault)

    assert deliver_batch() == 2

    assert alerts(reason) == before + 1
    assert not Device.objects.filter(enabled=False).exists()
    for delivery in deliveries:
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.error_code) == ("pending", 1, code)
        assert wait_of(delivery) > 20
    fcm.clear()
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_batch() == 2
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}


def test_our_own_credentials_refused_by_the_token_endpoint(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    account = fcm.credentials
    account["client_email"] = "somebody-else@example.org"
    settings.FIREBASE_CREDENTIALS = json.dumps(account)
    delivery, before = told(), alerts("push_credentials_refused")
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("pending", "OAUTH_REFUSED")
    assert wait_of(delivery) > 20
    assert alerts("push_credentials_refused") == before + 1
    assert Device.objects.get().enabled


def test_our_own_token_refused_by_fcm(fcm: RunningEmulator, told: Any) -> None:
    from notifications.channels.firebase import firebase

    delivery = told()
    credentials = firebase().credentials
    credentials.token, credentials._issued_at = "worn-out", time.monotonic() - 1000
    before = alerts("push_credentials_refused")

    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("pending", "UNAUTHENTICATED")
    assert wait_of(delivery) < 5
    assert alerts("push_credentials_refused") == before

    credentials.token, credentials._issued_at = "fresh", time.monotonic()
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert wait_of(delivery) > 20
    assert alerts("push_credentials_refused") == before + 1

    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_not_configured_waits_and_alerts_once(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    for nothing in ("", "/nowhere/credentials.json", "{}", '{"project_id": "p"}', "{"):
        settings.FIREBASE_CREDENTIALS = nothing
        deliveries, before = [told(), told()], alerts("push_not_configured")
        assert deliver_batch() == 2
        assert alerts("push_not_configured") == before + 1
        for delivery in deliveries:
            delivery.refresh_from_db()
            assert (delivery.state, delivery.error_code) == ("pending", "push_not_configured")
            assert wait_of(delivery) > 20


def test_invalid_is_a_dead_letter_with_its_reason(fcm: RunningEmulator, told: Any) -> None:
    delivery = told(device={"fcm_value": "broken"})
    fcm.set_fault("invalid", "broken")
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("dead", "INVALID_ARGUMENT")
    assert "not a valid FCM registration token" in delivery.error
    assert Device.objects.get().enabled


def test_what_firebase_admin_itself_refuses_is_a_dead_letter(fcm: RunningEmulator, told: Any) -> None:
    delivery = told(data={"number": 7})
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("dead", "INVALID_MESSAGE")


def test_429_waits_in_the_outbox_and_no_thread_sleeps(fcm: RunningEmulator, told: Any) -> None:
    deliveries = [told() for _ in range(20)]
    fcm.set_fault("quota", retry_after=60)
    begun = time.monotonic()
    assert deliver_batch() == 20
    assert time.monotonic() - begun < 2
    for delivery in deliveries:
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == ("pending", 1)
        assert 59 < wait_of(delivery) < 66
    assert fcm.faults()[0]["hits"] == 20


@pytest.mark.parametrize("fault", ["unavailable", "internal"])
def test_a_failing_fcm_is_asked_once_and_again_later(fcm: RunningEmulator, told: Any, fault: str) -> None:
    delivery = told()
    fcm.set_fault(fault)
    for attempt in range(1, 5):
        Delivery.objects.update(next_attempt_at=timezone.now())
        assert deliver_batch() == 1
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts) == ("pending", attempt)
        assert -1 < wait_of(delivery) <= 4 * 2 ** (attempt - 1)
    assert fcm.faults()[0]["hits"] == 4
    fcm.clear()
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert delivery.state == "sent"


def test_a_hanging_fcm_ends_and_the_others_go_on(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    settings.PUSH_TIMEOUT_SECONDS = 1
    hanging, fine = told(device={"fcm_value": "hanging"}), told()
    fcm.set_fault("hang", "hanging", seconds=30)
    begun = time.monotonic()
    assert deliver_batch() == 2
    assert time.monotonic() - begun < 3
    hanging.refresh_from_db()
    fine.refresh_from_db()
    assert (hanging.state, hanging.error_code) == ("pending", "DEADLINE_EXCEEDED")
    assert fine.state == "sent"


def test_nobody_there_at_all(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    deliver_batch()
    settings.FCM_ENDPOINT = "http://127.0.0.1:9"
    delivery = told()
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("pending", "UNAVAILABLE")


def test_the_token_endpoint_is_away(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    settings.FIREBASE_CREDENTIALS = json.dumps({**fcm.credentials, "token_uri": "http://127.0.0.1:9/token"})
    delivery = told()
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("pending", "OAUTH_UNAVAILABLE")


def test_an_expired_message_is_never_sent_and_is_counted(fcm: RunningEmulator, told: Any) -> None:
    delivery, before = told(ttl=timedelta()), counted("expired")
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.lease) == ("expired", None)
    assert counted("expired") == before + 1
    assert fcm.messages() == []


def test_a_pause_ends_with_the_message(fcm: RunningEmulator, told: Any) -> None:
    delivery = told(ttl=timedelta(seconds=30))
    fcm.set_fault("quota", retry_after=60)
    deliver_batch()
    delivery.refresh_from_db()
    assert delivery.next_attempt_at == delivery.message.expires_at


def test_a_fault_of_ours_in_one_does_not_stop_the_others(fcm: RunningEmulator, told: Any, caplog: Any) -> None:
    broken, fine = told(context=["no", "mapping"], device={"fcm_value": "secret-address"}), told()
    assert deliver_batch() == 2
    broken.refresh_from_db()
    fine.refresh_from_db()
    assert (broken.state, broken.error_code) == ("pending", "UNEXPECTED")
    assert fine.state == "sent"
    assert "delivery_failed" in caplog.text
    assert "secret-address" not in caplog.text
