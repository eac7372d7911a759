"""The FCM emulator, with the real firebase-admin as its client."""

import base64
import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import firebase_admin
import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.core.management import CommandError, call_command
from firebase_admin import exceptions, messaging
from google.auth.exceptions import RefreshError

from notifications.emulator import Emulator, EmulatorError
from notifications.emulator.faults import ANSWERS
from notifications.emulator.oauth import (
    GOOGLE_AUDIENCE,
    GRANT_TYPE,
    PROJECT_ID,
    ServiceAccount,
    TokenEndpoint,
)
from notifications.emulator.phones import Phones, Target
from tests.notifications.emulator import (
    ROOT,
    RunningEmulator,
    emulator_process,
    firebase_app,
    fresh_credentials,
    running_emulator,
)

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
SEND_PATH = f"/v1/projects/{PROJECT_ID}/messages:send"


@pytest.fixture(scope="module")
def shared_emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: RunningEmulator) -> RunningEmulator:
    shared_emulator.clear()
    return shared_emulator


@pytest.fixture
def app(emulator: RunningEmulator) -> Iterator[firebase_admin.App]:
    with firebase_app(emulator) as app:
        yield app


@pytest.fixture
def phone() -> str:
    return f"phone-{uuid.uuid4().hex}"


# --- Sending ------------------------------------------------------------------------------------


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


# --- OAuth --------------------------------------------------------------------------------------


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def signed(emulator: RunningEmulator, key: ServiceAccount | None = None, **claims: Any) -> str:
    """An assertion as google-auth makes it, with some claims replaced; None takes one out."""
    now = time.time()
    content = {
        "iss": emulator.credentials["client_email"],
        "aud": GOOGLE_AUDIENCE,
        "iat": now,
        "exp": now + 3600,
        "scope": CLOUD_PLATFORM,
    } | claims
    text = f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part({k: v for k, v in content.items() if v is not None})}"
    account = key or ServiceAccount.ensure(emulator.credentials_path, emulator.credentials["token_uri"])
    signature = account.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def granted(emulator: RunningEmulator, assertion: str, grant_type: str = GRANT_TYPE) -> httpx.Response:
    return emulator.client.post("/token", data={"grant_type": grant_type, "assertion": assertion})


def bearer(emulator: RunningEmulator, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {granted(emulator, signed(emulator, **claims)).json()['access_token']}"}


def test_a_signed_assertion_gives_a_bearer_for_an_hour(emulator: RunningEmulator) -> None:
    answer = granted(emulator, signed(emulator))

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert 3590 <= answer.json()["expires_in"] <= 3600


@pytest.mark.parametrize(
    ("claims", "status", "error", "description"),
    [
        ({"iss": "somebody@else.org"}, 400, "invalid_grant", "account not found"),
        ({"aud": "https://example.org/token"}, 400, "invalid_grant", "audience"),
        ({"exp": 1, "iat": 0}, 400, "invalid_grant", "short-lived token"),
        ({"exp": time.time() + 90_000}, 400, "invalid_grant", "short-lived token"),
        ({"iat": time.time() + 3000, "exp": time.time() + 6000}, 400, "invalid_grant", "short-lived token"),
        ({"iat": None}, 400, "invalid_grant", "short-lived token"),
        ({"iat": "now"}, 400, "invalid_grant", "short-lived token"),
        ({"scope": None}, 400, "invalid_scope", "Empty or missing scope"),
        ({"scope": "everything"}, 400, "invalid_scope", "Invalid OAuth scope"),
        ({"sub": "mayor@example.org"}, 401, "unauthorized_client", "unauthorized"),
    ],
)
def test_a_wrong_claim_is_refused(
    emulator: RunningEmulator, claims: dict[str, Any], status: int, error: str, description: str
) -> None:
    answer = granted(emulator, signed(emulator, **claims))

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert description in answer.json()["error_description"]


@pytest.mark.parametrize(
    "assertion",
    ["", "x", "a.b", "a.b.c", "é.é.é", "e30.e30.e30", "WzFd.WzFd.WzFd", f"{'W1tb' * 10000}.W1tb.W1tb"],
)
def test_what_is_no_assertion_is_refused(emulator: RunningEmulator, assertion: str) -> None:
    answer = granted(emulator, assertion)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "invalid_request"}


def test_an_unsigned_assertion_is_refused(emulator: RunningEmulator) -> None:
    _, claims, _ = signed(emulator).split(".")
    answer = granted(emulator, f"{part({'alg': 'none'})}.{claims}.")

    assert answer.json()["error"] == "invalid_grant"


def test_another_grant_type_is_refused(emulator: RunningEmulator) -> None:
    assert granted(emulator, signed(emulator), "password").json()["error"] == "unsupported_grant_type"


def test_firebase_admin_with_a_stolen_name_but_another_key_gets_no_token(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.json"
    ServiceAccount.generate(emulator.credentials["token_uri"]).save(forged)
    with firebase_app(RunningEmulator(emulator.url, forged)) as app, pytest.raises(RefreshError) as refused:
        messaging.send(messaging.Message(fid="x", data={"a": "b"}), app=app)

    assert refused.value.args[1] == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "CREDENTIALS_MISSING"),
        ("Basic abc", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer nonsense", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer ya29.e30.AAAA", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer ya29.\xe9.\xe9", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ],
)
def test_sending_without_a_valid_bearer_is_401(emulator: RunningEmulator, header: str | None, reason: str) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = emulator.client.post(SEND_PATH, json={"message": {"fid": "x"}}, headers=headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
    assert error["details"][0]["reason"] == reason
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert emulator.messages() == []


def test_an_expired_bearer_is_401(emulator: RunningEmulator) -> None:
    account = ServiceAccount.ensure(emulator.credentials_path, emulator.credentials["token_uri"])
    header = f"Bearer {TokenEndpoint(account)._issue(CLOUD_PLATFORM, time.time() - 1)}"
    answer = emulator.client.post(SEND_PATH, json={}, headers={"Authorization": header})

    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"


def test_a_bearer_without_the_scope_is_403(emulator: RunningEmulator) -> None:
    headers = bearer(emulator, scope="https://www.googleapis.com/auth/datastore")
    answer = emulator.client.post(SEND_PATH, json={"message": {"fid": "x"}}, headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_another_project_is_403(emulator: RunningEmulator) -> None:
    answer = emulator.client.post(
        "/v1/projects/another/messages:send", json={"message": {"fid": "x"}}, headers=bearer(emulator)
    )

    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert "projects/another" in answer.json()["error"]["message"]


# --- What FCM refuses ---------------------------------------------------------------------------


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


# --- Faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("unregistered", messaging.UnregisteredError),
        ("sender_id_mismatch", messaging.SenderIdMismatchError),
        ("third_party_auth", messaging.ThirdPartyAuthError),
        ("invalid", exceptions.InvalidArgumentError),
        ("quota", messaging.QuotaExceededError),
        ("unavailable", exceptions.UnavailableError),
        ("internal", exceptions.InternalError),
    ],
)
def test_a_fault_is_the_error_that_firebase_admin_knows(
    emulator: RunningEmulator, app: firebase_admin.App, phone: str, fault: str, error: type[Any]
) -> None:
    emulator.set_fault(fault, phone)

    with pytest.raises(error) as raised:
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)
    assert type(raised.value) is error
    assert raised.value.http_response.status_code == ANSWERS[fault][0]
    assert emulator.messages(phone) == []
    messaging.send(messaging.Message(fid="another", data={"a": "b"}), app=app)


@pytest.mark.parametrize("fault", ["quota", "unavailable"])
def test_retry_after_is_on_the_response(
    emulator: RunningEmulator, app: firebase_admin.App, phone: str, fault: str
) -> None:
    emulator.set_fault(fault, phone, retry_after=60)

    with pytest.raises(exceptions.FirebaseError) as raised:
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)
    assert raised.value.http_response.headers["Retry-After"] == "60"


def test_times_hits_only_the_first_requests(emulator: RunningEmulator, phone: str) -> None:
    emulator.set_fault("unavailable", times=2)
    with firebase_app(emulator, retries=True) as app:
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)

    assert emulator.faults()[0]["hits"] == 2
    assert len(emulator.messages(phone)) == 1


def test_a_named_phones_fault_goes_before_everybodys(
    emulator: RunningEmulator, app: firebase_admin.App, phone: str
) -> None:
    emulator.client.put("/faults", json={"*": "unavailable", phone: {"fault": "unregistered", "times": 1}})

    with pytest.raises(messaging.UnregisteredError):
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)
    with pytest.raises(exceptions.UnavailableError):
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)


def test_hanging_ends_by_the_clients_timeout(emulator: RunningEmulator, phone: str) -> None:
    emulator.set_fault("hang", phone, seconds=60)
    with firebase_app(emulator, timeout=0.3) as app, pytest.raises(exceptions.DeadlineExceededError):
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)

    assert emulator.messages(phone) == []


def test_hanging_ends_without_an_answer(emulator: RunningEmulator, app: firebase_admin.App, phone: str) -> None:
    emulator.set_fault("hang", phone, seconds=0)

    with pytest.raises(exceptions.UnavailableError):
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)


def test_slow_delivers_even_to_a_sender_who_gave_up(emulator: RunningEmulator, phone: str) -> None:
    emulator.set_fault("slow", phone, seconds=0.6)
    with firebase_app(emulator, timeout=0.2) as app, pytest.raises(exceptions.DeadlineExceededError):
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)

    assert len(emulator.wait_for(1, phone)) == 1


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "not JSON"),
        (b"5", "must be a list"),
        (b'[{"fault": "broken"}]', "'broken' is no fault; known are unregistered"),
        (b'{"phone": "broken"}', "'broken' is no fault"),
        (b'{"phone": 5}', "must be a name or an object"),
        (b'{"phone": {"fault": "quota", "token": "x"}}', "a second token"),
        (b'{"fault": "quota", "tokens": "x"}', "unknown option 'tokens'"),
        (b'{"fault": "quota", "token": []}', "token must be"),
        (b'{"fault": "quota", "token": [1]}', "token must be"),
        (b'{"fault": "quota", "token": "x", "fid": "y"}', "not both"),
        (b'{"fault": "quota", "retry_after": 1.5}', "whole number"),
        (b'{"fault": "quota", "retry_after": -1}', "whole number"),
        (b'{"fault": "internal", "retry_after": 1}', "quota and unavailable only"),
        (b'{"fault": "quota", "seconds": 5}', "hang and slow only"),
        (b'{"fault": "hang", "seconds": "5"}', "must be a number"),
        (b'{"fault": "hang", "seconds": 1e9}', "must be a number from 0 to 3600"),
        (b'{"fault": "hang", "times": 0}', "1 or more"),
        (b'{"fault": "hang", "times": true}', "1 or more"),
        (b'[{"fault": "quota"}, 7]', "Fault 2 must be an object"),
        (b'{"fault": ["quota"]}', "is no fault"),
    ],
)
def test_a_wrong_fault_is_refused_readably_and_changes_nothing(
    emulator: RunningEmulator, body: bytes, text: str
) -> None:
    emulator.set_fault("quota", "before")
    answer = emulator.client.put("/faults", content=body)

    assert answer.status_code == 400
    assert text in answer.json()["error"]
    assert [fault["token"] for fault in emulator.faults()] == [["before"]]


def test_faults_are_shown_and_deleted(emulator: RunningEmulator) -> None:
    emulator.set_faults([{"fault": "hang", "fid": "x"}, {"fault": "quota", "retry_after": 3, "times": 2}])

    assert emulator.faults() == [
        {"fault": "hang", "token": ["x"], "seconds": 30, "hits": 0},
        {"fault": "quota", "token": ["*"], "retry_after": 3, "times": 2, "hits": 0},
    ]
    assert emulator.client.delete("/faults").json() == {"faults": []}


# --- What was received --------------------------------------------------------------------------


def test_messages_since_limit_and_clear(emulator: RunningEmulator, app: firebase_admin.App, phone: str) -> None:
    for number in range(5):
        messaging.send(messaging.Message(fid=phone, data={"n": str(number)}), app=app)

    everything = emulator.messages(phone)
    assert [entry["message"]["data"]["n"] for entry in everything] == ["0", "1", "2", "3", "4"]
    assert emulator.messages(phone, since=everything[2]["sequence"]) == everything[3:]
    assert emulator.client.get("/messages", params={"limit": 2}).json() == everything[3:]
    emulator.client.delete("/messages")
    assert emulator.messages() == []
    messaging.send(messaging.Message(fid=phone, data={"n": "5"}), app=app)
    assert emulator.messages(phone)[0]["sequence"] > everything[-1]["sequence"]


def test_phones_and_health_sum_up(emulator: RunningEmulator, app: firebase_admin.App, phone: str) -> None:
    messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)
    messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)

    [line] = emulator.client.get("/phones").json()
    assert (line["kind"], line["value"], line["kept"], line["received"]) == ("fid", phone, 2, 2)
    health = emulator.client.get("/health").json()
    assert (health["status"], health["phones"], health["kept"]) == ("ok", 1, 2)


def test_waiting_ends_with_the_message(emulator: RunningEmulator, app: firebase_admin.App, phone: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(emulator.wait_for, 1, phone)
        messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)

        assert waiting.result()[0]["target"]["value"] == phone


@pytest.mark.parametrize(
    "query", ["since=-1", "since=x", "since=", "limit=1e9", "wait=31", "wait=nan", "phone=x", "token=a&fid=b"]
)
def test_a_wrong_query_is_400(emulator: RunningEmulator, query: str) -> None:
    answer = emulator.client.get(f"/messages?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_phone_keeps_its_last_messages_and_all_phones_together_a_bounded_number() -> None:
    phones = Phones(per_phone=3, overall=5)
    for number in range(10):
        phones.deliver(Target("fid", "busy"), {"n": number}, "")
    for number in range(4):
        phones.deliver(Target("fid", f"phone-{number}"), {"n": number}, "")

    assert [received.message["n"] for received in phones.messages(kind="fid", value="busy")] == [9]
    assert phones.counts() == {"phones": 5, "kept": 5, "received": 14}
    for number in range(5):
        phones.deliver(Target("fid", f"new-{number}"), {}, "")
    assert phones.counts()["phones"] == 5
    assert phones.messages(kind="fid", value="busy") == []
    assert len(phones.summary()) == 5


# --- The page and the edges of HTTP -------------------------------------------------------------


def test_the_page_runs_its_own_script_and_nothing_else(emulator: RunningEmulator) -> None:
    answer = emulator.client.get("/")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.text.count("<script>") == answer.text.count("<style>") == 1
    assert "innerHTML" not in answer.text
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/messages", 405),
        ("GET", "/token", 405),
        ("GET", SEND_PATH, 405),
        ("OPTIONS", "/faults", 405),
        ("HEAD", "/", 200),
        ("HEAD", "/health", 200),
    ],
)
def test_paths_and_methods(emulator: RunningEmulator, method: str, path: str, status: int) -> None:
    answer = emulator.client.request(method, path)

    assert answer.status_code == status
    assert ("Allow" in answer.headers) == (status == 405)
    assert emulator.client.get("/health").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "192.168.1.2:8099", ""])
def test_another_host_name_is_refused(emulator: RunningEmulator, host: str) -> None:
    assert emulator.client.get("/messages", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8099", "10.0.2.2:8099"])
def test_this_machines_names_are_taken(emulator: RunningEmulator, host: str) -> None:
    assert emulator.client.get("/messages", headers={"Host": host}).status_code == 200


def test_pages_of_others_are_refused(emulator: RunningEmulator) -> None:
    answer = emulator.client.put("/faults", json={"*": "quota"}, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert emulator.faults() == []
    assert emulator.client.get("/faults", headers={"Origin": emulator.url}).status_code == 200


def test_a_large_body_is_413(emulator: RunningEmulator) -> None:
    answer = emulator.client.post(SEND_PATH, content=b"x" * 65537)

    assert answer.status_code == 413
    assert emulator.client.get("/health").status_code == 200


def test_bodies_of_unknown_length_are_refused(emulator: RunningEmulator) -> None:
    assert emulator.client.post(SEND_PATH, content=iter([b"{}"])).status_code == 411
    assert raw(emulator, b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n") == 400


def connected(emulator: RunningEmulator) -> socket.socket:
    host, port = emulator.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def raw(emulator: RunningEmulator, request: bytes) -> int:
    """The status of a request that no client library would send."""
    with connected(emulator) as connection:
        connection.sendall(request)
        return int(connection.recv(65536).split()[1])


def test_a_connection_is_kept(emulator: RunningEmulator) -> None:
    with connected(emulator) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


# --- Starting and stopping ----------------------------------------------------------------------


def test_the_credentials_file_is_made_once_and_follows_the_port(tmp_path: Path) -> None:
    path = tmp_path / "made" / "credentials.json"
    first = Emulator(credentials=path)
    first.stop()
    made = json.loads(path.read_text())
    second = Emulator(credentials=path)
    second.stop()
    moved = json.loads(path.read_text())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made["project_id"] == PROJECT_ID
    assert made["token_uri"] == f"{first.url}/token"
    assert moved == {**made, "token_uri": f"{second.url}/token"}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"project_id": "city", "private_key": 5}'])
def test_a_file_that_is_no_service_account_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "precious.json"
    path.write_text(content)

    with pytest.raises(EmulatorError, match="is not a service account"):
        Emulator(credentials=path)
    assert path.read_text() == content


def test_a_real_projects_service_account_is_left_alone(tmp_path: Path) -> None:
    path = fresh_credentials(tmp_path)
    real = json.dumps({**json.loads(path.read_text()), "project_id": "city-of-springfield"})
    path.write_text(real)

    with pytest.raises(EmulatorError, match="project 'city-of-springfield', not the emulator's"):
        Emulator(credentials=path)
    assert path.read_text() == real


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])
def test_other_machines_are_not_let_in_by_accident(tmp_path: Path, host: str) -> None:
    with pytest.raises(EmulatorError, match="--allow-lan"):
        Emulator(host=host, credentials=tmp_path / "credentials.json")
    assert list(tmp_path.iterdir()) == []


def test_allow_lan_opens_the_door_and_the_host_check(tmp_path: Path) -> None:
    emulator = Emulator(host="0.0.0.0", credentials=fresh_credentials(tmp_path), allow_lan=True)
    emulator.start()
    try:
        answer = httpx.get(f"{emulator.url}/messages", headers={"Host": "192.168.1.2:8099"}, trust_env=False)
    finally:
        emulator.stop()

    assert emulator.url.startswith("http://127.0.0.1:")
    assert answer.status_code == 200


def test_a_port_in_use_is_said_in_one_line_with_the_way_out(emulator: RunningEmulator, tmp_path: Path) -> None:
    port = emulator.url.rpartition(":")[2]
    path = tmp_path / "credentials.json"

    with pytest.raises(CommandError, match=rf"^Port {port} on 127.0.0.1 is in use.*--port.*$"):
        call_command("fcm_emulator", port=int(port), credentials=path)
    assert not path.exists()


def test_stopping_ends_hanging_and_waiting_requests_at_once(tmp_path: Path) -> None:
    emulator = Emulator(credentials=fresh_credentials(tmp_path))
    emulator.start()
    handle = RunningEmulator(emulator.url, emulator.credentials_path)
    handle.set_fault("hang", seconds=3600)
    authorization = bearer(handle)
    ended = threading.Barrier(3, timeout=20)

    def ask(path: str, **options: Any) -> None:
        with contextlib.suppress(httpx.TransportError):
            httpx.request(url=f"{emulator.url}{path}", trust_env=False, timeout=60, **options)
        ended.wait()

    send = {"method": "POST", "json": {"message": {"fid": "x"}}, "headers": authorization}
    threads = [
        threading.Thread(target=ask, args=[SEND_PATH], kwargs=send),
        threading.Thread(target=ask, args=["/messages?wait=30"], kwargs={"method": "GET"}),
    ]
    for thread in threads:
        thread.start()
    while handle.faults()[0]["hits"] == 0:
        time.sleep(0.01)
    handle.close()
    emulator.stop()
    ended.wait()
    for thread in threads:
        thread.join()
    with pytest.raises(httpx.ConnectError):
        httpx.get(emulator.url, trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_0_and_frees_the_port(number: signal.Signals, phone: str) -> None:
    with emulator_process() as emulator:
        with firebase_app(emulator) as app:
            messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)
            assert len(emulator.wait_for(1, phone)) == 1
            emulator.process.send_signal(number)
            assert emulator.process.wait(timeout=20) == 0
        port = int(emulator.url.rpartition(":")[2])
        again = Emulator(port=port, credentials=emulator.credentials_path)
        again.stop()


def test_a_process_that_cannot_start_ends_with_1_and_needs_no_database(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    port = emulator.url.rpartition(":")[2]
    command = ["manage.py", "fcm_emulator", "--port", port, "--credentials", str(tmp_path / "c.json")]
    environment = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "ENVIRONMENT": "test"}
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment | {"BROKER_URL": "redis://127.0.0.1:1/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1
    assert f"Port {port}" in ended.stderr
