"""Who is told of an event, of what, and that nobody is told twice or never."""

from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.models import User
from notifications import devices, outbox
from notifications import wake as waking
from notifications.models import Delivery, Message
from notifications.rendering import render
from requests311 import history, tasks
from requests311.announce import announce, leftovers
from requests311.models import Audience, Event, EventKind, ServiceRequest
from requests311.policies import Role
from requests311.snapshots import snapshot
from requests311.statuses import TRANSITIONS, Status
from requests311.telling import notices_of
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, report, words_for

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def dispatcher(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def last_event(request: ServiceRequest) -> Event:
    return Event.objects.filter(request=request).order_by("-version")[0]


def told_of(request: ServiceRequest) -> Message:
    event = last_event(request)
    assert announce(event.pk)
    return Message.objects.get(event_id=event.pk)


def test_the_reporter_hears_that_it_arrived(city: SmallCity) -> None:
    reporter = guest()
    row = report(city, reporter)
    event, message = last_event(row), told_of(row)
    assert (message.recipient, message.kind) == (reporter, "request_submitted")
    assert message.data == {
        "event_id": str(event.pk),
        "request_id": str(row.pk),
        "number": row.number,
        "status": "submitted",
        "link": f"requests311://requests/{row.pk}",
    }
    assert message.context == {
        "number": row.number,
        "service": {"en": "Pothole", "es": "Bache"},
        "department": "Roads – West Yard",
        "jurisdiction": "Smallville",
        "due": event.data["due"],
        "status": "submitted",
        "text": "",
    }
    assert (message.fallback_language, message.collapse_key) == ("en", str(row.pk))
    assert (message.expires_at - message.created_at).days == 7
    event.refresh_from_db()
    assert event.announced_at is not None


@pytest.mark.parametrize(
    ("start", "to"),
    [
        (start, to)
        for start in Status
        for to, one in TRANSITIONS[start].items()
        if not one.by_action and to != "withdrawn"
    ],
)
def test_every_status_has_words_of_its_own(city: SmallCity, dispatcher: User, start: Status, to: Status) -> None:
    row = force(report(city, guest()), start)
    move(row, dispatcher, to, **{"text": "Crew is busy.", **words_for(start, to)})
    message = told_of(row)
    reopened = (start, to) == (S.RESOLVED, S.ACKNOWLEDGED)
    assert message.kind == ("request_reopened" if reopened else f"request_{to}")
    assert message.data["status"] == to
    for language in ("en", "es"):
        title, body = render(message.kind, language, message.fallback_language, message.context)
        generic = render("generic", language, message.fallback_language, message.context)
        assert row.number in title + body
        assert (title, body) != generic


def test_who_moves_it_themselves_is_not_told(city: SmallCity, dispatcher: User) -> None:
    own = report(city, dispatcher)
    move(own, dispatcher, S.ACKNOWLEDGED)
    assert announce(last_event(own).pk)
    withdrawn = report(city, guest())
    assert withdrawn.reporter is not None
    move(withdrawn, withdrawn.reporter, S.WITHDRAWN)
    assert announce(last_event(withdrawn).pk)
    assert not Message.objects.exists()
    assert last_event(own).announced_at is not None


def staff_event(request: ServiceRequest, by: User) -> Event:
    return Event.objects.create(
        request=request,
        version=2,
        kind=EventKind.STATUS_CHANGED,
        audience=Audience.STAFF,
        actor=by,
        at=timezone.now(),
        to_status=S.ACKNOWLEDGED,
        text="Beware of the dog.",
        data=snapshot(request),
    )


def test_staff_events_are_told_to_nobody(city: SmallCity, dispatcher: User) -> None:
    event = staff_event(report(city, guest()), dispatcher)
    assert notices_of(event) == []
    assert announce(event.pk)
    assert not Message.objects.exists()


def test_a_reporter_who_was_erased(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    reporter.delete()
    move(row, dispatcher, S.ACKNOWLEDGED)
    assert announce(last_event(row).pk)
    assert not Message.objects.exists()


def test_twice_is_once(city: SmallCity) -> None:
    event = last_event(report(city, guest()))
    assert [announce(event.pk), announce(event.pk)] == [True, False]
    assert Message.objects.count() == 1


def test_two_quick_changes_are_two_true_messages(city: SmallCity, dispatcher: User) -> None:
    """Announced late, in the wrong order, while the request is elsewhere and the service has another name."""
    row = report(city, guest())
    move(row, dispatcher, S.ACKNOWLEDGED, text="We saw it.")
    move(row, dispatcher, S.ON_HOLD, text="The road is frozen.")
    row = move(row, dispatcher, S.REJECTED, text="Not our road.")
    row.service.name, row.service.translations = "Crater", {}
    row.service.save()
    row.department.name = "Nobody"
    row.department.save()
    for event in Event.objects.filter(request=row, version__gt=1).order_by("-version"):
        assert announce(event.pk)
    messages = list(Message.objects.order_by("event_id"))
    assert [message.data["status"] for message in messages] == ["acknowledged", "on_hold", "rejected"]
    assert [message.context["status"] for message in messages] == ["acknowledged", "on_hold", "rejected"]
    assert [message.context["text"] for message in messages] == ["We saw it.", "The road is frozen.", "Not our road."]
    assert {message.context["department"] for message in messages} == {"Roads – West Yard"}
    assert {message.context["service"]["es"] for message in messages} == {"Bache"}


def test_the_citys_first_language_is_the_last_resort(city: SmallCity) -> None:
    city.jurisdiction.languages = ["es", "en"]
    city.jurisdiction.save()
    message = told_of(report(city, guest(), "streetlight", attributes={"pole_id": "1"}))
    assert message.fallback_language == "es"
    title, body = render(message.kind, "fr-CA", message.fallback_language, message.context)
    assert (title, body) == render(message.kind, "es", "es", message.context)
    assert (title, body) != render(message.kind, "en", "en", message.context)


def test_every_phone_of_the_reporter(city: SmallCity) -> None:
    reporter = guest()
    for name in ("a", "b"):
        devices.register(
            owner=reporter,
            installation_id=name,
            fcm_kind="token",
            fcm_value=name,
            platform="android",
            locale="en",
            app_version="1",
        )
    told_of(report(city, reporter))
    assert Delivery.objects.count() == 2


class TestLeftovers:
    def test_an_event_whose_wake_was_lost(self, city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(history, "wake", lambda *args: None)
        events = [last_event(report(city, guest())) for _ in range(3)]
        assert leftovers(2) == [event.pk for event in events[:2]]
        assert tasks.announce_leftovers() == 3
        assert leftovers(10) == []
        assert Message.objects.count() == 3
        assert tasks.announce_leftovers() == 0

    @pytest.mark.parametrize("by", ["sweep", "wake-up"])
    def test_one_that_cannot_be_told_keeps_no_other_waiting(
        self, by: str, city: SmallCity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(notices: Any) -> int:
            if notices[0].event_id == broken.pk:
                raise DatabaseError("as a value that the database refuses")
            return enqueue(notices)

        def alerts() -> float:
            return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": "event_not_announced"}) or 0

        broken, sound = (last_event(report(city, guest())) for _ in range(2))
        enqueue, before = outbox.enqueue, alerts()
        monkeypatch.setattr(outbox, "enqueue", failing)
        if by == "sweep":
            assert tasks.announce_leftovers() == 1
        else:
            tasks.announce(str(broken.pk), str(sound.pk))
        assert leftovers(10) == [broken.pk]
        assert Message.objects.get().event_id == sound.pk
        assert alerts() == before + 1

    def test_a_failure_leaves_it_to_be_told(self, city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any) -> None:
            raise RuntimeError

        event = last_event(report(city, guest()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("requests311.announce.timezone.now", fail)
            with pytest.raises(RuntimeError), transaction.atomic():
                announce(event.pk)
        assert not Message.objects.exists()
        assert announce(event.pk)


@pytest.mark.parametrize("commits", [True, False])
def test_the_wake_up_comes_with_the_commit(
    city: SmallCity, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, commits: bool
) -> None:
    woken: list[Any] = []
    monkeypatch.setattr(history, "wake", lambda task, *args: woken.append((task.name, args)))
    with django_capture_on_commit_callbacks(execute=commits):
        row = report(city, guest())
        assert woken == []
    expected = [("requests311.tasks.announce", (str(last_event(row).pk),))]
    assert woken == (expected if commits else [])


def test_events_that_come_together_are_told_by_one_task(city: SmallCity) -> None:
    events = [last_event(report(city, guest())) for _ in range(3)]
    assert waking._ids_at_most(tasks.announce) >= len(events)
    tasks.announce(*(str(event.pk) for event in events))
    assert Message.objects.count() == 3
    assert leftovers(10) == []
