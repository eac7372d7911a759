from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from notifications import outbox
from notifications.errors import OutsideTransaction
from notifications.models import Delivery, Device, Message
from notifications.tasks import deliver_due


@pytest.mark.django_db
def test_a_notice_becomes_a_message_and_a_delivery_to_each_enabled_phone(person: Any, phone: Any, notice: Any) -> None:
    owner, stranger = person(), person()
    on, also_on, off = phone(owner), phone(owner), phone(owner)
    phone(stranger)
    Device.objects.filter(pk=off.pk).update(enabled=False, disabled_because="unregistered")

    assert outbox.enqueue([notice(owner, kind="request_closed", ttl=timedelta(hours=2))]) == 1

    message = Message.objects.get()
    assert (message.recipient_id, message.kind, message.data["number"]) == (
        owner.pk,
        "request_closed",
        "7K3F-9QTD",
    )
    assert message.expires_at - message.created_at == timedelta(hours=2)
    deliveries = list(Delivery.objects.all())
    assert {delivery.device_id for delivery in deliveries} == {on.pk, also_on.pk}
    for delivery in deliveries:
        assert (delivery.state, delivery.attempts, delivery.lease) == ("pending", 0, None)
        assert delivery.pk.version == 7


@pytest.mark.django_db
def test_the_same_event_twice_is_told_once(person: Any, phone: Any, notice: Any) -> None:
    owner, event = person(), uuid4()
    phone(owner)
    once = notice(owner, event_id=event)
    assert outbox.enqueue([once, notice(owner, event_id=event)]) == 1
    assert outbox.enqueue([once]) == 0
    assert outbox.enqueue([notice(owner, event_id=event, kind="request_closed")]) == 1
    assert Delivery.objects.count() == 2


@pytest.mark.django_db
def test_a_recipient_who_is_gone_is_passed_over(person: Any, notice: Any) -> None:
    gone = SimpleNamespace(pk=uuid4())
    assert outbox.enqueue([notice(gone), notice(person())]) == 1
    assert outbox.enqueue([]) == 0


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_it_raises(person: Any, notice: Any) -> None:
    with pytest.raises(OutsideTransaction):
        outbox.enqueue([notice(person())])
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_nothing(person: Any, phone: Any, notice: Any) -> None:
    owner = person()
    phone(owner)

    with transaction.atomic():
        outbox.enqueue([notice(owner)])
        assert Delivery.objects.exists()
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_ten_thousand_phones_take_at_most_three_statements(person: Any, notice: Any) -> None:
    owner, others = person(), [person() for _ in range(50)]
    Device.objects.bulk_create(
        Device(
            owner=owner,
            installation_id=f"i{number}",
            fcm_kind="token",
            fcm_value=f"t{number}",
            platform="ios",
        )
        for number in range(10_000)
    )
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert outbox.enqueue([notice(each) for each in [owner, *others]]) == 51
    assert len(queries) <= 3
    assert Delivery.objects.count() == 10_000


@pytest.mark.django_db
def test_the_worker_is_woken_up_by_the_commit_if_there_is_something_to_deliver(
    person: Any, phone: Any, notice: Any, django_capture_on_commit_callbacks: Any
) -> None:
    owner, without_phone = person(), person()
    phone(owner)
    once = notice(owner)
    with django_capture_on_commit_callbacks() as callbacks:
        assert outbox.enqueue([once, once]) == 1
    assert [callback.args for callback in callbacks] == [(deliver_due,)]
    with django_capture_on_commit_callbacks() as callbacks:
        outbox.enqueue([once, notice(without_phone)])
    assert callbacks == []


@pytest.mark.django_db
def test_what_is_due_is_found_by_the_partial_index(told: Any) -> None:
    told()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    plan = Delivery.objects.all().due()[:50].explain()
    assert "delivery_due" in plan


@pytest.mark.django_db
def test_resend_revives_the_dead_that_can_still_be_reached(told: Any) -> None:
    dead, sent, expired, moved = (told() for _ in range(4))
    Delivery.objects.exclude(pk=sent.pk).update(state="dead", error_code="INVALID_ARGUMENT", attempts=3)
    Message.objects.filter(pk=expired.message_id).update(
        created_at=expired.message.created_at - timedelta(days=2),
        expires_at=expired.message.created_at - timedelta(days=1),
    )
    Device.objects.filter(pk=moved.device_id).update(owner=dead.device.owner)

    assert outbox.resend(Delivery.objects.all()) == 1

    dead.refresh_from_db()
    assert (dead.state, dead.attempts) == ("pending", 0)
    for other in (expired, moved):
        other.refresh_from_db()
        assert other.state == "dead"
