"""Ordered faults: the errors firebase-admin knows, hanging and slowness, and how orders are checked."""

from typing import Any

import firebase_admin
import pytest
from firebase_admin import exceptions, messaging

from notifications.emulator.faults import ANSWERS
from tests.notifications.emulator import RunningEmulator, firebase_app


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
