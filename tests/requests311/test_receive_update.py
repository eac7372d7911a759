"""What another system says of a request: onto the timeline once, by the rules that hold for everybody."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from django.utils import timezone

from accounts.models import User
from notifications.models import Message
from notifications.rendering import render
from requests311.actions.receive_update import receive_update
from requests311.actors import Actor
from requests311.announce import announce
from requests311.errors import Invalid, NotAllowed, NotFound
from requests311.models import Event, PhotoFetch, ReceivedUpdate, ServiceRequest
from requests311.policies import Role
from requests311.statuses import OPEN, Status
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, refused, report

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def tell(request: ServiceRequest, update_id: str = "u-1", **more: Any) -> Event | None:
    return receive_update(**{"source": "connector:1", "update_id": update_id, "key": request.number, **more})


def kinds(request: ServiceRequest) -> list[tuple[str, str]]:
    return [(event.kind, event.to_status) for event in Event.objects.filter(request=request)]


def test_a_word_is_a_comment_that_the_reporter_hears(city: SmallCity) -> None:
    row = report(city, guest())
    event = tell(row, text="The crew comes on Monday.")
    assert event is not None
    now = ServiceRequest.objects.get()
    assert (event.kind, event.to_status, event.actor_id, now.version, now.status) == (
        "commented", "", None, 2, "submitted",
    )  # fmt: skip
    assert now.updated_at > row.updated_at
    assert announce(event.pk)
    message = Message.objects.get(event_id=event.pk)
    assert (message.kind, message.data["status"]) == ("request_commented", "submitted")
    for language in ("en", "es"):
        title, body = render(message.kind, language, "en", message.context)
        assert "Roads" in title
        assert body.endswith("The crew comes on Monday.")


def test_once(city: SmallCity) -> None:
    row = report(city, guest())
    assert tell(row, text="Hello.") is not None
    assert tell(row, text="Hello.") is None
    assert tell(row, text="Hello.", source="connector:2") is not None
    assert tell(row, "u-2", text="Hello.") is not None
    assert len(kinds(row)) == 4
    assert ReceivedUpdate.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_once_though_it_comes_twice_at_the_same_moment() -> None:
    row = report(small_city(), guest())
    found = in_parallel([lambda: tell(row, status="closed", text="Done.")] * 4)
    assert len([event for event in found if event is not None]) == 1
    assert ServiceRequest.objects.get().status == S.RESOLVED
    assert Event.objects.filter(text="Done.").count() == 1


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("said", ["open", "closed"])
def test_a_department_s_system(city: SmallCity, status: Status, said: Literal["open", "closed"]) -> None:
    row = force(report(city, guest()), status)
    before = len(kinds(row))
    tell(row, status=said, text="Theirs.")
    now = ServiceRequest.objects.get()
    if status in OPEN and said == "closed":
        assert (now.status, now.resolution) == (S.RESOLVED, "referred")
    elif status == S.RESOLVED and said == "open":
        assert now.status == S.ACKNOWLEDGED
    else:
        assert now.status == status
        assert kinds(row)[before:] == [("commented", "")]
    assert Event.objects.filter(text="Theirs.").count() == 1
    assert Event.objects.get(text="Theirs.").version == now.version


def test_the_way_there_is_made_of_legal_moves(city: SmallCity) -> None:
    row = report(city, guest())
    tell(row, status="closed", text="Filled.")
    assert kinds(row)[1:] == [("status_changed", "acknowledged"), ("status_changed", "resolved")]


def test_reopening_says_something_even_where_the_system_does_not(city: SmallCity) -> None:
    row = force(report(city, guest()), S.RESOLVED)
    event = tell(row, status="open")
    assert event is not None
    assert event.text.strip()


def test_a_system_that_repeats_itself_tells_nothing(city: SmallCity) -> None:
    row = report(city, guest())
    assert tell(row, status="open") is None
    assert len(kinds(row)) == 1


def of_department(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


def test_somebody_who_works_on_it(city: SmallCity) -> None:
    crew = of_department(city)
    row = report(city, guest())
    event = tell(row, status="closed", by=Actor(crew))
    assert event is not None
    assert (event.to_status, event.actor_id) == ("resolved", crew.pk)


@pytest.mark.parametrize(
    ("status", "said", "becomes"),
    [
        (S.SUBMITTED, "closed", S.WITHDRAWN),
        (S.ACKNOWLEDGED, "closed", S.WITHDRAWN),
        (S.IN_PROGRESS, "closed", S.IN_PROGRESS),
        (S.RESOLVED, "open", S.ACKNOWLEDGED),
        (S.CLOSED, "open", S.CLOSED),
        (S.REJECTED, "open", S.REJECTED),
    ],
)
def test_the_reporter_may_what_a_reporter_may(
    city: SmallCity, status: Status, said: Literal["open", "closed"], becomes: Status
) -> None:
    reporter = guest()
    row = force(report(city, reporter), status)
    tell(row, status=said, text="Mine.", by=Actor(reporter))
    assert ServiceRequest.objects.get().status == becomes
    assert Event.objects.filter(text="Mine.").exists()


def test_another_may_not(city: SmallCity) -> None:
    row = report(city, guest())
    for stranger in (guest(), person(role=Role.CREW, city=city, department="parks")):
        with refused(NotAllowed):
            tell(row, text="Not mine.", by=Actor(stranger))
    assert not ReceivedUpdate.objects.exists()


def test_what_is_not_there_and_what_is_not_seen(city: SmallCity) -> None:
    private = report(city, guest(), service="heating")
    with refused(NotFound):
        tell(private, text="x", by=Actor(guest()))
    with refused(NotFound):
        receive_update(source="s", update_id="u", key="0000-0000", text="x")
    elsewhere = small_city("elsewhere", (-90.0, 30.0))
    with refused(NotFound):
        tell(private, text="x", within=elsewhere.jurisdiction)
    assert tell(private, text="x", within=city.jurisdiction)


def test_photos_of_an_update_are_fetched_once(city: SmallCity) -> None:
    row = report(city, guest())
    for _ in range(2):
        tell(row, text="See.", media_urls=["http://a.example/1", "http://a.example/2"])
    assert [fetch.request_id for fetch in PhotoFetch.objects.all()] == [row.pk] * 2
    for urls in (["nonsense"], [f"http://a.example/{at}" for at in range(11)]):
        with refused(Invalid):
            tell(row, "u-2", text="See.", media_urls=urls)
    assert PhotoFetch.objects.count() == 2


def test_when_it_happened(city: SmallCity) -> None:
    row = report(city, guest())
    ServiceRequest.objects.update(submitted_at=timezone.now() - timedelta(days=3))
    then = timezone.now() - timedelta(days=1)
    event = tell(row, text="Yesterday.", at=then)
    assert event is not None
    assert event.at == then
    early = tell(row, "u-2", text="Before it was reported.", at=timezone.now() - timedelta(days=9))
    late = tell(row, "u-3", text="Tomorrow.", at=timezone.now() + timedelta(days=1))
    assert early is not None
    assert late is not None
    assert early.at == ServiceRequest.objects.get().submitted_at
    assert late.at <= timezone.now()
    assert [update.at for update in ReceivedUpdate.objects.filter(update_id="u-1")] == [then]
