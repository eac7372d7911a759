"""What another system says of a request: every status, whatever it says, whoever says it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from django.utils import timezone

from accounts.models import User
from requests311.actions.receive_update import receive_update
from requests311.actors import Actor
from requests311.errors import NotAllowed, NotFound
from requests311.models import Event, ReceivedUpdate, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, refused, report
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db

S = Status
Told = Literal["open", "closed"]
ENDED = [S.CLOSED, S.REJECTED, S.DUPLICATE, S.WITHDRAWN]


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def request_(city: SmallCity) -> ServiceRequest:
    return report(city, guest())


def receive(request: ServiceRequest, update_id: str = "u-1", **said: Any) -> Event | None:
    return receive_update(source="key:1", update_id=update_id, key=request.number, **said)


def moves(request: ServiceRequest) -> list[str]:
    """The statuses that it has gone through since it was submitted."""
    changes = Event.objects.filter(request=request, kind="status_changed").order_by("version")
    return list(changes.values_list("to_status", flat=True))


#: Where an update leads for those who work on it, by (status here, status there); what is missing is a comment only.
WORKING: dict[tuple[Status, Told], list[Status]] = {
    (S.SUBMITTED, "closed"): [S.ACKNOWLEDGED, S.RESOLVED],
    (S.ACKNOWLEDGED, "closed"): [S.RESOLVED],
    (S.ASSIGNED, "closed"): [S.RESOLVED],
    (S.IN_PROGRESS, "closed"): [S.RESOLVED],
    (S.ON_HOLD, "closed"): [S.ACKNOWLEDGED, S.RESOLVED],
    (S.RESOLVED, "open"): [S.ACKNOWLEDGED],
}
#: The same for the reporter.
REPORTING: dict[tuple[Status, Told], list[Status]] = {
    (S.SUBMITTED, "closed"): [S.WITHDRAWN],
    (S.ACKNOWLEDGED, "closed"): [S.WITHDRAWN],
    (S.RESOLVED, "open"): [S.ACKNOWLEDGED],
}


@pytest.mark.parametrize("told", ["open", "closed", None])
@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("who", ["system", "crew", "reporter"])
def test_every_status(city: SmallCity, request_: ServiceRequest, who: str, status: Status, told: Told | None) -> None:
    force(request_, status)
    people: dict[str, Callable[[], User | None]] = {
        "system": lambda: None,
        "crew": lambda: person(role=Role.CREW, city=city, department="roads-west"),
        "reporter": lambda: request_.reporter,
    }
    user = people[who]()
    table = REPORTING if who == "reporter" else WORKING
    expected = table.get((status, told), []) if told else []
    event = receive(request_, text="So it is.", status=told, by=Actor(user) if user else None)
    assert event is not None
    assert moves(request_) == expected
    assert (event.text, event.actor) == ("So it is.", user)
    assert event.kind == ("status_changed" if expected else "commented")
    request_.refresh_from_db()
    assert request_.status == (expected[-1] if expected else status)
    assert request_.version == event.version == 1 + max(1, len(expected))
    assert request_.updated_at >= request_.submitted_at
    if expected and expected[-1] == S.RESOLVED:
        assert request_.resolution == "referred"
    # What was made on the way says nothing.
    assert Event.objects.filter(request=request_).exclude(text="").count() == 1


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("told", ["open", "closed"])
def test_without_a_word(request_: ServiceRequest, status: Status, told: Told) -> None:
    force(request_, status)
    event = receive(request_, status=told)
    expected = WORKING.get((status, told), [])
    assert moves(request_) == expected
    assert (event is None) == (not expected)
    assert Event.objects.filter(kind="commented").count() == 0
    # It counts as received all the same: told again later it changes nothing.
    assert ReceivedUpdate.objects.count() == 1
    force(request_, S.ACKNOWLEDGED)
    assert receive(request_, status=told) is None


def test_opened_again_without_a_word_has_one(request_: ServiceRequest) -> None:
    force(request_, S.RESOLVED)
    event = receive(request_, status="open")
    assert event is not None
    assert event.text


def test_the_reporter_opens_again_within_the_window_only(city: SmallCity, request_: ServiceRequest) -> None:
    force(request_, S.RESOLVED)
    days = city.jurisdiction.reopen_days + 1
    ServiceRequest.objects.update(resolved_at=timezone.now() - timedelta(days=days))
    event = receive(request_, text="It is back.", status="open", by=Actor(request_.reporter))
    assert event is not None
    assert (event.kind, moves(request_)) == ("commented", [])


def test_once(request_: ServiceRequest) -> None:
    assert receive(request_, text="one") is not None
    assert receive(request_, text="two") is None
    assert receive_update(source="key:2", update_id="u-1", key=request_.number, text="three") is not None
    assert receive(request_, "u-2", text="four") is not None
    texts = Event.objects.exclude(text="").order_by("version").values_list("text", flat=True)
    assert list(texts) == ["one", "three", "four"]


@pytest.mark.django_db(transaction=True)
def test_once_where_two_come_at_the_same_time() -> None:
    request = report(small_city(), guest())
    first, second = one_behind_the_other(lambda: receive(request, text="one"), lambda: receive(request, text="two"))
    assert first.result() is not None
    assert second.result() is None
    assert Event.objects.filter(kind="commented").count() == 1


@pytest.mark.parametrize("key", ["0000-0000", "nonsense", "01a21d3b-c68a-721b-b3eb-b1dd7305087e"])
def test_an_unknown_request(city: SmallCity, key: str) -> None:
    with refused(NotFound):
        receive_update(source="key:1", update_id="u-1", key=key, text="Hello.")
    assert not ReceivedUpdate.objects.exists()


def test_one_that_nobody_may_know_of(city: SmallCity) -> None:
    private = report(city, guest(), service="heating")
    with refused(NotFound):
        receive(private, text="Hello.", by=Actor(guest()))
    assert receive(private, text="Hello.", by=Actor(private.reporter)) is not None


@pytest.mark.parametrize("who", ["stranger", "other department", "auditor"])
def test_who_neither_works_on_it_nor_reported_it(city: SmallCity, request_: ServiceRequest, who: str) -> None:
    people: dict[str, Callable[[], User]] = {
        "stranger": guest,
        "other department": lambda: person(role=Role.CREW, city=city, department="parks"),
        "auditor": lambda: person(role=Role.AUDITOR, city=city),
    }
    user = people[who]()
    with refused(NotAllowed):
        receive(request_, text="Hello.", status="closed", by=Actor(user))
    assert not ReceivedUpdate.objects.exists()
    assert Event.objects.count() == 1


def test_when_it_happened_is_kept(request_: ServiceRequest) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    receive(request_, text="So it was.", at=at)
    assert ReceivedUpdate.objects.get().at == at
