"""People who join and take apart the same requests at the same moment."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest

from accounts.models import User
from requests311.actions.follow import follow
from requests311.actions.merge import merge
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.errors import DomainError
from requests311.models import Follower, Merge, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Status
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import report
from tests.requests311.working import followers, fresh, merged, seen
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def dispatcher(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def joins(one: ServiceRequest, into: ServiceRequest, by: User) -> Callable[[], str]:
    """A call that joins the two as they are now; "won", or the code of the refusal."""
    return partial(outcome, partial(merge, by=Actor(by), **seen(one), into=str(into.pk)))


def takes_out(one: ServiceRequest, by: User) -> Callable[[], str]:
    return partial(outcome, partial(unmerge, by=Actor(by), **seen(one)))


def outcome(call: Callable[[], object]) -> str:
    """Whatever is no refusal of ours (a deadlock, a broken constraint) fails the test."""
    try:
        call()
    except DomainError as refusal:
        return refusal.code
    return "won"


def check(*requests: ServiceRequest) -> None:
    """Nobody walks in a circle, and every duplicate names one that is none, by a merge that was not undone."""
    kept_by: dict[UUID, UUID | None] = dict(ServiceRequest.objects.values_list("pk", "duplicate_of"))
    for request in requests:
        row = fresh(request)
        assert (row.status == Status.DUPLICATE) == (row.duplicate_of_id is not None)
        walked, here = {row.pk}, kept_by[row.pk]
        while here is not None:
            assert here not in walked
            walked.add(here)
            here = kept_by[here]
        assert len(walked) <= 2
        assert Merge.objects.filter(duplicate=row, undone_at=None).count() == int(row.duplicate_of_id is not None)


def test_of_two_who_join_them_crosswise_one_wins(city: SmallCity) -> None:
    people = [dispatcher(city) for _ in range(2)]
    for _ in range(ROUNDS):
        first, second = report(city, guest()), report(city, guest())
        outcomes = Counter(in_parallel([joins(first, second, people[0]), joins(second, first, people[1])]))
        assert outcomes["won"] == 1
        assert set(outcomes) <= {"won", "stale_version", "cannot_merge"}
        check(first, second)
        assert [fresh(first).status, fresh(second).status].count(Status.DUPLICATE) == 1


def test_of_two_who_join_the_same_one_wins(city: SmallCity) -> None:
    people = [dispatcher(city) for _ in range(2)]
    for _ in range(ROUNDS):
        first, second, third = [report(city, guest()) for _ in range(3)]
        outcomes = Counter(in_parallel([joins(first, second, people[0]), joins(first, third, people[1])]))
        assert outcomes == {"won": 1, "stale_version": 1}
        check(first, second, third)


def test_three_in_a_circle(city: SmallCity) -> None:
    people = [dispatcher(city) for _ in range(3)]
    for _ in range(ROUNDS):
        requests = [report(city, guest()) for _ in range(3)]
        calls = [joins(requests[at], requests[(at + 1) % 3], people[at]) for at in range(3)]
        outcomes = Counter(in_parallel(calls))
        assert 1 <= outcomes["won"] <= 2
        assert set(outcomes) <= {"won", "stale_version", "cannot_merge"}
        check(*requests)


def test_a_chain_grows_while_one_is_taken_out_of_it(city: SmallCity) -> None:
    people = [dispatcher(city) for _ in range(2)]
    for _ in range(ROUNDS):
        first, second, third = [report(city, guest()) for _ in range(3)]
        merged(first, second, people[0])
        outcomes = in_parallel([joins(second, third, people[0]), takes_out(first, people[1])])
        assert "won" in outcomes
        assert set(outcomes) <= {"won", "stale_version"}
        check(first, second, third)
        if outcomes[1] == "won":
            assert fresh(first).duplicate_of is None
            assert first.reporter not in {*followers(second), *followers(third)}
        else:
            assert fresh(first).duplicate_of == third
            assert first.reporter in followers(third)


def test_everybody_joins_everything(city: SmallCity) -> None:
    """Long chains in every order of ids, so that who was overtaken has to look for other rows to lock."""
    people = [dispatcher(city) for _ in range(6)]
    for number in range(ROUNDS):
        requests = [report(city, guest()) for _ in range(6)]
        step = 1 + number % 5
        calls = [joins(requests[at], requests[(at + step) % 6], people[at]) for at in range(6)]
        outcomes = Counter(in_parallel(calls))
        assert set(outcomes) <= {"won", "stale_version", "cannot_merge"}
        assert outcomes["won"] >= 1
        check(*requests)


def test_who_was_overtaken_gives_back_what_they_hold(city: SmallCity) -> None:
    """`first` went into `root`, which has the lower id, while somebody waited for it: they now lock `root` before."""
    boss, other = dispatcher(city), dispatcher(city)
    root, first, late = [report(city, guest()) for _ in range(3)]
    held, waiting = one_behind_the_other(
        partial(merge, by=Actor(boss), **seen(first), into=str(root.pk)), joins(late, first, other)
    )
    assert held.exception() is None
    assert waiting.result() == "won"
    assert fresh(late).duplicate_of == root
    check(root, first, late)


def test_who_follows_while_it_is_joined_follows_the_kept_one(city: SmallCity) -> None:
    boss, curious = dispatcher(city), guest()
    duplicate, kept = report(city, guest()), report(city, guest())
    held, waiting = one_behind_the_other(
        partial(merge, by=Actor(boss), **seen(duplicate), into=str(kept.pk)),
        partial(follow, by=curious, key=duplicate.number, supports=True),
    )
    assert held.exception() is None
    assert waiting.result().request_id == kept.pk
    follower = Follower.objects.get(user=curious)
    assert (follower.request, follower.supports, follower.merge) == (kept, True, None)


def test_who_follows_just_before_comes_along(city: SmallCity) -> None:
    boss, curious = dispatcher(city), guest()
    duplicate, kept = report(city, guest()), report(city, guest())
    held, waiting = one_behind_the_other(
        partial(follow, by=curious, key=duplicate.number), joins(duplicate, kept, boss)
    )
    assert held.exception() is None
    assert waiting.result() == "won"
    assert curious in followers(kept)
