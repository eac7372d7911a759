"""A request is put off, and comes back when its day has come."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import deadlines, holds
from requests311.actions.reroute import reroute
from requests311.deadlines import Calendar, Pause, Target
from requests311.errors import IllegalTransition, Invalid
from requests311.models import DueUnit, ServiceRequest
from requests311.policies import Role
from requests311.statuses import HoldReason, Status
from requests311.tasks import end_holds
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, its_day_has_come, last, told
from tests.requests311.reporting import move, pointers, refused, report
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def request_(city: SmallCity) -> ServiceRequest:
    return report(city, guest())


def test_it_says_why_and_until_when(request_: ServiceRequest, crew: User) -> None:
    until = timezone.now() + timedelta(days=3)
    row = move(request_, crew, S.ON_HOLD, text="Frost.", reason="weather", until=until)
    row.refresh_from_db()
    assert (row.status, row.hold_reason, row.hold_until, row.held_from) == ("on_hold", "weather", until, "submitted")
    event = last(request_)
    assert (event.text, event.data["hold_reason"]) == ("Frost.", "weather")
    assert datetime.fromisoformat(event.data["hold_until"]) == until


def test_by_default_it_is_put_off_to_the_end_of_the_tenth_working_day(request_: ServiceRequest, crew: User) -> None:
    before = timezone.now()
    row = move(request_, crew, S.ON_HOLD, text="Waiting.")
    calendar = Calendar.of(request_.jurisdiction)
    assert row.hold_reason == HoldReason.OTHER
    assert row.hold_until == deadlines.due(Target(10, DueUnit.WORKING_DAYS), calendar, since=before)
    local = row.hold_until.astimezone(calendar.zone)
    assert (local.hour, local.minute, local.second) == (23, 59, 59)


@pytest.mark.parametrize("reason", HoldReason.values)
def test_the_clock_stands_only_while_the_reporter_is_waited_for(
    request_: ServiceRequest, crew: User, reason: str
) -> None:
    row = move(request_, crew, S.ON_HOLD, text="Waiting.", reason=reason)
    row.refresh_from_db()
    waits = reason == "reporter"
    assert [(end, datetime.fromisoformat(begin)) for begin, end in row.pauses] == (
        [(None, row.updated_at)] if waits else []
    )


def test_what_is_due_is_later_by_the_working_time_that_passed(request_: ServiceRequest, crew: User) -> None:
    # Monday 9:00 in Chicago; three working days: due on Thursday.
    submitted = datetime(2026, 3, 2, 15, tzinfo=UTC)
    request_.submitted_at = submitted
    due = deadlines.due_at(request_.service, request_.jurisdiction, submitted_at=submitted)
    assert due == datetime(2026, 3, 6, 5, 59, 59, tzinfo=UTC)
    ServiceRequest.objects.filter(pk=request_.pk).update(submitted_at=submitted, due_at=due)
    move(request_, crew, S.ON_HOLD, text="Waiting.", reason="reporter")
    # As if the clock had stood from Tuesday 9:00 on, until now.
    began = datetime(2026, 3, 3, 15, tzinfo=UTC)
    ServiceRequest.objects.filter(pk=request_.pk).update(pauses=[[began.isoformat(), None]])
    row = move(request_, crew, S.IN_PROGRESS)
    row.refresh_from_db()
    [[begin, end]] = row.pauses
    assert (begin, datetime.fromisoformat(end)) == (began.isoformat(), row.updated_at)
    pause = Pause(began, row.updated_at)
    assert row.due_at == deadlines.due_at(row.service, row.jurisdiction, submitted_at=submitted, pauses=[pause])
    # Of three working days a day and nine hours were used up on Tuesday at 9:00.
    assert row.due_at is not None
    assert row.due_at > row.updated_at + timedelta(days=1)
    assert (row.hold_reason, row.hold_until, row.held_from) == ("", None, "")


def test_a_hold_without_a_pause_moves_no_due_time(request_: ServiceRequest, crew: User) -> None:
    due = ServiceRequest.objects.get(pk=request_.pk).due_at
    move(request_, crew, S.ON_HOLD, text="Frost.", reason="weather")
    assert move(request_, crew, S.IN_PROGRESS).due_at == due


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ({"until": timezone.now() - timedelta(seconds=1)}, ("/until", "in_the_past")),
        ({"reason": "lunch"}, ("/reason", "unknown_value")),
        ({"text": " "}, ("/text", "required")),
        ({"resolution": "fixed"}, ("/resolution", "not_taken")),
    ],
)
def test_what_a_hold_does_not_take(
    request_: ServiceRequest, crew: User, words: dict[str, str], wrong: tuple[str, str]
) -> None:
    with refused(Invalid) as info:
        move(request_, crew, S.ON_HOLD, **{"text": "Waiting.", **words})
    assert pointers(info) == [wrong]


def test_only_a_hold_has_a_day_and_a_reason(request_: ServiceRequest, crew: User) -> None:
    with refused(Invalid) as info:
        move(request_, crew, S.ACKNOWLEDGED, reason="weather", until=timezone.now() + timedelta(days=1))
    assert pointers(info) == [("/reason", "not_taken"), ("/until", "not_taken")]


def test_what_is_on_hold_is_not_put_off_again(request_: ServiceRequest, crew: User) -> None:
    move(request_, crew, S.ON_HOLD, text="Waiting.")
    with refused(IllegalTransition):
        move(request_, crew, S.ON_HOLD, text="Waiting.")


class TestTheEnd:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ([], "acknowledged"),
            ([S.ACKNOWLEDGED], "acknowledged"),
            ([S.ACKNOWLEDGED, S.ASSIGNED], "assigned"),
            ([S.ACKNOWLEDGED, S.IN_PROGRESS], "in_progress"),
        ],
    )
    def test_it_goes_back_to_where_it_was(
        self, request_: ServiceRequest, crew: User, before: list[Status], after: str
    ) -> None:
        for to in before:
            move(request_, crew, to)
        assignee = ServiceRequest.objects.get(pk=request_.pk).assignee_id
        move(request_, crew, S.ON_HOLD, text="Frost.", reason="weather")
        assert end_holds() == 0
        its_day_has_come(request_)
        assert holds.holds_over(10) == [request_.pk]
        assert end_holds() == 1
        row = ServiceRequest.objects.get(pk=request_.pk)
        assert (row.status, row.hold_reason, row.hold_until, row.held_from) == (after, "", None, "")
        assert row.assignee_id == assignee
        event = last(request_)
        assert (event.from_status, event.to_status, event.actor, event.version) == ("on_hold", after, None, row.version)
        assert event.data["hold_over"] is True
        assert [message.kind for message in told(event)] == [f"request_{after}"]
        assert end_holds() == 0

    def test_another_department_begins_by_looking_at_it(
        self, request_: ServiceRequest, crew: User, city: SmallCity
    ) -> None:
        for to in (S.ACKNOWLEDGED, S.ASSIGNED):
            move(request_, crew, to)
        move(request_, crew, S.ON_HOLD, text="Frost.")
        dispatcher = person(role=Role.DISPATCHER, city=city)
        does(reroute, request_, dispatcher, department="parks", reason="A root.")
        its_day_has_come(request_)
        end_holds()
        row = ServiceRequest.objects.get(pk=request_.pk)
        assert (row.status, row.assignee) == ("acknowledged", None)

    def test_the_clock_runs_on(self, request_: ServiceRequest, crew: User) -> None:
        move(request_, crew, S.ON_HOLD, text="Waiting.", reason="reporter")
        its_day_has_come(request_)
        assert holds.end_hold(request_.pk)
        row = ServiceRequest.objects.get(pk=request_.pk)
        [[_, end]] = row.pauses
        assert datetime.fromisoformat(end) == row.updated_at

    def test_one_that_somebody_took_up_meanwhile_stays_there(self, request_: ServiceRequest, crew: User) -> None:
        move(request_, crew, S.ON_HOLD, text="Frost.")
        its_day_has_come(request_)
        move(request_, crew, S.IN_PROGRESS)
        assert not holds.end_hold(request_.pk)
        assert ServiceRequest.objects.get(pk=request_.pk).status == "in_progress"

    def test_one_that_is_gone(self) -> None:
        assert not holds.end_hold(guest().pk)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_one_ends_it() -> None:
    city = small_city()
    request = report(city, guest())
    move(request, person(role=Role.CREW, city=city, department="roads-west"), S.ON_HOLD, text="Frost.")
    its_day_has_come(request)
    first, second = one_behind_the_other(lambda: holds.end_hold(request.pk), lambda: holds.end_hold(request.pk))
    assert (first.result(), second.result()) == (True, False)
    assert request.events.filter(from_status="on_hold").count() == 1
