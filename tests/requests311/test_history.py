"""The history is append-only, whoever asks the database to change it."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F, ProtectedError
from django.utils import timezone

from requests311.models import Event
from requests311.policies import Role
from requests311.statuses import Status
from tests.factories.cities import person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import move, refused, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    row = report(small_city(), guest())
    return Event.objects.get(request=row)


CHANGES: list[dict[str, Any]] = [
    {"text": "It never happened."},
    {"to_status": "closed"},
    {"from_status": "closed"},
    {"kind": "status_changed"},
    {"audience": "staff"},
    {"at": timezone.now()},
    {"version": 7},
    {"data": {}},
    {"version": F("version") + 1, "announced_at": timezone.now()},
]


@pytest.mark.parametrize("change", CHANGES)
def test_no_column_changes(event: Event, change: dict[str, Any]) -> None:
    with refused(DatabaseError) as info:
        Event.objects.update(**change)
    assert "append-only: UPDATE refused" in str(info.value)


def test_not_by_save_nor_in_bulk_nor_in_sql(event: Event) -> None:
    event.text = "It never happened."
    with refused(DatabaseError):
        event.save()
    with refused(DatabaseError):
        Event.objects.bulk_update([event], ["text"])
    for statement in ("UPDATE requests311_event SET text = 'x'", "UPDATE requests311_event SET request_id = id"):
        with refused(DatabaseError), connection.cursor() as cursor:
            cursor.execute(statement)
    with refused(DatabaseError) as info, connection.cursor() as cursor:
        cursor.execute("DELETE FROM requests311_event")
    assert "append-only: DELETE refused" in str(info.value)
    with refused(DatabaseError):
        event.delete()
    with refused(DatabaseError):
        Event.objects.all().delete()
    assert Event.objects.get().text == ""


def test_a_request_with_a_history_stays(event: Event) -> None:
    with refused(ProtectedError):
        event.request.delete()


def test_it_may_be_announced(event: Event) -> None:
    now = timezone.now()
    Event.objects.update(announced_at=now)
    assert Event.objects.get().announced_at == now


class TestActor:
    def test_a_person_who_is_erased_leaves_their_events(self, event: Event) -> None:
        assert event.actor is not None
        event.actor.delete()
        event.refresh_from_db()
        assert event.actor_id is None
        assert event.request.reporter_id is None

    def test_never_somebody_else(self, event: Event) -> None:
        other = guest()
        with refused(DatabaseError):
            Event.objects.update(actor=other)
        Event.objects.update(actor=None)
        with refused(DatabaseError):
            Event.objects.update(actor=other)


def test_every_version_has_its_event() -> None:
    city = small_city()
    dispatcher = person(role=Role.DISPATCHER, city=city)
    row = report(city, dispatcher)
    for to in (Status.ACKNOWLEDGED, Status.ASSIGNED, Status.IN_PROGRESS):
        row = move(row, dispatcher, to)
    versions = list(Event.objects.filter(request=row).order_by("version").values_list("version", flat=True))
    assert versions == list(range(1, row.version + 1)) == [1, 2, 3, 4]


def test_a_move_that_is_refused_writes_none(event: Event) -> None:
    with refused(Exception), transaction.atomic():
        move(event.request, guest(), Status.CLOSED)
    assert Event.objects.count() == 1
