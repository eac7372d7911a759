"""A request becomes somebody's, or nobody's again, and more or less urgent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from requests311.actions.assign import assign
from requests311.actions.prioritise import prioritise
from requests311.actors import Actor
from requests311.errors import IllegalTransition, Invalid, NotAllowed, StaleVersion
from requests311.models import Audience, EventKind, Membership, ServiceRequest, Team
from requests311.policies import Role
from requests311.statuses import OPEN, Priority, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, pointers, refused, report
from tests.requests311.working import assigned, fresh, last_event, quiet, seen, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def boss(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


def team(city: SmallCity, department: str = "roads-west", code: str = "night", **more: object) -> Team:
    return Team.objects.create(department=city.departments[department], code=code, name=code, **more)


def test_one_that_was_acknowledged_becomes_assigned(city: SmallCity, boss: User, crew: User) -> None:
    request = report(city, guest())
    move(request, boss, Status.ACKNOWLEDGED)
    acknowledged_at = fresh(request).acknowledged_at
    row = fresh(assigned(request, boss, assignee=crew.pk))
    assert (row.status, row.assignee, row.team, row.version) == (Status.ASSIGNED, crew, None, 3)
    assert row.acknowledged_at == acknowledged_at


def test_one_that_nobody_had_looked_at_too(city: SmallCity, boss: User, crew: User) -> None:
    row = fresh(assigned(report(city, guest()), boss, assignee=crew.pk))
    assert (row.status, row.assignee) == (Status.ASSIGNED, crew)
    assert row.acknowledged_at is not None


def test_to_a_team_alone(city: SmallCity, boss: User) -> None:
    night = team(city)
    row = fresh(assigned(report(city, guest()), boss, team="night"))
    assert (row.status, row.assignee, row.team) == (Status.ASSIGNED, None, night)


def test_to_a_person_and_a_team(city: SmallCity, boss: User, crew: User) -> None:
    night = team(city)
    row = fresh(assigned(report(city, guest()), boss, assignee=crew.pk, team="night"))
    assert (row.assignee, row.team) == (crew, night)


def test_a_unit_uses_its_agency_s_teams_after_its_own(city: SmallCity, boss: User) -> None:
    of_agency, own = team(city, "roads"), team(city, "roads-west", "day")
    request = report(city, guest())
    assert fresh(assigned(request, boss, team="night")).team == of_agency
    assert fresh(assigned(request, boss, team="day")).team == own
    night = team(city, "roads-west")
    assert fresh(assigned(request, boss, team="night")).team == night


@pytest.mark.parametrize("status", [Status.ASSIGNED, Status.IN_PROGRESS])
def test_with_neither_it_is_nobody_s_again(city: SmallCity, boss: User, crew: User, status: Status) -> None:
    team(city)
    request = assigned(report(city, guest()), boss, assignee=crew.pk, team="night")
    if status == Status.IN_PROGRESS:
        move(request, boss, status)
    row = fresh(assigned(request, boss))
    assert (row.status, row.assignee, row.team) == (Status.ACKNOWLEDGED, None, None)
    assert row.acknowledged_at is not None


def test_the_resident_hears_that_it_is_assigned_and_not_to_whom(city: SmallCity, boss: User, crew: User) -> None:
    request = report(city, guest())
    quiet(request)
    assigned(request, boss, assignee=crew.pk)
    event = last_event(request)
    assert (event.kind, event.audience, event.to_status) == (EventKind.ASSIGNED, Audience.PUBLIC, Status.ASSIGNED)
    assert sorted(told(request), key=lambda pair: pair[1]) == [
        (request.reporter, "request_assigned"), (crew, "staff_assigned"),
    ]  # fmt: skip


def test_from_one_person_to_another_is_for_staff_alone(city: SmallCity, boss: User, crew: User) -> None:
    other = person(role=Role.CREW, city=city, department="roads")
    request = assigned(report(city, guest()), boss, assignee=crew.pk)
    quiet(request)
    row = fresh(assigned(request, boss, assignee=other.pk))
    event = last_event(request)
    assert (row.status, row.assignee) == (Status.ASSIGNED, other)
    assert (event.kind, event.audience, event.to_status) == (EventKind.ASSIGNED, Audience.STAFF, "")
    assert event.data["assignee"] == str(other.pk)
    assert event.data["before"] == {"assignee": str(crew.pk), "team": None}
    assert told(request) == [(other, "staff_assigned")]


@pytest.mark.parametrize("status", [Status.IN_PROGRESS, Status.ON_HOLD])
def test_who_works_on_it_changes_without_a_move(city: SmallCity, boss: User, crew: User, status: Status) -> None:
    night = team(city)
    request = force(report(city, guest()), status)
    row = fresh(assigned(request, boss, assignee=crew.pk, team="night"))
    assert (row.status, row.assignee, row.team) == (status, crew, night)
    assert last_event(row).audience == Audience.STAFF


def test_on_hold_it_goes_back_to_whose_it_is_then(city: SmallCity, boss: User, crew: User) -> None:
    request = report(city, guest())
    move(request, boss, Status.ACKNOWLEDGED)
    move(request, boss, Status.ON_HOLD, text="It rains.")
    assert fresh(assigned(request, boss, assignee=crew.pk)).held_from == Status.ASSIGNED
    row = fresh(assigned(request, boss))
    assert (row.status, row.held_from) == (Status.ON_HOLD, Status.ACKNOWLEDGED)


def test_a_team_s_lead_is_told(city: SmallCity, boss: User, crew: User) -> None:
    team(city, lead=crew)
    request = report(city, guest())
    quiet(request)
    assigned(request, boss, team="night")
    assert (crew, "staff_assigned") in told(request)


def test_who_does_not_work_there(city: SmallCity, boss: User, crew: User) -> None:
    elsewhere = small_city("elsewhere", (-90.0, 40.0))
    left = person(role=Role.CREW, city=city, department="roads-west")
    Membership.objects.filter(user=left).update(valid_to=timezone.now() - timedelta(days=1))
    gone = person(role=Role.CREW, city=city, department="roads-west")
    User.objects.filter(pk=gone.pk).update(is_active=False)
    request = report(city, guest())
    for somebody in (
        guest(),
        left,
        gone,
        person(role=Role.CREW, city=city, department="parks"),
        person(role=Role.CREW, city=elsewhere, department=elsewhere.departments["roads-west"]),
        person(role=Role.AUDITOR, city=city),
    ):
        with refused(Invalid) as info:
            assigned(request, boss, assignee=somebody.pk)
        assert pointers(info) == [("/assignee", "not_there")]
    assert fresh(request).version == 1


def test_a_team_of_another_department(city: SmallCity, boss: User) -> None:
    team(city, "parks")
    team(city, "roads-east", "east")
    team(city, "roads-west", "old", active=False)
    request = report(city, guest())
    for code in ("night", "east", "old", "nonsense"):
        with refused(Invalid) as info:
            assigned(request, boss, team=code)
        assert pointers(info) == [("/team", "unknown_value")]


@pytest.mark.parametrize("status", sorted(set(Status) - OPEN))
def test_one_that_is_over_is_nobody_s_work(city: SmallCity, boss: User, crew: User, status: Status) -> None:
    with refused(IllegalTransition):
        assigned(force(report(city, guest()), status), boss, assignee=crew.pk)


def test_who_may_not(city: SmallCity, boss: User, crew: User) -> None:
    request = report(city, guest())
    auditor = person(role=Role.AUDITOR, city=city)
    others = person(role=Role.CREW, city=city, department="parks")
    for somebody in (auditor, others, fresh(request).reporter, guest()):
        assert somebody is not None
        with refused(NotAllowed):
            assigned(request, somebody, assignee=crew.pk)
        with refused(NotAllowed):
            prioritise(by=Actor(somebody), **seen(request), priority=Priority.URGENT)
    with refused(StaleVersion):
        assign(by=Actor(boss), key=request.number, if_version=7, assignee=crew.pk)
    with refused(StaleVersion):
        prioritise(by=Actor(boss), key=request.number, if_version=7, priority=Priority.URGENT)


def test_crew_takes_it_themselves_and_is_not_told(city: SmallCity, crew: User) -> None:
    request = report(city, guest())
    quiet(request)
    assigned(request, crew, assignee=crew.pk)
    assert fresh(request).assignee == crew
    assert told(request) == [(request.reporter, "request_assigned")]


def test_it_becomes_more_urgent_and_only_staff_knows(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    quiet(request)
    prioritise(by=Actor(boss), **seen(request), priority=Priority.URGENT)
    row, event = fresh(request), last_event(request)
    assert (row.priority, row.version, row.status) == (Priority.URGENT, 2, Status.SUBMITTED)
    assert (event.kind, event.audience) == (EventKind.PRIORITISED, Audience.STAFF)
    assert (event.data["priority"], event.data["before"]) == ("urgent", "normal")
    assert told(request) == []
    assert ServiceRequest.objects.get(pk=request.pk).due_at == request.due_at
