"""What must survive a killed worker and a dead broker, on the real programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import connection, transaction

from accounts.models import User
from notifications import devices, outbox
from notifications.models import Delivery, FcmKind, Platform
from requests311.models import Event
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import token_of
from tests.faults.stack import Stack, running_stack
from tests.notifications.emulator import RunningEmulator, running_emulator
from tests.processes import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults, pytest.mark.timeout(240)]


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, emulator: RunningEmulator) -> Iterator[Stack]:
    environment = {"FCM_ENDPOINT": emulator.url, "FIREBASE_CREDENTIALS": str(emulator.credentials_path)}
    with running_stack(tmp_path, environment) as running:
        running.broker.start()
        yield running


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def guest_with_phone(token: str) -> User:
    user = User.objects.create_guest()
    devices.register(
        owner=user,
        installation_id=f"phone-{token}",
        fcm_kind=FcmKind.TOKEN,
        fcm_value=token,
        platform=Platform.ANDROID,
        locale="en",
        app_version="1",
    )
    return user


def enqueue(people: Sequence[User], events: Sequence[UUID]) -> None:
    """A message about each event to each person."""
    with transaction.atomic():
        outbox.enqueue(
            [
                outbox.Notice(
                    recipient_id=person.pk,
                    event_id=event,
                    kind="request_acknowledged",
                    context={"number": "7K3F-9QTD", "service": {"en": "Pothole"}, "department": "Roads"},
                    data={"event_id": str(event)},
                    ttl=timedelta(days=1),
                )
                for person in people
                for event in events
            ]
        )


def pothole(city: SmallCity) -> dict[str, object]:
    latitude, longitude = city.point_in("west")
    return {"service": "pothole", "location": {"latitude": latitude, "longitude": longitude}}


def test_a_worker_killed_while_it_delivers_500_messages_loses_none(stack: Stack, emulator: RunningEmulator) -> None:
    people = [guest_with_phone(f"t{number}") for number in range(50)]
    events = [uuid4() for _ in range(10)]
    enqueue(people, events)
    # Slow enough that the kill comes in the middle, whatever the machine.
    emulator.set_fault("slow", seconds=0.05)
    stack.workers.start(processes=1)
    emulator.wait_for(120, seconds=30)
    stack.workers.kill()
    at_the_kill = len(emulator.messages())
    assert at_the_kill < 500, "the kill came too late to prove anything"
    emulator.clear()
    stack.workers.start(processes=1)
    wait_until(lambda: not Delivery.objects.exclude(state="sent").exists(), "deliveries were left over", seconds=120)
    assert Delivery.objects.count() == 500
    # Each arrived before or after the kill; what arrived twice is at most the batch that was under way.
    received_again = len(emulator.messages()) + at_the_kill - 500
    assert 0 <= received_again <= settings.DELIVERY_BATCH


def test_what_is_sent_twice_has_the_same_event_id(stack: Stack, emulator: RunningEmulator) -> None:
    person = guest_with_phone("t")
    events = [uuid4() for _ in range(60)]
    enqueue([person], events)
    emulator.set_fault("slow", seconds=0.2)
    stack.workers.start()
    emulator.wait_for(5, "t", kind="token", seconds=30)
    stack.workers.kill()
    stack.workers.start()
    wait_until(lambda: not Delivery.objects.exclude(state="sent").exists(), "deliveries were left over", seconds=120)
    received = Counter(found["message"]["data"]["event_id"] for found in emulator.messages("t", kind="token"))
    assert set(received) == {str(event) for event in events}


def test_redis_stopped_during_50_submits_costs_no_report_and_no_push(
    stack: Stack, emulator: RunningEmulator, city: SmallCity
) -> None:
    reporter = guest_with_phone("t")
    headers = {"Authorization": f"Bearer {token_of(reporter)}"}
    stack.workers.start()
    with stack.web() as server:
        for number in range(50):
            if number == 10:
                stack.broker.stop()
            answer = server.http.post("/api/v1/requests", json=pothole(city), headers=headers)
            assert answer.status_code == 201, answer.text
        stack.broker.start()
        received = emulator.wait_for(50, "t", kind="token", seconds=30)
    assert len({found["message"]["data"]["request_id"] for found in received}) == 50
    assert not Event.objects.filter(announced_at=None).exists()


def test_a_status_change_reaches_the_phone(stack: Stack, emulator: RunningEmulator, city: SmallCity) -> None:
    reporter = guest_with_phone("t")
    crew = User.objects.create_user("crew@example.org")
    crew.memberships.create(jurisdiction=city.jurisdiction, department=city.departments["roads"], role="crew")
    stack.workers.start()
    with stack.web() as server:
        made = server.http.post(
            "/api/v1/requests", json=pothole(city), headers={"Authorization": f"Bearer {token_of(reporter)}"}
        )
        moved = server.http.post(
            f"/api/v1/requests/{made.json()['number']}/transitions",
            json={"to": "acknowledged", "text": "We are on it."},
            headers={"Authorization": f"Bearer {token_of(crew)}", "If-Match": made.headers["ETag"]},
        )
        assert moved.status_code == 200, moved.text
        received = emulator.wait_for(2, "t", kind="token", seconds=30)
    sent = 'requests311_deliveries_total{channel="push",outcome="sent"} 2.0'
    wait_until(lambda: sent in stack.workers.figures(), "the worker's figures do not show the two pushes")
    by_status = {found["message"]["data"]["status"]: found["message"] for found in received}
    assert set(by_status) == {"submitted", "acknowledged"}
    assert by_status["acknowledged"]["data"]["number"] == made.json()["number"]
    assert "We are on it." in by_status["acknowledged"]["notification"]["body"]


def test_terminated_database_connections_cost_no_answer(stack: Stack, city: SmallCity) -> None:
    """As after a failover: what lay in the pool is dead, and the next request must not find out by failing."""
    headers = {"Authorization": f"Bearer {token_of(User.objects.create_guest())}"}
    with stack.web() as server:
        for _ in range(5):
            assert server.http.post("/api/v1/requests", json=pothole(city), headers=headers).status_code == 201
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            for _ in range(8):
                assert server.http.get("/api/v1/requests", headers=headers).status_code == 200


def test_the_first_requests_of_a_new_process_come_all_at_once(stack: Stack, city: SmallCity) -> None:
    """What is made at first use must be made once, however many threads use it first."""
    headers = {"Authorization": f"Bearer {token_of(User.objects.create_guest())}"}
    for _ in range(3):
        with stack.web("--workers", "1", "--threads", "8") as server, ThreadPoolExecutor(16) as pool:
            calls = [pool.submit(server.http.get, "/api/v1/requests", headers=headers) for _ in range(32)]
            assert {call.result().status_code for call in calls} == {200}
