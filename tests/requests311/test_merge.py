"""Two reports of the same thing become one."""

from collections import Counter

import pytest

from accounts.models import User
from requests311.actions.follow import follow
from requests311.actions.merge import merge
from requests311.actions.unfollow import unfollow
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.errors import CannotMerge, HasOpenTasks, Invalid, NotAllowed, NotFound, StaleVersion
from requests311.models import Audience, Event, EventKind, Merge, PhotoAudience, ServiceRequest, Visibility
from requests311.policies import ROLES, Permission, Role
from requests311.queries.moves import read_moves
from requests311.statuses import OPEN, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest, resident
from tests.requests311.reporting import force, move, photo, pointers, refused, report
from tests.requests311.working import followers, fresh, last_event, merged, quiet, seen, split_up, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def boss(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def private(request: ServiceRequest) -> ServiceRequest:
    ServiceRequest.objects.filter(pk=request.pk).update(visibility=Visibility.PRIVATE)
    return fresh(request)


def resolved(request: ServiceRequest, by: User) -> list[tuple[object, str]]:
    """Resolves it; who is told of that."""
    move(request, by, Status.ACKNOWLEDGED)
    quiet(*ServiceRequest.objects.all())
    move(request, by, Status.RESOLVED, resolution="fixed")
    return told(*ServiceRequest.objects.all())


def test_the_duplicate_names_the_kept_one(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    merged(duplicate, kept, boss)
    duplicate, kept = fresh(duplicate), fresh(kept)
    assert (duplicate.status, duplicate.duplicate_of, duplicate.version) == (Status.DUPLICATE, kept, 2)
    assert duplicate.closed_at is not None
    assert (kept.status, kept.duplicate_of, kept.version) == (Status.SUBMITTED, None, 2)


def test_both_say_so_in_their_history(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    merged(duplicate, kept, boss)
    one, other = last_event(duplicate), last_event(kept)
    assert (one.kind, one.audience, one.actor) == (EventKind.STATUS_CHANGED, Audience.PUBLIC, boss)
    assert (one.from_status, one.to_status) == (Status.SUBMITTED, Status.DUPLICATE)
    assert (one.data["into"], one.data["into_number"]) == (str(kept.pk), kept.number)
    assert (other.kind, other.audience, other.actor) == (EventKind.MERGED, Audience.STAFF, boss)
    assert (other.data["duplicate"], other.data["duplicate_number"]) == (str(duplicate.pk), duplicate.number)


def test_the_duplicate_s_reporter_follows_and_supports_the_kept_one(city: SmallCity, boss: User) -> None:
    reporter = guest()
    duplicate, kept = report(city, reporter), report(city, guest())
    merged(duplicate, kept, boss)
    assert followers(kept) == {reporter: True}


def test_followers_and_supporters_go_along(city: SmallCity, boss: User) -> None:
    reporter, curious, bothered = guest(), guest(), resident()
    duplicate, kept = report(city, reporter), report(city, guest())
    follow(by=curious, key=duplicate.number)
    follow(by=bothered, key=duplicate.number, supports=True)
    merged(duplicate, kept, boss)
    assert followers(kept) == {reporter: True, curious: False, bothered: True}


def test_who_follows_the_kept_one_already_stays_as_they_are(city: SmallCity, boss: User) -> None:
    both = guest()
    duplicate, kept = report(city, guest()), report(city, guest())
    follow(by=both, key=duplicate.number)
    follow(by=both, key=kept.number, supports=True)
    merged(duplicate, kept, boss)
    assert followers(kept)[both]


def test_who_comes_with_two_supports_where_they_did_for_one(city: SmallCity, boss: User) -> None:
    both = guest()
    first, second, kept = report(city, guest()), report(city, guest()), report(city, guest())
    follow(by=both, key=first.number)
    follow(by=both, key=second.number, supports=True)
    merged(first, kept, boss)
    assert not followers(kept)[both]
    merged(second, kept, boss)
    assert followers(kept)[both]


def test_who_reported_both_does_not_follow_themselves(city: SmallCity, boss: User) -> None:
    reporter = guest()
    duplicate, kept = report(city, reporter), report(city, reporter)
    merged(duplicate, kept, boss)
    assert followers(kept) == {}


def test_photos_go_along(city: SmallCity, boss: User) -> None:
    reporter = guest()
    shown = photo(reporter)
    duplicate, kept = report(city, reporter, photos=[shown.pk]), report(city, guest())
    merged(duplicate, kept, boss)
    shown.refresh_from_db()
    assert shown.request_id == kept.pk
    assert Merge.objects.get().photos == [shown.pk]


def test_what_only_staff_sees_stays(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    noted = photo(boss, request=duplicate, audience=PhotoAudience.STAFF)
    merged(duplicate, kept, boss)
    noted.refresh_from_db()
    assert (noted.request_id, noted.audience) == (duplicate.pk, PhotoAudience.STAFF)


@pytest.mark.parametrize("kept_is", [Visibility.PUBLIC, Visibility.PRIVATE])
def test_photos_of_a_private_report_are_shown_to_nobody_else(city: SmallCity, boss: User, kept_is: Visibility) -> None:
    reporter = guest()
    secret = photo(reporter)
    duplicate, kept = private(report(city, reporter, photos=[secret.pk])), report(city, guest())
    if kept_is == Visibility.PRIVATE:
        private(kept)
    merged(duplicate, kept, boss)
    secret.refresh_from_db()
    assert secret.request_id == duplicate.pk


def test_nor_through_one_in_between(city: SmallCity, boss: User) -> None:
    reporter = guest()
    secret = photo(reporter)
    first, second = private(report(city, reporter, photos=[secret.pk])), private(report(city, reporter))
    kept = report(city, guest())
    merged(first, second, boss)
    secret.refresh_from_db()
    assert secret.request_id == second.pk
    merged(second, kept, boss)
    secret.refresh_from_db()
    assert secret.request_id == second.pk


def test_everybody_who_reported_it_is_told_once_that_it_is_resolved(city: SmallCity, boss: User) -> None:
    reporters = [guest() for _ in range(4)]
    kept, *duplicates = [report(city, reporter) for reporter in reporters]
    for duplicate in duplicates:
        merged(duplicate, kept, boss)
    assert Counter(resolved(kept, boss)) == {(reporter, "request_resolved"): 1 for reporter in reporters}


def test_also_through_chains(city: SmallCity, boss: User) -> None:
    reporters = [guest() for _ in range(4)]
    first, second, third, last = [report(city, reporter) for reporter in reporters]
    merged(first, second, boss)
    merged(second, third, boss)
    merged(third, last, boss)
    assert Counter(resolved(last, boss)) == {(reporter, "request_resolved"): 1 for reporter in reporters}


def test_also_who_reported_several_of_them(city: SmallCity, boss: User) -> None:
    often, once = guest(), guest()
    first, second, third, kept = [report(city, by) for by in (often, often, once, often)]
    merged(first, second, boss)
    merged(second, third, boss)
    merged(third, kept, boss)
    assert Counter(resolved(kept, boss)) == {(often, "request_resolved"): 1, (once, "request_resolved"): 1}


def test_who_wants_to_hear_no_more_is_not_told_through_a_chain(city: SmallCity, boss: User) -> None:
    gone, reporter, last = guest(), guest(), guest()
    first, second, third = report(city, gone), report(city, reporter), report(city, last)
    merged(first, second, boss)
    unfollow(by=gone, key=second.number)
    merged(second, third, boss)
    assert set(followers(third)) == {reporter}


def test_the_duplicate_s_people_are_told_that_it_is_one(city: SmallCity, boss: User) -> None:
    reporter, curious, other = guest(), guest(), guest()
    duplicate, kept = report(city, reporter), report(city, other)
    follow(by=curious, key=duplicate.number)
    quiet(duplicate, kept)
    merged(duplicate, kept, boss)
    assert Counter(told(duplicate, kept)) == {(reporter, "request_duplicate"): 1, (curious, "request_duplicate"): 1}


def test_what_was_joined_before_goes_along_to_the_root(city: SmallCity, boss: User) -> None:
    first, second, third = [report(city, guest()) for _ in range(3)]
    merged(first, second, boss)
    merged(second, third, boss)
    assert fresh(first).duplicate_of == fresh(second).duplicate_of == third
    assert set(followers(third)) == {first.reporter, second.reporter}


def test_into_a_duplicate_goes_to_the_one_that_is_kept(city: SmallCity, boss: User) -> None:
    first, second, third = [report(city, guest()) for _ in range(3)]
    merged(second, third, boss)
    merged(first, second, boss)
    assert fresh(first).duplicate_of == third
    assert set(followers(third)) == {first.reporter, second.reporter}
    assert followers(second) == {}


def test_a_loop_is_refused(city: SmallCity, boss: User) -> None:
    first, second, third = [report(city, guest()) for _ in range(3)]
    merged(first, second, boss)
    merged(second, third, boss)
    for into in (first, second, third):
        with refused(CannotMerge):
            merged(third, into, boss)


def test_across_jurisdictions_is_refused(city: SmallCity, boss: User) -> None:
    elsewhere = small_city("elsewhere", (-90.0, 40.0))
    duplicate, kept = report(city, guest()), report(elsewhere, guest())
    with refused(CannotMerge):
        merged(duplicate, kept, boss)
    both = person(role=Role.DISPATCHER, city=elsewhere)
    both.memberships.create(jurisdiction=city.jurisdiction, role=Role.DISPATCHER)
    with refused(CannotMerge):
        merged(duplicate, kept, both)


@pytest.mark.parametrize("status", sorted(set(Status) - OPEN))
def test_only_an_open_one_takes_others_in(city: SmallCity, boss: User, status: Status) -> None:
    duplicate, kept = report(city, guest()), force(report(city, guest()), status)
    with refused(CannotMerge):
        merged(duplicate, kept, boss)
    with refused(CannotMerge):
        merged(kept, duplicate, boss)
    assert fresh(duplicate).status == Status.SUBMITTED


@pytest.mark.parametrize("status", sorted(OPEN))
def test_every_open_one_can_be_joined(city: SmallCity, boss: User, status: Status) -> None:
    duplicate, kept = force(report(city, guest()), status), force(report(city, guest()), status)
    merged(duplicate, kept, boss)
    assert fresh(duplicate).status == Status.DUPLICATE


def test_a_task_is_joined_to_nothing_and_takes_nothing_in(city: SmallCity, boss: User) -> None:
    request, other = report(city, guest()), report(city, guest())
    (task,) = split_up(request, boss, "parks")
    for one, into in ((task, other), (other, task), (task, request)):
        with refused(CannotMerge):
            merged(one, into, boss)


def test_one_with_open_tasks_is_not_joined_to_another(city: SmallCity, boss: User) -> None:
    request, other = report(city, guest()), report(city, guest())
    split_up(request, boss, "parks")
    with refused(HasOpenTasks):
        merged(request, other, boss)
    merged(other, request, boss)
    assert fresh(other).duplicate_of == request


def test_into_what_there_is_not_or_what_is_not_theirs_to_see(city: SmallCity, boss: User) -> None:
    elsewhere = small_city("elsewhere", (-90.0, 40.0))
    request, hidden = report(city, guest()), private(report(elsewhere, guest()))
    for into in (hidden.number, str(hidden.pk), "nonsense"):
        with refused(Invalid) as info:
            merge(by=Actor(boss), **seen(request), into=into)
        assert pointers(info) == [("/into", "unknown_value")]


def test_a_private_one_of_others_is_not_found(city: SmallCity, boss: User) -> None:
    elsewhere = small_city("elsewhere", (-90.0, 40.0))
    hidden, kept = private(report(elsewhere, guest())), report(city, guest())
    with refused(NotFound):
        merged(hidden, kept, boss)


@pytest.mark.parametrize("role", list(Role))
def test_who_may(city: SmallCity, role: Role) -> None:
    department = "roads-west" if role in (Role.CREW, Role.MANAGER) else None
    somebody = person(role=role, city=city, department=department)
    duplicate, kept = report(city, guest()), report(city, guest())
    assert (Permission.MERGE in ROLES[role]) == (role in (Role.DISPATCHER, Role.MANAGER, Role.ADMIN))
    if Permission.MERGE in ROLES[role]:
        merged(duplicate, kept, somebody)
        assert fresh(duplicate).duplicate_of == kept
    else:
        with refused(NotAllowed):
            merged(duplicate, kept, somebody)


def test_a_manager_joins_nothing_to_a_request_of_another_department(city: SmallCity) -> None:
    manager = person(role=Role.MANAGER, city=city, department="roads-west")
    own, other = report(city, guest()), report(city, guest(), ward="east")
    for one, into in ((own, other), (other, own)):
        with refused(NotAllowed):
            merged(one, into, manager)


def test_the_reporter_may_not(city: SmallCity) -> None:
    reporter = guest()
    duplicate, kept = report(city, reporter), report(city, reporter)
    with refused(NotAllowed):
        merged(duplicate, kept, reporter)


def test_who_saw_an_older_one_is_refused(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    move(duplicate, boss, Status.ACKNOWLEDGED)
    with refused(StaleVersion):
        merge(by=Actor(boss), key=duplicate.number, if_version=1, into=kept.number)
    assert Event.objects.filter(request=kept).count() == 1


def test_the_kept_one_is_not_its_reporter_s_alone(city: SmallCity, boss: User) -> None:
    reporter = guest()
    duplicate, kept = report(city, guest()), report(city, reporter)
    merged(duplicate, kept, boss)
    with refused(NotAllowed):
        move(kept, reporter, Status.WITHDRAWN)
    assert Status.WITHDRAWN not in [one.to for one in read_moves(kept.number, actor=Actor(reporter)).moves]
    unmerge(by=Actor(boss), key=duplicate.number, if_version=fresh(duplicate).version)
    assert Status.WITHDRAWN in [one.to for one in read_moves(kept.number, actor=Actor(reporter)).moves]
    assert move(kept, reporter, Status.WITHDRAWN).status == Status.WITHDRAWN
