"""One request becomes tasks for several departments, and is resolved when all of them are over."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from accounts.models import User
from requests311.actions.ask import ask
from requests311.actions.comment import comment
from requests311.actions.note import note
from requests311.actions.split import TASKS_AT_MOST, Part, split
from requests311.actions.transition import transition
from requests311.actors import Actor
from requests311.errors import (
    HasOpenTasks,
    IllegalTransition,
    Invalid,
    NobodyToAsk,
    NotAllowed,
    NotFound,
    StaleVersion,
)
from requests311.models import Audience, Event, EventKind, ServiceRequest, Visibility
from requests311.policies import Role
from requests311.queries.parts import read_tasks
from requests311.statuses import OPEN, Priority, Resolution, Status
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, photo, pointers, refused, report
from tests.requests311.working import fresh, last_event, quiet, seen, split_up, told

CONTACT = {"name": "Ada", "email": "ada@example.org", "phone": "+1 555 0100"}


@pytest.fixture
def city(db: None) -> SmallCity:
    return small_city()


@pytest.fixture
def boss(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def ended(task: ServiceRequest, by: User, resolution: str = "fixed") -> None:
    move(task, by, Status.ACKNOWLEDGED)
    move(task, by, Status.RESOLVED, resolution=resolution)


def unless_stale(call: Callable[[], ServiceRequest]) -> None:
    with suppress(StaleVersion):
        call()


def test_a_task_is_the_department_s_at_the_same_place(city: SmallCity, boss: User) -> None:
    request = report(city, guest(), address="Main St 1", contact=CONTACT)
    ServiceRequest.objects.filter(pk=request.pk).update(priority=Priority.URGENT)
    parks, roads = split_up(request, boss, "parks", "roads-east")
    assert (parks.department.code, roads.department.code) == ("parks", "roads-east")
    for task in (parks, roads):
        assert (task.parent, task.status, task.version) == (fresh(request), Status.SUBMITTED, 1)
        assert (task.location.coords, task.address, task.areas) == (
            request.location.coords, request.address, request.areas,
        )  # fmt: skip
        assert (task.priority, task.service, task.channel) == (Priority.URGENT, request.service, "split")
        assert task.due_at is not None
    assert parks.description == "Task of parks."
    assert parks.number != roads.number


def test_a_task_is_nobody_s_report(city: SmallCity, boss: User) -> None:
    (task,) = split_up(report(city, guest(), contact=CONTACT), boss, "parks")
    assert (task.reporter, task.contact, task.visibility) == (None, {}, Visibility.PRIVATE)


def test_a_task_may_be_another_service(city: SmallCity, boss: User) -> None:
    (task,) = split_up(report(city, guest()), boss, "roads", service="streetlight")
    assert task.service == city.services["streetlight"]
    assert task.due_at is not None
    assert (task.due_at - task.submitted_at).days >= 9


def test_the_request_says_so_to_staff_alone(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    (task,) = split_up(request, boss, "parks")
    event = last_event(request)
    assert (event.kind, event.audience, event.version) == (EventKind.SPLIT, Audience.STAFF, 2)
    assert event.data["tasks"] == [{"id": str(task.pk), "number": task.number}]
    made = last_event(task)
    assert (made.kind, made.audience, made.actor) == (EventKind.SUBMITTED, Audience.STAFF, boss)


def test_the_resident_hears_nothing_of_a_task(city: SmallCity, boss: User) -> None:
    request = report(city, guest(), contact=CONTACT)
    quiet(request)
    task, other = split_up(request, boss, "parks", "roads")
    move(task, boss, Status.ACKNOWLEDGED)
    comment(by=Actor(boss), **seen(task), text="The tree is down.")
    note(by=Actor(boss), **seen(task), text="The gate is locked.")
    move(task, boss, Status.ON_HOLD, text="It rains.")
    move(task, boss, Status.IN_PROGRESS)
    move(task, boss, Status.RESOLVED, resolution="fixed")
    with refused(NobodyToAsk):
        ask(by=Actor(boss), **seen(other), text="Where?")
    assert told(request, task, other) == []


def test_neither_the_resident_nor_others_see_a_task(city: SmallCity, boss: User) -> None:
    reporter = guest()
    (task,) = split_up(report(city, reporter), boss, "parks")
    others = person(role=Role.CREW, city=city, department="roads-east")
    for somebody in (reporter, guest(), others):
        assert not ServiceRequest.objects.visible_to(Actor(somebody)).filter(pk=task.pk).exists()


def test_its_department_s_crew_works_it(city: SmallCity, boss: User) -> None:
    crew = person(role=Role.CREW, city=city, department="parks")
    (task,) = split_up(report(city, guest()), boss, "parks")
    assert ServiceRequest.objects.visible_to(Actor(crew)).filter(pk=task.pk).exists()
    ended(task, crew)
    assert fresh(task).status == Status.RESOLVED


def test_the_request_s_staff_sees_what_became_of_each(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    tasks = split_up(request, boss, "parks", "roads-east")
    crew = person(role=Role.CREW, city=city, department="roads-west")
    ended(tasks[0], boss)
    found = read_tasks(request.number, actor=Actor(crew))
    assert [(task.pk, task.status) for task in found] == [(tasks[0].pk, "resolved"), (tasks[1].pk, "submitted")]
    for somebody in (guest(), person(role=Role.CREW, city=city, department="parks")):
        with refused(NotAllowed):
            read_tasks(request.number, actor=Actor(somebody))
    with refused(NotFound):
        read_tasks("nonsense", actor=Actor(crew))


def test_the_request_is_resolved_when_all_are_over(city: SmallCity, boss: User) -> None:
    reporter = guest()
    request = report(city, reporter)
    first, second, third = split_up(request, boss, "parks", "roads-east", "roads")
    move(request, boss, Status.ACKNOWLEDGED)
    ended(first, boss)
    move(second, boss, Status.REJECTED, text="Not needed.")
    quiet(request)
    assert fresh(request).status == Status.ACKNOWLEDGED
    ended(third, boss)
    request = fresh(request)
    assert (request.status, request.resolution) == (Status.RESOLVED, Resolution.FIXED)
    event = last_event(request)
    assert (event.actor, event.audience, event.from_status) == (None, Audience.PUBLIC, Status.ACKNOWLEDGED)
    assert told(request) == [(reporter, "request_resolved")]


@pytest.mark.parametrize(
    ("resolutions", "expected"),
    [
        (["nothing_found", "fixed"], "fixed"),
        (["temporary_repair", "no_action"], "temporary_repair"),
        (["nothing_found", "no_action"], "nothing_found"),
        (["referred", "no_action"], "referred"),
    ],
)
def test_what_was_done_counts(city: SmallCity, boss: User, resolutions: list[str], expected: str) -> None:
    request = report(city, guest())
    for task, resolution in zip(split_up(request, boss, "parks", "roads"), resolutions, strict=True):
        ended(task, boss, resolution)
    assert fresh(request).resolution == expected


def test_of_tasks_that_were_all_rejected_nothing_came(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    for task in split_up(request, boss, "parks", "roads"):
        move(task, boss, Status.REJECTED, text="Not needed.")
    assert (fresh(request).status, fresh(request).resolution) == (Status.RESOLVED, Resolution.NO_ACTION)


def test_one_that_nobody_had_looked_at_is_acknowledged_by_it(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    (task,) = split_up(request, boss, "parks")
    ended(task, boss)
    request = fresh(request)
    assert request.status == Status.RESOLVED
    assert request.acknowledged_at is not None


def test_one_on_hold_is_resolved_too(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    (task,) = split_up(request, boss, "parks")
    move(request, boss, Status.ACKNOWLEDGED)
    ask(by=Actor(boss), **seen(request), text="Where?")
    ended(task, boss)
    request = fresh(request)
    assert (request.status, request.hold_reason, request.hold_until) == (Status.RESOLVED, "", None)
    assert request.pauses[0][1] is not None


@pytest.mark.parametrize("status", sorted(set(Status) - OPEN))
def test_one_that_is_over_stays_as_it_is(city: SmallCity, boss: User, status: Status) -> None:
    request = report(city, guest())
    (task,) = split_up(request, boss, "parks")
    force(request, status)
    ended(task, boss)
    assert fresh(request).status == status
    assert fresh(request).version == 2


def test_nobody_resolves_it_by_hand_before(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    (task,) = split_up(request, boss, "parks")
    move(request, boss, Status.ACKNOWLEDGED)
    with refused(HasOpenTasks):
        move(request, boss, Status.RESOLVED, resolution="fixed")
    ended(task, boss)
    move(request, boss, Status.ACKNOWLEDGED, text="It is back.")
    move(request, boss, Status.RESOLVED, resolution="fixed")


def test_at_most_20_in_all(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    split_up(request, boss, *["parks"] * (TASKS_AT_MOST - 1))
    with refused(Invalid) as info:
        split_up(request, boss, "parks", "roads")
    assert pointers(info) == [("/parts", "too_many")]
    split_up(request, boss, "parks")
    with refused(Invalid):
        split_up(request, boss, "parks")
    assert ServiceRequest.objects.filter(parent=request).count() == 20


def test_no_parts_are_refused(city: SmallCity, boss: User) -> None:
    with refused(Invalid) as info:
        split(by=Actor(boss), **seen(report(city, guest())), parts=[])
    assert pointers(info) == [("/parts", "too_many")]


def test_a_task_is_not_split_again(city: SmallCity, boss: User) -> None:
    (task,) = split_up(report(city, guest()), boss, "parks")
    with refused(Invalid) as info:
        split_up(task, boss, "roads")
    assert pointers(info) == [("/parts", "task_of_a_task")]


def test_what_there_is_not(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    for part, pointer in ((Part("nonsense", "x"), "department"), (Part("parks", "x", "nonsense"), "service")):
        with refused(Invalid) as info:
            split(by=Actor(boss), **seen(request), parts=[Part("parks", "x"), part])
        assert pointers(info) == [(f"/parts/1/{pointer}", "unknown_value")]
    assert not ServiceRequest.objects.filter(parent=request).exists()


@pytest.mark.parametrize("status", sorted(set(Status) - OPEN))
def test_one_that_is_over_has_no_tasks(city: SmallCity, boss: User, status: Status) -> None:
    with refused(IllegalTransition):
        split_up(force(report(city, guest()), status), boss, "parks")


def test_who_may_not(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    assert request.reporter is not None
    for somebody in (person(role=Role.CREW, city=city, department="roads-west"), request.reporter, guest()):
        with refused(NotAllowed):
            split_up(request, somebody, "parks")
    with refused(StaleVersion):
        split(by=Actor(boss), key=request.number, if_version=7, parts=[Part("parks", "x")])


def test_photos_stay_with_the_request(city: SmallCity, boss: User) -> None:
    reporter = guest()
    shown = photo(reporter)
    request = report(city, reporter, photos=[shown.pk])
    split_up(request, boss, "parks")
    shown.refresh_from_db()
    assert shown.request_id == request.pk


@pytest.mark.django_db(transaction=True)
def test_two_last_tasks_at_the_same_moment_resolve_it_once() -> None:
    city = small_city()
    boss = person(role=Role.DISPATCHER, city=city)

    def resolves(task: ServiceRequest) -> Callable[[], ServiceRequest]:
        move(task, boss, Status.ACKNOWLEDGED)
        return partial(transition, by=Actor(boss), **seen(task), to=Status.RESOLVED, resolution="fixed")

    for _ in range(10):
        request = report(city, guest())
        tasks = split_up(request, boss, "parks", "roads")
        in_parallel([resolves(task) for task in tasks])
        assert fresh(request).status == Status.RESOLVED
        moves = Counter(Event.objects.filter(request=request).values_list("to_status", flat=True))
        assert moves["resolved"] == 1


@pytest.mark.django_db(transaction=True)
def test_a_task_more_and_the_last_one_over_at_the_same_moment() -> None:
    """Either the request waits for the new task, or there is none."""
    city = small_city()
    boss = person(role=Role.DISPATCHER, city=city)
    for _ in range(10):
        request = report(city, guest())
        (task,) = split_up(request, boss, "parks")
        move(task, boss, Status.ACKNOWLEDGED)
        ends = partial(transition, by=Actor(boss), **seen(task), to=Status.RESOLVED, resolution="fixed")
        more = partial(split, by=Actor(boss), **seen(request), parts=[Part("roads", "More.")])

        in_parallel([partial(unless_stale, ends), partial(unless_stale, more)])
        tasks = ServiceRequest.objects.filter(parent=request)
        is_open = tasks.filter(status__in=OPEN).exists()
        assert (fresh(request).status in OPEN) == is_open
