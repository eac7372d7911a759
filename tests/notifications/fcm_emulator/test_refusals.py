"""What FCM refuses, and how it names the wrong field."""

from typing import Any

import firebase_admin
import httpx
import pytest
from firebase_admin import exceptions, messaging

from tests.notifications.emulator import RunningEmulator
from tests.notifications.fcm_emulator.by_hand import SEND_PATH, bearer


def refused_fields(answer: httpx.Response) -> list[str]:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")
    [bad] = [d for d in error["details"] if d["@type"] == "type.googleapis.com/google.rpc.BadRequest"]
    assert all(violation["description"] for violation in bad["fieldViolations"])
    return [violation["field"] for violation in bad["fieldViolations"]]


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ({}, ["message"]),
        ({"fid": "x", "token": "y"}, ["message"]),
        ({"fid": None}, ["message"]),
        ({"fid": ""}, ["message.fid"]),
        ({"token": "with space"}, ["message.token"]),
        ({"token": 5}, ["message.token"]),
        ({"topic": "no spaces"}, ["message.topic"]),
        ({"condition": "'a' in topics &&"}, ["message.condition"]),
        ({"condition": " || ".join(f"'{n}' in topics" for n in range(6))}, ["message.condition"]),
        ({"fid": "x", "data": {"a": "b", "n": 12}}, ["message.data[1].value"]),
        ({"fid": "x", "data": ["a"]}, ["message.data"]),
        ({"fid": "x", "data": {"from": "b"}}, ["message.data[0].key"]),
        ({"fid": "x", "data": {"notification": "b"}}, ["message.data[0].key"]),
        ({"fid": "x", "data": {"message_type": "b"}}, ["message.data[0].key"]),
        (
            {"fid": "x", "data": {"google.a": "b", "gcm.b": "c"}},
            ["message.data[0].key", "message.data[1].key"],
        ),
        ({"fid": "x", "android": {"data": {"from": "b"}}}, ["message.android.data[0].key"]),
        ({"fid": "x", "notification": {"title": 5}}, ["message.notification.title"]),
        ({"fid": "x", "notification": "hello"}, ["message.notification"]),
        ({"fid": "x", "colour": "red"}, ["message"]),
        ({"fid": "x", "android": {"notification": {"titel": "x"}}}, ["message.android.notification"]),
        ({"fid": "x", "android": {"collapse_key": "a", "collapseKey": "b"}}, ["message.android"]),
        ({"fid": "x", "android": {"ttl": 3600}}, ["message.android.ttl"]),
        ({"fid": "x", "android": {"ttl": "3600"}}, ["message.android.ttl"]),
        ({"fid": "x", "android": {"ttl": "1.1234567891s"}}, ["message.android.ttl"]),
        ({"fid": "x", "android": {"ttl": "-1s"}}, ["message.android.ttl"]),
        ({"fid": "x", "android": {"ttl": "2419201s"}}, ["message.android.ttl"]),
        ({"fid": "x", "android": {"priority": "urgent"}}, ["message.android.priority"]),
        ({"fid": "x", "android": {"direct_boot_ok": "yes"}}, ["message.android.direct_boot_ok"]),
        ({"fid": "x", "android": {"notification": {"color": "red"}}}, ["message.android.notification.color"]),
        ({"fid": "x", "apns": {"headers": {"apns-priority": 5}}}, ["message.apns.headers[0].value"]),
        ({"fid": "x", "apns": {"payload": "{}"}}, ["message.apns.payload"]),
        (
            {"fid": "x", "webpush": {"fcm_options": {"link": "http://e.org"}}},
            ["message.webpush.fcm_options.link"],
        ),
        (
            {"fid": "x", "fcm_options": {"analytics_label": "no space"}},
            ["message.fcm_options.analytics_label"],
        ),
        ({"fid": "x", "data": {"a": "é" * 2048}}, ["message"]),
        ({"fid": "x", "apns": {"payload": {"aps": {}, "a": "b" * 4096}}}, ["message"]),
        ({"topic": "x", "data": {"a": "b" * 2048}}, ["message"]),
        ({"fid": 1, "data": {"a": 1}, "x": 1}, ["message.fid", "message.data[0].value", "message"]),
    ],
)
def test_fcm_names_the_wrong_field(emulator: RunningEmulator, message: dict[str, Any], fields: list[str]) -> None:
    answer = emulator.client.post(SEND_PATH, json={"message": message}, headers=bearer(emulator))

    assert refused_fields(answer) == fields
    assert emulator.messages() == []


@pytest.mark.parametrize(
    "message",
    [
        {"fid": "x", "data": {"a": "b" * 4095}},
        {"fid": "x", "data": {"google": "a", "gcm": "b", "collapse_key": "c"}},
        {"fid": "x", "android": {"ttl": "0s", "collapseKey": "k"}, "fcmOptions": {"analyticsLabel": "a"}},
        {"fid": "x", "android": {"ttl": "2419200s", "priority": "HIGH"}},
        {"fid": "x", "notification": None, "data": {}},
        {"condition": "('a' in topics || 'b' in topics) && 'c' in topics"},
    ],
)
def test_what_is_just_right_passes(emulator: RunningEmulator, message: dict[str, Any]) -> None:
    answer = emulator.client.post(SEND_PATH, json={"message": message}, headers=bearer(emulator))

    assert answer.status_code == 200, answer.text


def test_field_names_in_camel_case_come_out_in_snake_case(emulator: RunningEmulator) -> None:
    body = {"validateOnly": False, "message": {"fid": "x", "android": {"collapseKey": "k"}}}
    emulator.client.post(SEND_PATH, json=body, headers=bearer(emulator)).raise_for_status()

    assert emulator.messages("x")[0]["message"]["android"] == {"collapse_key": "k"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"NaN",
        b'{"message": NaN}',
        b"\xff",
        b"[" * 60000,
        b'{"a":' * 900 + b"1" + b"}" * 900,
    ],
)
def test_what_is_no_json_object_is_400(emulator: RunningEmulator, body: bytes) -> None:
    answer = emulator.client.post(SEND_PATH, content=body, headers=bearer(emulator))

    assert (answer.status_code, answer.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert "Invalid JSON payload received" in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", [{}, {"message": None}, {"message": []}, {"message": {"fid": "x"}, "dry": True}])
def test_a_body_without_a_message_is_400(emulator: RunningEmulator, body: dict[str, Any]) -> None:
    assert refused_fields(emulator.client.post(SEND_PATH, json=body, headers=bearer(emulator)))


def test_an_invalid_message_is_an_invalid_argument_to_firebase_admin(
    emulator: RunningEmulator, app: firebase_admin.App, phone: str
) -> None:
    with pytest.raises(exceptions.InvalidArgumentError, match="Invalid data payload key: from"):
        messaging.send(messaging.Message(fid=phone, data={"from": "x"}), app=app)
