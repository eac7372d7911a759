"""Time runs out: who is told is told once, whatever became of the request meanwhile and however many workers look."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.models import User
from api.figures import WaitingWork
from notifications.models import Message
from requests311 import catalogue, escalation, tasks
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.actions.assign import assign
from requests311.actions.reroute import reroute
from requests311.actors import Actor
from requests311.announce import announce
from requests311.models import DueUnit, EscalationStep, Event, EventKind, Question, Service, ServiceRequest, Told
from requests311.policies import Role
from requests311.statuses import Status
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import move, report
from tests.requests311.test_plans import ID, analyze_all, indexes, multiply
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db

S = Status
HOUR = timedelta(hours=1)


def city_with_steps() -> SmallCity:
    """Potholes have 100 hours here: of 80 the lead is told, of 100 the manager, of 150 the director."""
    city = small_city()
    Service.objects.filter(jurisdiction=city.jurisdiction).update(due_after=100, due_unit=DueUnit.HOURS)
    for percent, tells in [(80, Told.LEAD), (100, Told.MANAGER), (150, Told.DIRECTOR)]:
        EscalationStep.objects.create(jurisdiction=city.jurisdiction, percent=percent, tells=tells)
    catalogue.forget()
    return city


@pytest.fixture
def city() -> SmallCity:
    return city_with_steps()


@pytest.fixture
def dispatcher(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


@pytest.fixture
def manager(city: SmallCity) -> User:
    return person(role=Role.MANAGER, city=city, department="roads-west")


@pytest.fixture
def director(city: SmallCity) -> User:
    return person(role=Role.MANAGER, city=city, department="roads")


def fresh(row: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.get(pk=row.pk)


def hours_pass(row: ServiceRequest, hours: float) -> None:
    """Everything that the request knows happened so much earlier."""
    shift = hours * HOUR
    ServiceRequest.objects.filter(pk=row.pk).update(
        submitted_at=F("submitted_at") - shift, due_at=F("due_at") - shift, escalates_at=F("escalates_at") - shift
    )


def at_percent(row: ServiceRequest) -> float | None:
    """Of the pothole's 100 hours, without pauses."""
    row = fresh(row)
    if row.escalates_at is None:
        return None
    return (row.escalates_at - row.submitted_at) / HOUR


def escalations(row: ServiceRequest) -> list[dict[str, Any]]:
    events = Event.objects.filter(request=row, kind=EventKind.ESCALATED).order_by("version")
    assert all(event.audience == "staff" and event.actor is None for event in events)
    return [{"percent": event.data["percent"], "tells": event.data["tells"]} for event in events]


def told(row: ServiceRequest) -> set[tuple[User | None, int]]:
    """Whom the newest event told of which percentage."""
    event = Event.objects.filter(request=row).order_by("-version")[0]
    assert announce(event.pk)
    found = [(one.recipient, one.context["percent"]) for one in Message.objects.filter(event_id=event.pk)]
    assert len(found) == len(set(found))
    return set(found)


def test_step_by_step_each_is_told_once(city: SmallCity, dispatcher: User, manager: User, director: User) -> None:
    worker = person(role=Role.CREW, city=city, department="roads-west")
    row = report(city, guest())
    assign(by=Actor(dispatcher), key=str(row.pk), if_version=1, assignee=worker.pk)
    assert at_percent(row) == 80
    hours_pass(row, 79.9)
    assert tasks.escalate_due() == 0
    for hours, percent, tells, person_told, then in [
        (0.1, 80, "lead", worker, 100),
        (20, 100, "manager", manager, 150),
        (50, 150, "director", director, None),
    ]:
        hours_pass(row, hours)
        version = fresh(row).version
        assert tasks.escalate_due() == 1
        assert tasks.escalate_due() == 0
        assert escalations(row)[-1] == {"percent": percent, "tells": {tells: percent}}
        assert fresh(row).version == version + 1
        assert told(row) == {(person_told, percent)}
        assert (at_percent(row), fresh(row).escalated_percent) == (then, percent)
    assert len(escalations(row)) == 3


def test_several_steps_at_once_are_one_event(city: SmallCity, manager: User, director: User) -> None:
    row = report(city, guest())
    hours_pass(row, 160)
    assert tasks.escalate_due() == 1
    assert escalations(row) == [{"percent": 150, "tells": {"lead": 80, "manager": 100, "director": 150}}]
    # Nobody works on it: the lead's step is the manager's too.
    assert told(row) == {(manager, 100), (director, 150)}
    assert fresh(row).escalates_at is None


def test_two_steps_of_one_percentage(city: SmallCity, manager: User, director: User) -> None:
    EscalationStep.objects.create(jurisdiction=city.jurisdiction, percent=100, tells=Told.DIRECTOR)
    row = report(city, guest())
    hours_pass(row, 101)
    assert tasks.escalate_due() == 1
    assert told(row) == {(manager, 100), (director, 100)}
    assert at_percent(row) == 150


def test_a_city_without_steps_and_a_service_without_a_promise(city: SmallCity) -> None:
    assert fresh(report(city, guest(), "west_only")).escalates_at is not None
    Service.objects.filter(code="west_only").update(due_after=None)
    catalogue.forget()
    assert fresh(report(city, guest(), "west_only")).escalates_at is None
    EscalationStep.objects.all().delete()
    assert fresh(report(city, guest())).escalates_at is None


def test_another_service_is_counted_anew(city: SmallCity, dispatcher: User) -> None:
    Service.objects.filter(code="streetlight").update(due_after=10)
    row = report(city, guest())
    assert at_percent(row) == 80
    reroute(by=Actor(dispatcher), key=str(row.pk), if_version=1, service="streetlight", reason="No hole.")
    assert at_percent(row) == 8


def test_while_the_reporter_is_waited_for_nobody_is_told(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    ask(by=Actor(dispatcher), key=str(row.pk), if_version=1, text="Which side?")
    assert fresh(row).escalates_at is None
    hours_pass(row, 500)
    assert tasks.escalate_due() == 0
    hours_pass(row, -500)
    begin = timezone.now() - 30 * HOUR
    ServiceRequest.objects.update(submitted_at=begin - HOUR, pauses=[[begin.isoformat(), None]])
    answer(by=reporter, token=str(Question.objects.get().pk), text="Left.")
    [[_, end]] = fresh(row).pauses
    assert end is not None
    # Thirty hours were waited for, and so much later is each step.
    assert at_percent(row) == pytest.approx(80 + 30, abs=0.01)


def test_bad_weather_is_no_excuse(city: SmallCity, dispatcher: User) -> None:
    row = report(city, guest())
    move(row, dispatcher, S.ON_HOLD, text="Ice.", reason="weather")
    assert at_percent(row) == 80
    hours_pass(row, 81)
    assert tasks.escalate_due() == 1


@pytest.mark.parametrize("end", [S.RESOLVED, S.REJECTED, S.WITHDRAWN])
def test_what_is_over_escalates_no_more(city: SmallCity, dispatcher: User, end: Status) -> None:
    reporter = guest()
    row = report(city, reporter)
    move(row, dispatcher, S.ACKNOWLEDGED)
    by = reporter if end == S.WITHDRAWN else dispatcher
    words = {"resolution": "fixed"} if end == S.RESOLVED else {"text": "No."}
    move(row, by, end, **words)
    assert fresh(row).escalates_at is None
    ServiceRequest.objects.filter(pk=row.pk).update(escalates_at=timezone.now() - HOUR)
    assert not escalation.escalate(row.pk)
    assert escalations(row) == []


def test_what_is_opened_again_escalates_again_from_where_it_was(
    city: SmallCity, dispatcher: User, manager: User
) -> None:
    row = report(city, guest())
    move(row, dispatcher, S.ACKNOWLEDGED)
    hours_pass(row, 81)
    assert tasks.escalate_due() == 1
    move(row, dispatcher, S.RESOLVED, resolution="fixed")
    move(row, dispatcher, S.ACKNOWLEDGED, text="Not at all.")
    assert at_percent(row) == 100
    hours_pass(row, 20)
    assert tasks.escalate_due() == 1
    assert [event["percent"] for event in escalations(row)] == [80, 100]


def test_steps_that_changed_since(city: SmallCity, manager: User) -> None:
    row = report(city, guest())
    hours_pass(row, 85)
    EscalationStep.objects.filter(percent=80).delete()
    assert tasks.escalate_due() == 0
    assert (escalations(row), at_percent(row), fresh(row).version) == ([], 100, 1)
    EscalationStep.objects.all().delete()
    hours_pass(row, 100)
    assert tasks.escalate_due() == 0
    assert fresh(row).escalates_at is None


def test_nobody_of_that_name() -> None:
    from uuid import uuid4

    assert not escalation.escalate(uuid4())


# --- Many, and many at once -----------------------------------------------------------------------


def test_one_that_fails_keeps_no_other_waiting(city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [report(city, guest()) for _ in range(3)]
    for row in rows:
        hours_pass(row, 81)
    # A catalogue row that nobody can make sense of: no due time can be counted.
    ServiceRequest.objects.filter(pk=rows[0].pk).update(pauses=[["yesterday", "today"]])

    def alerts() -> float:
        return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": "not_escalated"}) or 0

    before = alerts()
    assert tasks.escalate_due() == 2
    assert alerts() == before + 1
    assert [len(escalations(row)) for row in rows] == [0, 1, 1]


def test_a_hold_that_cannot_end_keeps_no_other_waiting(city: SmallCity, dispatcher: User) -> None:
    rows = [report(city, guest()) for _ in range(2)]
    for row in rows:
        move(row, dispatcher, S.ON_HOLD, text="Who?", reason="reporter")
    ServiceRequest.objects.update(hold_until=timezone.now())
    ServiceRequest.objects.filter(pk=rows[0].pk).update(pauses=[["yesterday", None]])

    def alerts() -> float:
        return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": "hold_not_ended"}) or 0

    before = alerts()
    assert tasks.end_holds() == 1
    assert alerts() == before + 1
    assert [fresh(row).status for row in rows] == [S.ON_HOLD, S.ACKNOWLEDGED]


@pytest.fixture
def many(city: SmallCity) -> None:
    """5,001 requests, of which every tenth has a step to come; half of these are due."""
    report(city, guest())
    multiply(
        ServiceRequest,
        id=ID,
        number="'N' || lpad(i::text, 8, '0')",
        submitted_at="now() - make_interval(hours => CASE WHEN i %% 20 = 0 THEN 90 ELSE 1 END)",
        escalates_at="CASE WHEN i %% 20 = 0 THEN now() - make_interval(mins => i)"
        " WHEN i %% 20 = 10 THEN now() + interval '1 hour' END",
    )
    analyze_all()


def test_a_sweep_takes_what_is_due_by_its_index(many: None) -> None:
    statements: list[tuple[str, Any]] = []

    def seen(execute: Any, sql: str, params: Any, several: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, several, context)

    with connection.execute_wrapper(seen):
        found = escalation.escalations_due(100)
    [(sql, params)] = statements
    assert indexes(sql, params, "requests311_servicerequest", sorted_at_most=0) == {"request_escalates"}
    assert len(found) == 100
    # The longest overdue first.
    assert found[0] == ServiceRequest.objects.filter(escalates_at__isnull=False).order_by("escalates_at")[0].pk


def test_a_sweep_takes_500(many: None) -> None:
    ServiceRequest.objects.filter(escalates_at__isnull=True).update(
        submitted_at=timezone.now() - 90 * HOUR, escalates_at=timezone.now() - HOUR
    )
    due = ServiceRequest.objects.filter(escalates_at__lte=timezone.now())
    before = due.count()
    assert tasks.escalate_due() == 500
    assert due.count() == before - 500


def test_what_waits_is_counted(city: SmallCity, dispatcher: User) -> None:
    def waiting() -> dict[str, tuple[float, float]]:
        counts, ages, *_ = WaitingWork().collect()
        older = {sample.labels["work"]: sample.value for sample in ages.samples}
        return {sample.labels["work"]: (sample.value, older[sample.labels["work"]]) for sample in counts.samples}

    rows = [report(city, guest()) for _ in range(3)]
    assert (waiting()["escalations"], waiting()["holds"]) == ((0, 0), (0, 0))
    hours_pass(rows[0], 81)
    for row in rows[1:]:
        move(row, dispatcher, S.ON_HOLD, text="Ice.", reason="weather")
        ServiceRequest.objects.filter(pk=row.pk).update(hold_until=timezone.now() - 2 * HOUR)
    found = waiting()
    assert (found["escalations"][0], found["holds"][0]) == (1, 2)
    assert found["escalations"][1] == pytest.approx(3600, abs=30)
    assert found["holds"][1] == pytest.approx(7200, abs=30)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_it_once() -> None:
    row = report(city_with_steps(), guest())
    hours_pass(row, 81)
    first, second = one_behind_the_other(lambda: escalation.escalate(row.pk), lambda: escalation.escalate(row.pk))
    assert (first.result(), second.result()) == (True, False)
    assert len(escalations(row)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_tell_each_once() -> None:
    city = city_with_steps()
    rows = [report(city, guest()) for _ in range(10)]
    for row in rows:
        hours_pass(row, 101)
    assert sum(in_parallel([tasks.escalate_due, tasks.escalate_due])) == 10
    assert [len(escalations(row)) for row in rows] == [1] * 10
