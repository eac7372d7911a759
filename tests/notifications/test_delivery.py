"""Claims, leases, and what two workers do to each other."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from notifications import outbox
from notifications.delivery import claim, deliver_batch, lease_seconds, parcel_of
from notifications.models import Delivery, Device
from notifications.outcomes import Outcome, Verdict
from notifications.recording import record
from notifications.sending import attempt_seconds, send_all
from notifications.tasks import deliver_due
from tests.notifications.emulator import RunningEmulator


@pytest.mark.django_db
def test_a_claim_holds_the_row_until_its_lease_ends(told: Any) -> None:
    delivery = told()
    assert [each.pk for each in claim(uuid4(), 10)] == [delivery.pk]
    assert claim(uuid4(), 10) == []
    delivery.refresh_from_db()
    assert delivery.attempts == 1
    left = (delivery.leased_until - timezone.now()).total_seconds()
    assert lease_seconds() - 5 < left <= lease_seconds()

    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    assert [each.attempts for each in claim(uuid4(), 10)] == [2]


@pytest.mark.django_db
def test_not_before_its_time_and_the_longest_waiting_first(told: Any) -> None:
    late, early, never = told(), told(), told()
    now = timezone.now()
    Delivery.objects.filter(pk=early.pk).update(next_attempt_at=now - timedelta(hours=1))
    Delivery.objects.filter(pk=never.pk).update(next_attempt_at=now + timedelta(hours=1))
    assert [each.pk for each in claim(uuid4(), 1)] == [early.pk]
    assert [each.pk for each in claim(uuid4(), 10)] == [late.pk]


@pytest.mark.django_db
def test_a_result_that_lost_its_lease_is_not_written(told: Any) -> None:
    delivery = told()
    slow, quick = uuid4(), uuid4()
    parcel = parcel_of(claim(slow, 1)[0])
    Delivery.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    claim(quick, 1)

    record([(parcel, Outcome(Verdict.DEAD, code="LATE"))], slow)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.lease) == ("pending", quick)

    record([(parcel, Outcome(Verdict.SENT, provider_id="p"))], quick)
    record([(parcel, Outcome(Verdict.DEAD, code="TWICE"))], quick)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("sent", "")


@pytest.mark.django_db
def test_a_batch_that_runs_out_of_time_gives_the_rest_back(fcm: RunningEmulator, told: Any) -> None:
    delivery = told()
    lease = uuid4()
    parcels = [parcel_of(each) for each in claim(lease, 10)]
    results = send_all(parcels, start_by=time.monotonic() - 1)
    assert [outcome.verdict for _, outcome in results] == [Verdict.UNTRIED]
    record(results, lease)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.lease) == ("pending", 0, None)
    assert deliver_batch() == 1
    assert len(fcm.messages()) == 1


@pytest.mark.django_db
def test_slow_sends_never_outlast_the_lease(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    """One thread, two seconds a message, twelve messages: more than this lease has time for."""
    settings.PUSH_THREADS, settings.PUSH_TIMEOUT_SECONDS, settings.DELIVERY_LEASE_SECONDS = 1, 3, 1
    for _ in range(12):
        told()
    fcm.set_fault("slow", seconds=2)
    begun = time.monotonic()
    assert deliver_batch() == 12
    assert time.monotonic() - begun < lease_seconds()
    sent = Delivery.objects.filter(state="sent").count()
    assert 0 < sent < 12
    assert Delivery.objects.filter(state="pending", lease=None, attempts=0).count() == 12 - sent
    assert lease_seconds() > attempt_seconds()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_in_a_transaction_while_the_network_is_waited_for(fcm: RunningEmulator, told: Any) -> None:
    """Another connection changes the device while its push is under way."""
    delivery = told()
    fcm.set_fault("slow", seconds=1)
    worker = threading.Thread(target=_deliver_all)
    worker.start()
    time.sleep(0.4)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        Device.objects.filter(pk=delivery.device_id).update(app_version="2.0")
        cursor.execute("RESET lock_timeout")
    worker.join()
    delivery.refresh_from_db()
    assert delivery.state == "sent"


@pytest.mark.django_db(transaction=True)
def test_parallel_batches_send_each_exactly_once(fcm: RunningEmulator, person: Any, phone: Any, notice: Any) -> None:
    owners = [person() for _ in range(10)]
    for owner in owners:
        for _ in range(10):
            phone(owner)
    with transaction.atomic():
        outbox.enqueue([notice(owner) for owner in owners])

    workers = [threading.Thread(target=_deliver_all, args=(7,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert set(Delivery.objects.values_list("state", "attempts")) == {("sent", 1)}
    targets = [each["target"]["value"] for each in fcm.messages()]
    assert sorted(targets) == sorted(Device.objects.values_list("fcm_value", flat=True))


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_held_is_sent_by_the_next(fcm: RunningEmulator, told: Any) -> None:
    delivery = told()
    claim(uuid4(), 10)
    assert deliver_batch() == 0
    Delivery.objects.update(leased_until=timezone.now())
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("sent", 2)
    assert [each["message"]["data"]["event_id"] for each in fcm.messages()] == [str(delivery.message.event_id)]


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_during_the_sends_is_replaced(fcm: RunningEmulator, told: Any) -> None:
    delivery = told()
    lease = uuid4()
    parcels = [parcel_of(each) for each in claim(lease, 10)]
    results = send_all(parcels, start_by=time.monotonic() + 10)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    killer = threading.Thread(target=_terminate, args=(pid,))
    killer.start()
    killer.join()
    record(results, lease)
    delivery.refresh_from_db()
    assert delivery.state == "sent"


@pytest.mark.django_db
def test_the_task_goes_on_until_nothing_is_due_and_twice_sends_once(
    fcm: RunningEmulator, told: Any, settings: Any
) -> None:
    settings.DELIVERY_BATCH = 2
    for _ in range(5):
        told()
    deliver_due()
    deliver_due()
    assert Delivery.objects.filter(state="sent", attempts=1).count() == 5
    assert len(fcm.messages()) == 5


@pytest.mark.django_db
def test_threads_are_bounded_whatever_is_due(fcm: RunningEmulator, person: Any, notice: Any, settings: Any) -> None:
    settings.PUSH_THREADS = 4
    owner = person()
    Device.objects.bulk_create(
        Device(owner=owner, installation_id=f"i{n}", fcm_kind="fid", fcm_value=f"f{n}", platform="ios")
        for n in range(300)
    )
    outbox.enqueue([notice(owner)])
    while deliver_batch():
        assert sum(thread.name.startswith("push") for thread in threading.enumerate()) <= 4
    assert Delivery.objects.filter(state="sent").count() == 300


@pytest.mark.django_db
def test_a_peer_that_drips_byte_by_byte_holds_up_one_batch_only(fcm: RunningEmulator, told: Any, settings: Any) -> None:
    """Each byte comes within the socket's timeout, the answer never ends."""
    settings.PUSH_TIMEOUT_SECONDS, settings.DELIVERY_LEASE_SECONDS, settings.PUSH_THREADS = 1, 1, 1
    delivery, behind = told(), told()
    with dripping() as url:
        settings.FCM_ENDPOINT = url
        begun = time.monotonic()
        assert deliver_batch() == 2
        assert time.monotonic() - begun < lease_seconds()
        delivery.refresh_from_db()
        behind.refresh_from_db()
        assert (delivery.state, delivery.error_code) == ("pending", "STUCK")
        assert (behind.state, behind.attempts) == ("pending", 0)
        settings.FCM_ENDPOINT = fcm.url
        assert deliver_batch() == 1
    behind.refresh_from_db()
    assert behind.state == "sent"


@contextmanager
def dripping() -> Iterator[str]:
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client, _ = server.accept()
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.2):
                    client.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            stop.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def _deliver_all(limit: int | None = None) -> None:
    try:
        while deliver_batch(*([limit] if limit else [])):
            pass
    finally:
        connection.close()


def _terminate(pid: int) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        connection.close()
