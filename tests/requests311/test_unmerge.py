"""Two reports that were taken for one are two again, and as they were."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from requests311.actions.ask import ask
from requests311.actions.follow import follow
from requests311.actions.transition import transition
from requests311.actions.unfollow import unfollow
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.errors import CannotMerge, NotAllowed, NotFound, StaleVersion
from requests311.models import Audience, EventKind, Merge, Photo, ServiceRequest, Visibility
from requests311.policies import Role
from requests311.statuses import OPEN, HoldReason, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, photo, refused, report
from tests.requests311.working import followers, fresh, last_event, merged, quiet, seen, told, unmerged

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def boss(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def columns(request: ServiceRequest) -> dict[str, Any]:
    """The whole row but for what every change moves."""
    row = ServiceRequest.objects.filter(pk=request.pk).values().get()
    return {name: value for name, value in row.items() if name not in ("version", "updated_at")}


@pytest.mark.parametrize("status", sorted(OPEN))
def test_it_is_as_it_was(city: SmallCity, boss: User, status: Status) -> None:
    duplicate, kept = force(report(city, guest()), status), report(city, guest())
    before = columns(duplicate), columns(kept)
    merged(duplicate, kept, boss)
    assert columns(duplicate) != before[0]
    unmerged(duplicate, boss)
    assert (columns(duplicate), columns(kept)) == before


def test_also_on_hold(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    move(duplicate, boss, Status.ACKNOWLEDGED)
    until = timezone.now() + timedelta(days=2)
    transition(
        by=Actor(boss), **seen(duplicate), to=Status.ON_HOLD, text="It rains.", reason=HoldReason.WEATHER, until=until
    )
    before = columns(duplicate)
    assert (before["hold_until"], before["hold_reason"], before["held_from"]) == (until, "weather", "acknowledged")
    merged(duplicate, kept, boss)
    assert fresh(duplicate).hold_until is None
    unmerged(duplicate, boss)
    assert columns(duplicate) == before


def test_also_while_the_reporter_is_asked_and_the_clock_stands(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    move(duplicate, boss, Status.ACKNOWLEDGED)
    ask(by=Actor(boss), **seen(duplicate), text="Where exactly?")
    before = columns(duplicate)
    assert before["pauses"][0][1] is None
    merged(duplicate, kept, boss)
    assert columns(duplicate)["pauses"][0][1] is not None
    unmerged(duplicate, boss)
    assert columns(duplicate) == before


def test_both_say_so_in_their_history(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    merged(duplicate, kept, boss)
    unmerged(duplicate, boss)
    one, other = last_event(duplicate), last_event(kept)
    assert (one.kind, one.audience, one.from_status, one.to_status) == (
        EventKind.STATUS_CHANGED, Audience.PUBLIC, Status.DUPLICATE, Status.SUBMITTED,
    )  # fmt: skip
    assert (other.kind, other.audience) == (EventKind.UNMERGED, Audience.STAFF)
    assert other.data["duplicate_number"] == duplicate.number
    assert Merge.objects.get().undone_at is not None


def test_photos_go_back(city: SmallCity, boss: User) -> None:
    one, other = guest(), guest()
    theirs, kept_s = photo(one), photo(other)
    duplicate, kept = report(city, one, photos=[theirs.pk]), report(city, other, photos=[kept_s.pk])
    merged(duplicate, kept, boss)
    unmerged(duplicate, boss)
    assert [shown.pk for shown in Photo.objects.filter(request=duplicate)] == [theirs.pk]
    assert [shown.pk for shown in Photo.objects.filter(request=kept)] == [kept_s.pk]


def test_who_came_with_it_goes_and_who_came_by_themselves_stays(city: SmallCity, boss: User) -> None:
    own, came, both = guest(), guest(), guest()
    duplicate, kept = report(city, guest()), report(city, guest())
    for person_, requests in ((own, [kept]), (came, [duplicate]), (both, [duplicate, kept])):
        for request in requests:
            follow(by=person_, key=request.number)
    before = followers(duplicate), followers(kept)
    merged(duplicate, kept, boss)
    assert set(followers(kept)) == {own, came, both, duplicate.reporter}
    unmerged(duplicate, boss)
    assert (followers(duplicate), followers(kept)) == before


def test_who_followed_it_afterwards_stays(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    late = guest()
    merged(duplicate, kept, boss)
    follow(by=late, key=kept.number)
    assert duplicate.reporter is not None
    follow(by=duplicate.reporter, key=kept.number)
    unmerged(duplicate, boss)
    assert set(followers(kept)) == {late, duplicate.reporter}


def test_who_comes_with_another_too_stays(city: SmallCity, boss: User) -> None:
    reporter, curious = guest(), guest()
    first, second, kept = report(city, reporter), report(city, reporter), report(city, guest())
    follow(by=curious, key=first.number, supports=True)
    follow(by=curious, key=second.number)
    merged(first, kept, boss)
    merged(second, kept, boss)
    unmerged(first, boss)
    assert followers(kept) == {reporter: True, curious: False}
    unmerged(second, boss)
    assert followers(kept) == {}


def test_what_went_along_goes_back_with_it(city: SmallCity, boss: User) -> None:
    people = [guest() for _ in range(3)]
    shown = [photo(by) for by in people]
    first, second, third = [report(city, by, photos=[one.pk]) for by, one in zip(people, shown, strict=True)]
    merged(first, second, boss)
    before = columns(first), columns(second), columns(third), followers(second), followers(third)
    merged(second, third, boss)
    unmerged(second, boss)
    assert (columns(first), columns(second), columns(third), followers(second), followers(third)) == before
    assert set(Photo.objects.values_list("pk", "request")) == {
        (shown[0].pk, second.pk), (shown[1].pk, second.pk), (shown[2].pk, third.pk),
    }  # fmt: skip


def test_one_comes_out_from_under_a_chain(city: SmallCity, boss: User) -> None:
    people = [guest() for _ in range(4)]
    shown = [photo(by) for by in people]
    first, beside, second, third = [report(city, by, photos=[one.pk]) for by, one in zip(people, shown, strict=True)]
    curious = guest()
    follow(by=curious, key=first.number)
    before = columns(first), followers(first)
    merged(first, second, boss)
    merged(beside, second, boss)
    merged(second, third, boss)
    unmerged(first, boss)
    assert (columns(first), followers(first)) == before
    assert list(Photo.objects.filter(request=first)) == [shown[0]]
    assert set(followers(third)) == {people[1], people[2]}
    assert fresh(beside).duplicate_of == third
    unmerged(second, boss)
    assert (fresh(first).duplicate_of, fresh(beside).duplicate_of) == (None, second)
    assert (set(followers(second)), set(followers(third))) == ({people[1]}, set())
    assert set(Photo.objects.filter(request=second)) == {shown[1], shown[2]}


def test_what_was_joined_anew_meanwhile_stays_there(city: SmallCity, boss: User) -> None:
    reporter = guest()
    shown = photo(reporter)
    first, second, third = report(city, reporter, photos=[shown.pk]), report(city, guest()), report(city, guest())
    merged(first, second, boss)
    merged(second, third, boss)
    unmerged(first, boss)
    merged(first, third, boss)
    unmerged(second, boss)
    assert fresh(first).duplicate_of == third
    assert list(Photo.objects.filter(request=third)) == [shown]
    assert set(followers(third)) == {reporter}


def test_one_in_the_middle_of_a_long_chain(city: SmallCity, boss: User) -> None:
    first, second, third, last = [report(city, guest()) for _ in range(4)]
    merged(first, second, boss)
    merged(second, third, boss)
    merged(third, last, boss)
    unmerged(second, boss)
    assert [fresh(one).duplicate_of for one in (first, second, third)] == [second, None, last]
    assert set(followers(last)) == {third.reporter}
    assert set(followers(second)) == {first.reporter}
    unmerged(third, boss)
    assert [fresh(one).duplicate_of for one in (first, second, third)] == [second, None, None]
    assert followers(third) == followers(last) == {}


def test_photos_that_stayed_on_the_way_come_back_too(city: SmallCity, boss: User) -> None:
    """What is private in between keeps what it was given."""
    reporter = guest()
    shown = photo(reporter)
    first, second, third = report(city, reporter, photos=[shown.pk]), report(city, guest()), report(city, guest())
    ServiceRequest.objects.filter(pk=second.pk).update(visibility=Visibility.PRIVATE)
    merged(first, second, boss)
    merged(second, third, boss)
    unmerged(first, boss)
    assert list(Photo.objects.filter(request=first)) == [shown]


def test_who_had_heard_enough_does_not_come_back(city: SmallCity, boss: User) -> None:
    curious = guest()
    first, second, third = [report(city, guest()) for _ in range(3)]
    follow(by=curious, key=first.number)
    merged(first, second, boss)
    merged(second, third, boss)
    unfollow(by=curious, key=third.number)
    unmerged(second, boss)
    unmerged(first, boss)
    assert all(curious not in followers(one) for one in (first, second, third))


def test_afterwards_each_reporter_hears_of_their_own(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    merged(duplicate, kept, boss)
    unmerged(duplicate, boss)
    quiet(duplicate, kept)
    for request in (duplicate, kept):
        move(request, boss, Status.ACKNOWLEDGED)
    assert Counter(told(duplicate, kept)) == {
        (duplicate.reporter, "request_acknowledged"): 1,
        (kept.reporter, "request_acknowledged"): 1,
    }


def test_it_can_be_joined_and_taken_out_again_and_again(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    before = columns(duplicate), columns(kept)
    for _ in range(3):
        merged(duplicate, kept, boss)
        unmerged(duplicate, boss)
    assert (columns(duplicate), columns(kept)) == before
    merged(kept, duplicate, boss)
    assert fresh(kept).duplicate_of == duplicate


def test_the_kept_one_is_over_by_then(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    merged(duplicate, kept, boss)
    force(kept, Status.RESOLVED)
    unmerged(duplicate, boss)
    assert (fresh(duplicate).status, fresh(kept).status) == (Status.SUBMITTED, Status.RESOLVED)


def test_what_is_no_duplicate_is_refused(city: SmallCity, boss: User) -> None:
    for request in (report(city, guest()), force(report(city, guest()), Status.DUPLICATE)):
        with refused(CannotMerge):
            unmerged(request, boss)


def test_who_may_not(city: SmallCity, boss: User) -> None:
    duplicate, kept = report(city, guest()), report(city, guest())
    merged(duplicate, kept, boss)
    crew = person(role=Role.CREW, city=city, department="roads-west")
    assert duplicate.reporter is not None
    for somebody in (crew, duplicate.reporter, guest()):
        with refused(NotAllowed):
            unmerged(duplicate, somebody)
    with refused(NotFound):
        unmerge(by=Actor(boss), key="nonsense", if_version=1)
    with refused(StaleVersion):
        unmerge(by=Actor(boss), key=duplicate.number, if_version=1)
