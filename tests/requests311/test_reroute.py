"""A request goes to the department, or becomes the service, that it should have been from the start."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import deadlines
from requests311.actions.ask import ask
from requests311.actions.note import note
from requests311.actions.reroute import reroute
from requests311.actors import Actor
from requests311.errors import IllegalTransition, Invalid, NotAllowed, StaleVersion
from requests311.models import (
    Audience,
    Connector,
    Event,
    EventKind,
    Forward,
    ForwardState,
    Photo,
    PhotoAudience,
    Service,
    ServiceRequest,
    Team,
    Visibility,
)
from requests311.policies import Permission, Role
from requests311.promises import pauses_of
from requests311.queries.timeline import read_timeline
from requests311.statuses import OPEN, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, photo, pointers, refused, report
from tests.requests311.working import assigned, fresh, last_event, quiet, rerouted, seen, split_up, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def boss(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def working(city: SmallCity, boss: User, status: Status = Status.IN_PROGRESS) -> ServiceRequest:
    """A request that somebody of a team works on."""
    request = report(city, guest())
    team = Team.objects.create(department=city.departments["roads-west"], code="night", name="Night shift")
    crew = person(role=Role.CREW, city=city, department="roads-west")
    assigned(request, boss, assignee=crew.pk, team=team.code)
    if status != Status.ASSIGNED:
        move(request, boss, status, **({"text": "It rains."} if status == Status.ON_HOLD else {}))
    return fresh(request)


def test_another_department_has_it(city: SmallCity, boss: User) -> None:
    request = rerouted(report(city, guest()), boss, department="parks")
    row = fresh(request)
    assert (row.department.code, row.service.code, row.version) == ("parks", "pothole", 2)
    assert row.reason == "it was handed over to them"


def test_with_a_service_alone_the_routing_decides(city: SmallCity, boss: User) -> None:
    row = fresh(rerouted(report(city, guest()), boss, service="streetlight"))
    assert (row.department.code, row.service.code) == ("roads", "streetlight")
    assert row.reason


def test_both_at_once(city: SmallCity, boss: User) -> None:
    row = fresh(rerouted(report(city, guest()), boss, department="parks", service="streetlight"))
    assert (row.department.code, row.service.code) == ("parks", "streetlight")


def test_the_trace_keeps_both(city: SmallCity, boss: User) -> None:
    request = rerouted(report(city, guest()), boss, "A root lifts it.", department="parks", service="streetlight")
    event = last_event(request)
    assert (event.kind, event.audience, event.actor) == (EventKind.REROUTED, Audience.PUBLIC, boss)
    assert event.data["before"] == {"department": "roads-west", "service": "pothole"}
    assert (event.data["department_code"], event.data["service_code"]) == ("parks", "streetlight")
    assert (event.data["why"], event.text) == ("A root lifts it.", "")


def test_due_times_are_those_of_the_new_service_from_the_submission(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    submitted_at = timezone.now() - timedelta(days=5)
    ServiceRequest.objects.filter(pk=request.pk).update(submitted_at=submitted_at)
    Service.objects.filter(code="streetlight").update(first_response_after=4, first_response_unit="hours")
    row = fresh(rerouted(request, boss, service="streetlight"))
    service, jurisdiction = Service.objects.get(code="streetlight"), city.jurisdiction
    assert row.due_at == deadlines.due_at(service, jurisdiction, submitted_at=submitted_at)
    assert row.due_at != deadlines.due_at(service, jurisdiction, submitted_at=timezone.now())
    assert row.due_at != deadlines.due_at(request.service, jurisdiction, submitted_at=submitted_at)
    assert row.first_response_due_at == deadlines.first_response_due_at(
        service, jurisdiction, submitted_at=submitted_at
    )
    assert row.first_response_due_at is not None


def test_pauses_count(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    begin = timezone.now() - timedelta(days=4)
    pauses = [[begin.isoformat(), (begin + timedelta(days=2)).isoformat()]]
    ServiceRequest.objects.filter(pk=request.pk).update(submitted_at=begin - timedelta(days=1), pauses=pauses)
    row = fresh(rerouted(request, boss, service="streetlight"))
    without = deadlines.due_at(row.service, city.jurisdiction, submitted_at=row.submitted_at)
    expected = deadlines.due_at(row.service, city.jurisdiction, submitted_at=row.submitted_at, pauses=pauses_of(row))
    assert row.due_at == expected
    assert row.pauses == pauses
    assert without is not None
    assert expected is not None
    assert expected > without


@pytest.mark.parametrize("status", [Status.ASSIGNED, Status.IN_PROGRESS])
def test_it_is_nobody_s_in_another_department(city: SmallCity, boss: User, status: Status) -> None:
    request = working(city, boss, status)
    row = fresh(rerouted(request, boss, department="parks"))
    assert (row.assignee, row.team, row.status) == (None, None, Status.ACKNOWLEDGED)
    event = last_event(row)
    assert (event.from_status, event.to_status) == (status, Status.ACKNOWLEDGED)


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.ACKNOWLEDGED, Status.ON_HOLD])
def test_other_statuses_stay(city: SmallCity, boss: User, status: Status) -> None:
    row = fresh(rerouted(force(report(city, guest()), status), boss, department="parks"))
    assert row.status == status
    assert (last_event(row).from_status, last_event(row).to_status) == ("", "")


def test_from_hold_it_does_not_go_back_to_who_had_it(city: SmallCity, boss: User) -> None:
    request = working(city, boss, Status.ON_HOLD)
    assert request.held_from == Status.ASSIGNED
    row = fresh(rerouted(request, boss, department="parks"))
    assert (row.status, row.held_from, row.assignee) == (Status.ON_HOLD, Status.ACKNOWLEDGED, None)


def test_within_its_department_it_stays_whose_it_is(city: SmallCity, boss: User) -> None:
    request = working(city, boss)
    row = fresh(rerouted(request, boss, department="roads-west", service="streetlight"))
    assert (row.assignee, row.team, row.status) == (request.assignee, request.team, Status.IN_PROGRESS)
    assert row.service.code == "streetlight"


def test_the_resident_gets_one_sentence_without_the_reason(city: SmallCity, boss: User) -> None:
    from notifications.models import Message
    from notifications.rendering import render

    request = working(city, boss)
    quiet(request)
    rerouted(request, boss, "Their fault, as ever.", department="parks")
    assert told(request) == [(request.reporter, "request_rerouted")]
    message = Message.objects.get()
    for language in ("en", "es"):
        text = " ".join(render(message.kind, language, message.fallback_language, message.context))
        assert "Parks Department" in text
        assert "fault" not in text
    assert "fault" not in str(message.context) + str(message.data)


def test_the_reason_is_on_the_timeline_for_staff_alone(city: SmallCity, boss: User) -> None:
    request = rerouted(report(city, guest()), boss, "Their fault, as ever.", department="parks")
    parks = person(role=Role.CREW, city=city, department="parks")
    before = person(role=Role.CREW, city=city, department="roads-west")
    assert "fault" in str(read_timeline(request.number, actor=Actor(parks)))
    for somebody in (before, fresh(request).reporter, None):
        assert "fault" not in str(read_timeline(request.number, actor=Actor(somebody)))


def test_who_reads_what_is_for_staff_changes_at_once(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    note(by=Actor(boss), **seen(request), text="The gate is locked.")
    noted = photo(boss, request=request, audience=PhotoAudience.STAFF)
    old = person(role=Role.CREW, city=city, department="roads-west")
    new = person(role=Role.CREW, city=city, department="parks")

    def reads(somebody: User) -> list[bool]:
        actor = Actor(somebody)
        return [
            "gate" in str(read_timeline(request.number, actor=actor)),
            Photo.objects.visible_to(actor).filter(pk=noted.pk).exists(),
            Permission.READ_CONTACT in actor.permissions_on(fresh(request)),
        ]

    assert (reads(old), reads(new)) == ([True] * 3, [False] * 3)
    rerouted(request, boss, department="parks")
    assert (reads(old), reads(new)) == ([False] * 3, [True] * 3)


def test_a_private_service_makes_it_private_and_no_other_makes_it_public(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    row = fresh(rerouted(request, boss, service="heating"))
    assert row.visibility == Visibility.PRIVATE
    row = fresh(rerouted(request, boss, service="pothole"))
    assert (row.service.code, row.visibility) == ("pothole", Visibility.PRIVATE)


def test_what_there_is_not(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    for to, pointer in (({"department": "nonsense"}, "/department"), ({"service": "nonsense"}, "/service")):
        with refused(Invalid) as info:
            rerouted(request, boss, **to)
        assert pointers(info) == [(pointer, "unknown_value")]


def test_what_changes_nothing(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    for to, pointer in (
        ({"department": "roads-west"}, "/department"),
        ({"department": "roads-west", "service": "pothole"}, "/department"),
        ({"service": "pothole"}, "/service"),
    ):
        with refused(Invalid) as info:
            rerouted(request, boss, **to)
        assert pointers(info) == [(pointer, "unchanged")]
    assert fresh(request).version == 1


@pytest.mark.parametrize("status", sorted(set(Status) - OPEN))
def test_one_that_is_over_goes_nowhere(city: SmallCity, boss: User, status: Status) -> None:
    with refused(IllegalTransition):
        rerouted(force(report(city, guest()), status), boss, department="parks")


def test_who_may_not(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    crew = person(role=Role.CREW, city=city, department="roads-west")
    manager = person(role=Role.MANAGER, city=city, department="parks")
    for somebody in (crew, manager, fresh(request).reporter, guest()):
        assert somebody is not None
        with refused(NotAllowed):
            rerouted(request, somebody, department="parks")
    with refused(StaleVersion):
        reroute(by=Actor(boss), key=request.number, if_version=7, reason="x", department="parks")


def test_a_manager_hands_it_over_and_has_it_no_more(city: SmallCity) -> None:
    manager = person(role=Role.MANAGER, city=city, department="roads-west")
    request = rerouted(report(city, guest()), manager, department="parks")
    with refused(NotAllowed):
        rerouted(request, manager, department="roads-west")


def test_a_task_goes_to_another_department_too(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    (task,) = split_up(request, boss, "parks")
    quiet(request, task)
    rerouted(task, boss, department="roads-east")
    assert (fresh(task).department.code, fresh(task).parent) == ("roads-east", request)
    assert told(request, task) == []


def test_while_the_reporter_is_asked_the_clock_still_stands(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    ask(by=Actor(boss), **seen(request), text="Where?")
    row = fresh(rerouted(request, boss, department="parks"))
    assert row.pauses[-1][1] is None
    assert row.escalates_at is None


def connected(city: SmallCity, department: str) -> Connector:
    return Connector.objects.create(
        department=city.departments[department], kind="email", email=f"{department}@b.example"
    )


def test_the_new_department_s_system_gets_it_and_the_old_one_does_not(city: SmallCity, boss: User) -> None:
    old, new = connected(city, "roads-west"), connected(city, "parks")
    request = report(city, guest())
    told(request)
    assert list(Forward.objects.values_list("connector", "state")) == [(old.pk, ForwardState.WAITING)]
    rerouted(request, boss, department="parks")
    told(request)
    assert dict(Forward.objects.values_list("connector", "state")) == {
        old.pk: ForwardState.CANCELLED,
        new.pk: ForwardState.WAITING,
    }


def test_what_was_sent_already_stays_sent(city: SmallCity, boss: User) -> None:
    old = connected(city, "roads-west")
    request = report(city, guest())
    told(request)
    Forward.objects.update(state=ForwardState.ACCEPTED, sent_at=timezone.now())
    rerouted(request, boss, department="parks")
    told(request)
    assert list(Forward.objects.values_list("connector", "state")) == [(old.pk, ForwardState.ACCEPTED)]


def test_a_department_without_a_system_still_ends_the_waiting_of_the_old_one(city: SmallCity, boss: User) -> None:
    connected(city, "roads-west")
    request = report(city, guest())
    told(request)
    rerouted(request, boss, department="parks")
    told(request)
    assert [forward.state for forward in Forward.objects.all()] == [ForwardState.CANCELLED]


def test_back_again_it_waits_for_the_first_system(city: SmallCity, boss: User) -> None:
    old, new = connected(city, "roads-west"), connected(city, "parks")
    request = report(city, guest())
    told(request)
    for department in ("parks", "roads-west"):
        rerouted(request, boss, department=department)
        told(request)
    assert dict(Forward.objects.values_list("connector", "state")) == {
        old.pk: ForwardState.WAITING,
        new.pk: ForwardState.CANCELLED,
    }


def test_another_service_of_the_same_department_sends_nothing_anew(city: SmallCity, boss: User) -> None:
    old = connected(city, "roads-west")
    request = report(city, guest())
    told(request)
    rerouted(request, boss, department="roads-west", service="streetlight")
    told(request)
    assert list(Forward.objects.values_list("connector", "state")) == [(old.pk, ForwardState.WAITING)]
    assert Event.objects.filter(request=request, announced_at=None).count() == 0
