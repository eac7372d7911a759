"""Residents hear of what others reported."""

from collections import Counter

import pytest

from accounts.models import User
from requests311.actions.ask import ask
from requests311.actions.comment import comment
from requests311.actions.follow import follow
from requests311.actions.note import note
from requests311.actions.prioritise import prioritise
from requests311.actions.unfollow import unfollow
from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import Follower
from requests311.policies import Role
from requests311.statuses import Priority, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest, resident
from tests.requests311.reporting import move, refused, report
from tests.requests311.working import followers, merged, quiet, seen, split_up, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def boss(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def test_twice_is_once_and_the_last_word_counts(city: SmallCity) -> None:
    request, curious = report(city, guest()), guest()
    first = follow(by=curious, key=request.number)
    assert (first.supports, first.merge) == (False, None)
    again = follow(by=curious, key=str(request.pk), supports=True)
    assert (again.pk, again.supports, again.since) == (first.pk, True, first.since)
    assert not follow(by=curious, key=request.number).supports
    assert Follower.objects.count() == 1


def test_and_no_more_is_no_more(city: SmallCity) -> None:
    request, curious, other = report(city, guest()), guest(), resident()
    for user in (curious, other):
        follow(by=user, key=request.number)
    for _ in range(2):
        unfollow(by=curious, key=request.number)
    assert set(followers(request)) == {other}


def test_nothing_of_it_changes_the_request(city: SmallCity) -> None:
    request, curious = report(city, guest()), guest()
    follow(by=curious, key=request.number)
    unfollow(by=curious, key=request.number)
    request.refresh_from_db()
    assert (request.version, request.events.count()) == (1, 1)


def test_private_ones_of_others_are_not_there(city: SmallCity) -> None:
    reporter = guest()
    request = report(city, reporter, service="heating")
    for key in (request.number, str(request.pk), "nonsense"):
        for call in (follow, unfollow):
            with refused(NotFound):
                call(by=resident(f"{len(key)}{call.__name__}@example.org"), key=key)
    follow(by=reporter, key=request.number)


def test_who_follows_a_duplicate_follows_the_kept_one(city: SmallCity, boss: User) -> None:
    duplicate, kept, curious = report(city, guest()), report(city, guest()), guest()
    merged(duplicate, kept, boss)
    assert follow(by=curious, key=duplicate.number).request == kept
    assert curious in followers(kept)
    assert followers(duplicate) == {}


@pytest.mark.parametrize("by_which", [0, 1])
def test_and_hears_no_more_of_either(city: SmallCity, boss: User, by_which: int) -> None:
    duplicate, kept, curious = report(city, guest()), report(city, guest()), guest()
    follow(by=curious, key=duplicate.number)
    merged(duplicate, kept, boss)
    unfollow(by=curious, key=(duplicate, kept)[by_which].number)
    assert not Follower.objects.filter(user=curious).exists()


def test_followers_hear_what_everybody_may(city: SmallCity, boss: User) -> None:
    request, curious = report(city, guest()), guest()
    follow(by=curious, key=request.number)
    quiet(request)
    move(request, boss, Status.ACKNOWLEDGED)
    comment(by=Actor(boss), **seen(request), text="We come on Tuesday.")
    kinds = ["request_acknowledged", "request_commented"]
    assert Counter(told(request)) == {(who, kind): 1 for who in (curious, request.reporter) for kind in kinds}


def test_and_not_what_is_for_staff_or_for_the_reporter(city: SmallCity, boss: User) -> None:
    request, curious = report(city, guest()), guest()
    follow(by=curious, key=request.number)
    move(request, boss, Status.ACKNOWLEDGED)
    quiet(request)
    note(by=Actor(boss), **seen(request), text="The gate is locked.")
    prioritise(by=Actor(boss), **seen(request), priority=Priority.URGENT)
    split_up(request, boss, "parks")
    assert told(request) == []
    ask(by=Actor(boss), **seen(request), text="Where?")
    assert told(request) == [(request.reporter, "request_question")]


def test_who_did_it_themselves_is_not_told(city: SmallCity, boss: User) -> None:
    request = report(city, guest())
    follow(by=boss, key=request.number)
    quiet(request)
    move(request, boss, Status.ACKNOWLEDGED)
    assert told(request) == [(request.reporter, "request_acknowledged")]


def test_a_reporter_who_follows_their_own_is_told_once(city: SmallCity, boss: User) -> None:
    reporter = guest()
    request = report(city, reporter)
    follow(by=reporter, key=request.number)
    quiet(request)
    move(request, boss, Status.ACKNOWLEDGED)
    assert told(request) == [(reporter, "request_acknowledged")]
