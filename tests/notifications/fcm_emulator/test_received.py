"""What was received: listing, waiting, sums, and how much is kept."""

from concurrent.futures import ThreadPoolExecutor

import firebase_admin
import pytest
from firebase_admin import messaging

from notifications.emulator.phones import Phones, Target
from tests.notifications.emulator import RunningEmulator


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
