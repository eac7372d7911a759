"""Sending with the real firebase-admin: every option and target arrives, and arrives once."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import firebase_admin
import pytest
from firebase_admin import messaging

from notifications.emulator.oauth import PROJECT_ID
from tests.notifications.emulator import RunningEmulator


def full_message(phone: str) -> messaging.Message:
    return messaging.Message(
        fid=phone,
        notification=messaging.Notification("Pothole is with Transportation", "7K3F-9QTD", "https://e.org/p.jpg"),
        data={"event_id": "1", "deep_link": "requests311://requests/7K3F-9QTD"},
        android=messaging.AndroidConfig(
            collapse_key="request-1",
            priority="high",
            ttl=timedelta(seconds=3.5),
            data={"event_id": "1"},
            direct_boot_ok=True,
            notification=messaging.AndroidNotification(
                title="Pothole",
                color="#1f6feb",
                tag="request-1",
                channel_id="status",
                body_loc_key="status",
                body_loc_args=["DOT"],
                event_timestamp=datetime(2026, 11, 21, tzinfo=UTC),
                vibrate_timings_millis=[100, 250],
                priority="high",
                visibility="private",
                notification_count=2,
                proxy="allow",
                light_settings=messaging.LightSettings("#ff0000", 100, 250),
            ),
            fcm_options=messaging.AndroidFCMOptions("status"),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-collapse-id": "request-1"},
            payload=messaging.APNSPayload(
                messaging.Aps(alert=messaging.ApsAlert(title="Pothole", subtitle="DOT"), badge=1, mutable_content=True),
                request_id="1",
            ),
            fcm_options=messaging.APNSFCMOptions("status"),
        ),
        webpush=messaging.WebpushConfig(
            headers={"TTL": "60"},
            data={"a": "b"},
            notification=messaging.WebpushNotification(title="Pothole", require_interaction=True),
            fcm_options=messaging.WebpushFCMOptions("https://example.org/requests/1"),
        ),
        fcm_options=messaging.FCMOptions("status"),
    )


def test_firebase_admin_sends_every_option_it_has(
    emulator: RunningEmulator, app: firebase_admin.App, phone: str
) -> None:
    name = messaging.send(full_message(phone), app=app)

    [received] = emulator.messages(phone)
    assert name.startswith(f"projects/{PROJECT_ID}/messages/0:")
    assert received["name"] == name
    assert received["target"] == {"kind": "fid", "value": phone}
    assert received["message"] == json.loads(str(full_message(phone)))
    assert received["message"]["android"]["ttl"] == "3.500000000s"
    assert received["sequence"] >= 1
    assert datetime.fromisoformat(received["received_at"]).tzinfo is not None


def test_tokens_topics_and_conditions_are_targets_too(emulator: RunningEmulator, app: firebase_admin.App) -> None:
    with pytest.deprecated_call():
        to_token = messaging.Message(token="a-token", data={"n": "1"})
    messaging.send(to_token, app=app)
    messaging.send(messaging.Message(topic="/topics/snow", data={"n": "2"}), app=app)
    messaging.send(messaging.Message(condition="'snow' in topics && !('ice' in topics)", data={"n": "3"}), app=app)

    assert emulator.messages("a-token", kind="token")[0]["message"]["data"] == {"n": "1"}
    assert emulator.messages("a-token", kind="fid") == []
    assert emulator.messages("snow", kind="topic")[0]["message"]["data"] == {"n": "2"}
    assert [entry["target"]["kind"] for entry in emulator.messages()] == ["token", "topic", "condition"]


def test_a_dry_run_is_checked_but_reaches_nobody(
    emulator: RunningEmulator, app: firebase_admin.App, phone: str
) -> None:
    name = messaging.send(messaging.Message(fid=phone, data={"a": "b"}), dry_run=True, app=app)

    assert name == f"projects/{PROJECT_ID}/messages/fake_message_id"
    assert emulator.messages(phone) == []


def test_send_each_gives_one_answer_a_message(emulator: RunningEmulator, app: firebase_admin.App, phone: str) -> None:
    emulator.set_fault("unregistered", "gone")
    batch = messaging.send_each([messaging.Message(fid=fid, data={"a": "b"}) for fid in (phone, "gone")], app=app)

    assert [response.success for response in batch.responses] == [True, False]
    assert isinstance(batch.responses[1].exception, messaging.UnregisteredError)


def test_200_sends_in_parallel_all_arrive_once(emulator: RunningEmulator, app: firebase_admin.App, phone: str) -> None:
    def send(number: int) -> str:
        return str(messaging.send(messaging.Message(fid=phone, data={"n": str(number)}), app=app))

    with ThreadPoolExecutor(32) as pool:
        names = list(pool.map(send, range(200)))

    received = emulator.messages(phone)
    assert len(set(names)) == 200
    assert {entry["message"]["data"]["n"] for entry in received} == {str(number) for number in range(200)}
    assert len(received) == 200
    sequences = [entry["sequence"] for entry in received]
    assert sequences == sorted(set(sequences))
