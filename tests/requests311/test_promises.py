"""What a request promises by when, in its row: at submission, after pauses, and for another service."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import catalogue, deadlines, promises
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.actions.reroute import reroute
from requests311.actors import Actor
from requests311.deadlines import Calendar, Target
from requests311.holds import end_hold
from requests311.models import DueUnit, EscalationStep, Question, Service, ServiceRequest, Told
from requests311.policies import Role
from requests311.statuses import HoldReason, Priority, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import move, report, request_row

pytestmark = pytest.mark.django_db

S = Status
HOUR = timedelta(hours=1)
#: A Friday, 15:00 in the small city (UTC-6), which works Monday to Friday from 9 to 17.
FRIDAY = datetime(2026, 1, 16, 21, 0, tzinfo=UTC)


@pytest.fixture
def city() -> SmallCity:
    made = small_city()
    for percent, tells in [(80, Told.LEAD), (100, Told.MANAGER)]:
        EscalationStep.objects.create(jurisdiction=made.jurisdiction, percent=percent, tells=tells)
    made.jurisdiction.opens_at, made.jurisdiction.closes_at = "09:00", "17:00"
    made.jurisdiction.save()
    made.jurisdiction.refresh_from_db()
    return made


@pytest.fixture
def dispatcher(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def promises_of(city: SmallCity, **fields: Any) -> None:
    """What a pothole is promised from now on."""
    Service.objects.filter(code="pothole").update(**fields)
    city.services["pothole"].refresh_from_db()
    catalogue.forget()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def promised(city: SmallCity, *, pauses: Sequence[tuple[str, str | None]] = (), percent: int = 0) -> ServiceRequest:
    """Of a pothole that was reported on that Friday at three."""
    row = request_row(
        city,
        submitted_at=FRIDAY,
        pauses=[[utc(begin).isoformat(), utc(end).isoformat() if end else None] for begin, end in pauses],
        escalated_percent=percent,
    )
    promises.promise(row, promises.steps_of(row))
    return row


@pytest.mark.parametrize(
    ("unit", "amount", "due", "early"),
    [
        (DueUnit.HOURS, 10, "2026-01-17T07:00", "2026-01-17T05:00"),
        # Two hours on Friday; Monday is Martin Luther King's; the rest on Tuesday.
        (DueUnit.WORKING_HOURS, 10, "2026-01-20T23:00", "2026-01-20T21:00"),
        # Tuesday and Wednesday, to the last second in the small city; Friday from three counts for the 80 %.
        (DueUnit.WORKING_DAYS, 2, "2026-01-22T05:59:59", None),
        (DueUnit.CALENDAR_DAYS, 2, "2026-01-19T05:59:59", None),
    ],
)
def test_by_the_unit_of_the_service(city: SmallCity, unit: DueUnit, amount: int, due: str, early: str | None) -> None:
    promises_of(
        city, due_after=amount, due_unit=unit, first_response_after=1, first_response_unit=DueUnit.WORKING_HOURS
    )
    row = promised(city)
    assert row.due_at == utc(due)
    assert row.first_response_due_at == utc("2026-01-16T22:00")
    target, calendar = Target(amount, unit), Calendar.of(city.jurisdiction)
    assert row.escalates_at == deadlines.reached(target, calendar, since=FRIDAY, percent=80)
    assert early is None or row.escalates_at == utc(early)
    assert promised(city, percent=80).escalates_at == deadlines.reached(target, calendar, since=FRIDAY, percent=100)
    assert promised(city, percent=100).escalates_at is None


@pytest.mark.parametrize(
    ("unit", "due", "response"),
    [
        # Five and three hours later.
        (DueUnit.HOURS, "2026-01-17T15:00", "2026-01-17T06:00"),
        # Only an hour of both was between nine and five.
        (DueUnit.WORKING_HOURS, "2026-01-21T16:00", "2026-01-20T15:00"),
    ],
)
def test_two_pauses_add_up(city: SmallCity, unit: DueUnit, due: str, response: str) -> None:
    promises_of(city, due_after=10, due_unit=unit, first_response_after=1, first_response_unit=unit)
    pauses = [("2026-01-16T22:00", "2026-01-17T03:00"), ("2026-01-17T04:00", "2026-01-17T07:00")]
    row = promised(city, pauses=pauses)
    assert row.due_at == utc(due)
    assert row.first_response_due_at == deadlines.due(
        Target(1, unit), Calendar.of(city.jurisdiction), since=FRIDAY, pauses=promises.pauses_of(row)
    )


def test_while_it_is_paused_nothing_escalates_and_the_due_time_waits_for_the_end(city: SmallCity) -> None:
    promises_of(city, due_after=10, due_unit=DueUnit.HOURS)
    row = promised(city, pauses=[("2026-01-16T22:00", None)])
    assert row.escalates_at is None
    assert row.due_at == utc("2026-01-17T07:00")


def test_without_a_promise_there_is_none(city: SmallCity) -> None:
    promises_of(city, due_after=None)
    row = promised(city)
    assert (row.due_at, row.first_response_due_at, row.escalates_at) == (None, None, None)


# --- In the row -----------------------------------------------------------------------------------


def fresh(row: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.get(pk=row.pk)


def expected(city: SmallCity, row: ServiceRequest, target: Target, percent: int | None = None) -> datetime:
    """As `deadlines` says it, from the row's own submission and pauses."""
    given: dict[str, Any] = {"since": row.submitted_at, "pauses": promises.pauses_of(row)}
    calendar = Calendar.of(city.jurisdiction)
    if percent is None:
        return deadlines.due(target, calendar, **given)
    return deadlines.reached(target, calendar, percent=percent, **given)


@pytest.mark.parametrize("unit", [DueUnit.HOURS, DueUnit.WORKING_HOURS, DueUnit.WORKING_DAYS])
def test_a_submission_promises(city: SmallCity, unit: DueUnit) -> None:
    promises_of(
        city,
        due_after=12,
        due_unit=unit,
        first_response_after=3,
        first_response_unit=DueUnit.WORKING_HOURS,
        priority=Priority.HIGH,
    )
    row = fresh(report(city, guest()))
    assert row.due_at == expected(city, row, Target(12, unit))
    assert row.first_response_due_at == expected(city, row, Target(3, DueUnit.WORKING_HOURS))
    assert row.escalates_at == expected(city, row, Target(12, unit), 80)
    assert row.priority == Priority.HIGH
    assert (row.pauses, row.escalated_percent) == ([], 0)


def began(row: ServiceRequest, hours: float) -> None:
    """The pause that lasts began so many hours ago, and so everything before it too."""
    row = fresh(row)
    shift = hours * HOUR
    pauses = [
        [(datetime.fromisoformat(moment) - shift).isoformat() if moment else None for moment in pair]
        for pair in row.pauses
    ]
    ServiceRequest.objects.filter(pk=row.pk).update(
        submitted_at=row.submitted_at - shift, due_at=(row.due_at or row.submitted_at) - shift, pauses=pauses
    )


def paused(row: ServiceRequest) -> timedelta:
    return sum((pause.end - pause.begin for pause in promises.pauses_of(row) if pause.end), timedelta())


def test_two_waits_for_the_reporter_put_everything_off(city: SmallCity, dispatcher: User) -> None:
    promises_of(city, due_after=100, due_unit=DueUnit.HOURS, first_response_after=50, first_response_unit=DueUnit.HOURS)
    reporter = guest()
    row = report(city, reporter)
    move(row, dispatcher, S.ON_HOLD, text="Which side?", reason=HoldReason.REPORTER)
    began(row, 5)
    move(row, dispatcher, S.ACKNOWLEDGED)
    once = fresh(row)
    assert paused(once) >= 5 * HOUR
    assert once.due_at == once.submitted_at + 100 * HOUR + paused(once)
    ask(by=Actor(dispatcher), key=str(row.pk), if_version=3, text="Sure?")
    assert fresh(row).due_at == once.due_at
    began(row, 7)
    answer(by=reporter, token=str(Question.objects.get().pk), text="Yes.")
    twice = fresh(row)
    assert len(twice.pauses) == 2
    assert paused(twice) >= 12 * HOUR
    assert twice.due_at == twice.submitted_at + 100 * HOUR + paused(twice)
    assert twice.first_response_due_at == twice.submitted_at + 50 * HOUR + paused(twice)
    assert twice.escalates_at == twice.submitted_at + 80 * HOUR + paused(twice)


@pytest.mark.parametrize("reason", [reason for reason in HoldReason if reason != HoldReason.REPORTER])
def test_other_holds_are_the_city_s_own_time(city: SmallCity, dispatcher: User, reason: HoldReason) -> None:
    row = fresh(report(city, guest()))
    move(row, dispatcher, S.ON_HOLD, text="Later.", reason=reason)
    move(row, dispatcher, S.ACKNOWLEDGED)
    after = fresh(row)
    assert after.pauses == []
    assert (after.due_at, after.escalates_at) == (row.due_at, row.escalates_at)


def test_the_wait_ends_with_its_last_day_and_so_does_the_pause(city: SmallCity, dispatcher: User) -> None:
    promises_of(city, due_after=100, due_unit=DueUnit.HOURS)
    row = report(city, guest())
    ask(by=Actor(dispatcher), key=str(row.pk), if_version=1, text="Which side?")
    began(row, 120)
    ServiceRequest.objects.filter(pk=row.pk).update(hold_until=timezone.now() - HOUR)
    assert end_hold(row.pk)
    after = fresh(row)
    assert after.status == S.ACKNOWLEDGED
    assert after.due_at == after.submitted_at + 100 * HOUR + paused(after)
    assert paused(after) >= 120 * HOUR
    assert not end_hold(row.pk)


def test_a_question_on_a_request_that_waits_for_the_weather_stops_the_clock(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    move(row, dispatcher, S.ON_HOLD, text="Ice.", reason=HoldReason.WEATHER)
    ask(by=Actor(dispatcher), key=str(row.pk), if_version=2, text="Which side?")
    waiting = fresh(row)
    assert (waiting.pauses[-1][1], waiting.escalates_at) == (None, None)
    answer(by=reporter, token=str(Question.objects.get().pk), text="Left.")
    after = fresh(row)
    assert after.pauses[-1][1] is not None
    assert after.escalates_at is not None


def test_another_service_keeps_the_pauses_and_the_submission(city: SmallCity, dispatcher: User) -> None:
    Service.objects.filter(code="streetlight").update(due_after=40, due_unit=DueUnit.HOURS)
    row = report(city, guest())
    move(row, dispatcher, S.ON_HOLD, text="Which side?", reason=HoldReason.REPORTER)
    began(row, 5)
    move(row, dispatcher, S.ACKNOWLEDGED)
    reroute(by=Actor(dispatcher), key=str(row.pk), if_version=3, service="streetlight", reason="No hole.")
    after = fresh(row)
    assert after.due_at == after.submitted_at + 40 * HOUR + paused(after)
    assert after.escalates_at == after.submitted_at + 32 * HOUR + paused(after)
    assert after.priority == row.priority
