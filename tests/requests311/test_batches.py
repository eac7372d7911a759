"""One call changes many requests: who reported several of them hears of all at once, whoever tells it and when."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone
from prometheus_client import REGISTRY
from uuid_utils.compat import uuid7

from accounts.models import User
from api.crew import bulk
from api.crew.many import operate
from notifications.models import Message
from notifications.rendering import render
from requests311 import announce as announcing
from requests311 import history, tasks
from requests311.actions.assign import assign
from requests311.actions.reroute import reroute
from requests311.actions.split import Part, split
from requests311.actions.transition import transition
from requests311.actors import Actor
from requests311.announce import announce, announce_batch, leftovers
from requests311.forwarding.making import forward
from requests311.models import Connector, Event, Follower, Forward, ServiceRequest, Webhook, WebhookDelivery
from requests311.policies import Role
from requests311.statuses import Status
from tests.api.asking import API, in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest, signed_in
from tests.requests311.reporting import report
from tests.requests311.test_plans import ID, analyze_all, indexes, multiply
from tests.requests311.webhooks.sent import webhook_of
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def dispatcher(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


def reported(city: SmallCity, *by: User) -> list[ServiceRequest]:
    """One each, told of already."""
    rows = [report(city, user) for user in by]
    Event.objects.update(announced_at=timezone.now())
    return rows


def changed(
    rows: Sequence[ServiceRequest], by: User, to: Status = Status.ACKNOWLEDGED, batch: UUID | None = None
) -> UUID:
    """All of them by one call, which was not told of yet."""
    batch = batch or uuid7()
    for row in rows:
        version = ServiceRequest.objects.values_list("version", flat=True).get(pk=row.pk)
        transition(by=Actor(by, batch=batch), key=str(row.pk), to=to, if_version=version)
    return batch


def long_ago(batch: UUID, seconds: float = 61) -> None:
    """Moves the ids of a batch's events that far into the past, where time is told from."""
    back = timedelta(seconds=seconds) // timedelta(milliseconds=1) << 80
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE requests311_event DISABLE TRIGGER USER")
        for event in Event.objects.filter(batch=batch):
            cursor.execute(
                "UPDATE requests311_event SET id = %s WHERE id = %s", [UUID(int=event.pk.int - back), event.pk]
            )
        cursor.execute("ALTER TABLE requests311_event ENABLE TRIGGER USER")


def heard() -> list[tuple[Any, str]]:
    return sorted(Message.objects.values_list("recipient", "kind"))


def in_order(*told: tuple[User, str]) -> list[tuple[Any, str]]:
    return sorted((user.pk, kind) for user, kind in told)


def test_who_has_several_hears_once_and_who_has_one_as_ever(city: SmallCity, dispatcher: User) -> None:
    many, one = guest(), guest()
    rows = reported(city, many, many, one, many)
    assert announce_batch(changed(rows, dispatcher))
    assert heard() == in_order((many, "requests_changed"), (one, "request_acknowledged"))
    message = Message.objects.get(recipient=many)
    assert message.context == {"jurisdiction": "Smallville", "count": 3, "status": "acknowledged"}
    assert message.data["link"] == "requests311://requests?mine=true"
    assert (message.fallback_language, message.sender) == ("en", "smallville")
    assert not Event.objects.filter(announced_at=None).exists()


def test_it_says_what_became_of_them_where_that_is_the_same(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    first, second = reported(city, reporter, reporter)
    announce_batch(changed([first], dispatcher))
    Message.objects.all().delete()
    batch = changed([second], dispatcher)
    changed([first], dispatcher, Status.IN_PROGRESS, batch)
    announce_batch(batch)
    message = Message.objects.get()
    assert (message.kind, message.context["status"], message.data["status"]) == ("requests_changed", "", "")
    for language in ("en", "es"):
        title, body = render(message.kind, language, "en", message.context)
        assert "2" in title
        assert "Smallville" in body


def test_one_request_that_was_changed_twice_is_not_several(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    rows = reported(city, reporter)
    batch = changed(rows, dispatcher)
    announce_batch(changed(rows, dispatcher, Status.IN_PROGRESS, batch))
    assert heard() == in_order((reporter, "request_acknowledged"), (reporter, "request_in_progress"))


def test_followers_too(city: SmallCity, dispatcher: User) -> None:
    rows, follower = reported(city, guest(), guest()), guest()
    for row in rows:
        Follower.objects.create(request=row, user=follower)
    announce_batch(changed(rows, dispatcher))
    assert heard().count((follower.pk, "requests_changed")) == 1
    assert Message.objects.count() == 3


def test_requests_that_end_with_their_last_tasks_are_part_of_the_call(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    rows = reported(city, reporter, reporter)
    for row in rows:
        split(by=Actor(dispatcher), key=str(row.pk), if_version=1, parts=[Part("parks", "Cut the tree.")])
    tasks_of = list(ServiceRequest.objects.filter(parent__in=rows))
    changed(tasks_of, dispatcher)
    Event.objects.update(announced_at=timezone.now())
    batch = uuid7()
    for task in tasks_of:
        by = Actor(dispatcher, batch=batch)
        transition(by=by, key=str(task.pk), to=Status.RESOLVED, if_version=2, resolution="fixed")
    announce_batch(batch)
    assert heard() == in_order((reporter, "requests_changed"))
    assert Message.objects.get().context == {"jurisdiction": "Smallville", "count": 2, "status": "resolved"}


def test_staff_hear_of_each(city: SmallCity, dispatcher: User) -> None:
    worker = person(role=Role.CREW, city=city, department="roads-west")
    rows = reported(city, guest(), guest())
    batch = uuid7()
    for row in rows:
        assign(by=Actor(dispatcher, batch=batch), key=str(row.pk), if_version=1, assignee=worker.pk)
    announce_batch(batch)
    assert list(Message.objects.filter(recipient=worker).values_list("kind", flat=True)) == ["staff_assigned"] * 2


def test_a_call_wakes_once_when_it_is_done(
    city: SmallCity, dispatcher: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    reporter = guest()
    rows = reported(city, reporter, reporter)
    woken: list[tuple[str, tuple[Any, ...]]] = []
    monkeypatch.setattr(history, "wake", lambda task, *args: woken.append((task.name, args)))
    items = [
        {"id": str(row.pk), "version": version, "action": "transition", "to": "acknowledged"}
        for row, version in zip([*rows, rows[0]], [1, 1, 99], strict=True)
    ]
    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in(dispatcher).post(f"{API}/crew/bulk", {"items": items}, format="json")
    assert [result["status"] for result in answer.json()] == [200, 200, 412], answer.content
    [batch] = Event.objects.exclude(batch=None).values_list("batch", flat=True).distinct()
    assert woken == [("requests311.tasks.announce_batch", (str(batch),))]
    assert tasks.announce_batch(str(batch))
    assert heard() == in_order((reporter, "requests_changed"))
    assert not tasks.announce_batch(str(batch))


def test_what_was_changed_is_told_though_the_call_broke(
    city: SmallCity, dispatcher: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = reported(city, guest(), guest())
    woken: list[str] = []
    monkeypatch.setattr(history, "wake", lambda task, *args: woken.append(task.name))

    def breaking(actor: Actor, *, key: str, **values: Any) -> ServiceRequest:
        if key == str(rows[1].pk):
            raise RuntimeError("a mistake of ours")
        return operate(actor, key=key, **values)

    monkeypatch.setattr(bulk, "operate", breaking)
    items = [{"id": str(row.pk), "version": 1, "action": "transition", "to": "acknowledged"} for row in rows]
    client = signed_in(dispatcher)
    client.raise_request_exception = False
    assert client.post(f"{API}/crew/bulk", {"items": items}, format="json").status_code == 500
    assert woken == ["requests311.tasks.announce_batch"]


# --- The sweeper ----------------------------------------------------------------------------------


def test_a_call_at_work_is_left_alone(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    rows = reported(city, reporter, reporter, reporter)
    batch = changed(rows[:2], dispatcher)
    assert tasks.announce_leftovers() == 0
    long_ago(batch)
    # It is slow: it began more than a minute ago, and has just changed the next one.
    changed(rows[2:], dispatcher, batch=batch)
    assert tasks.announce_leftovers() == 0
    announce_batch(batch)
    assert heard() == in_order((reporter, "requests_changed"))
    assert Message.objects.get().context["count"] == 3


def test_of_a_call_whose_process_died_all_is_told_together_a_minute_later(city: SmallCity, dispatcher: User) -> None:
    many, one = guest(), guest()
    batch = changed(reported(city, many, one, many), dispatcher)
    long_ago(batch, 58)
    assert tasks.announce_leftovers() == 0
    long_ago(batch, 3)
    # That somebody works on the requests meanwhile puts nothing off.
    ServiceRequest.objects.update(updated_at=timezone.now())
    assert tasks.announce_leftovers() == 1
    assert heard() == in_order((many, "requests_changed"), (one, "request_acknowledged"))
    assert tasks.announce_leftovers() == 0


def test_single_events_do_not_wait_for_a_batch(city: SmallCity, dispatcher: User) -> None:
    changed(reported(city, guest()), dispatcher)
    single = report(city, guest())
    assert tasks.announce_leftovers() == 1
    assert Message.objects.get().recipient == single.reporter


def test_the_wake_up_of_one_event_tells_the_whole_batch(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    batch = changed(reported(city, reporter, reporter), dispatcher)
    events = list(Event.objects.filter(batch=batch))
    assert [announce(event.pk) for event in events] == [True, False]
    assert heard() == in_order((reporter, "requests_changed"))


def test_one_that_cannot_be_told_keeps_no_other_of_its_batch_waiting(
    city: SmallCity, dispatcher: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = guest()
    rows = reported(city, reporter, reporter, reporter, reporter)
    batch = changed(rows, dispatcher)

    def failing(event: Event) -> None:
        if event.request_id in (rows[1].pk, rows[2].pk):
            Event.objects.create(pk=event.pk)
        forward(event)

    def alerts() -> float:
        return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": "event_not_announced"}) or 0

    before = alerts()
    with monkeypatch.context() as patch:
        patch.setattr(announcing, "forward", failing)
        assert tasks.announce_batch(str(batch))
    assert alerts() == before + 2
    assert Message.objects.get().context["count"] == 2
    long_ago(batch)
    assert tasks.announce_leftovers() == 1
    # The others are news as well.
    assert heard() == in_order((reporter, "requests_changed"), (reporter, "requests_changed"))


def test_webhooks_and_departments_systems_get_each_event(city: SmallCity, dispatcher: User) -> None:
    rows = reported(city, guest(), guest())
    webhook: Webhook = webhook_of(city)
    Connector.objects.create(department=city.departments["parks"], kind="open311", url="https://parks.example")
    batch = uuid7()
    for row in rows:
        reroute(by=Actor(dispatcher, batch=batch), key=str(row.pk), if_version=1, department="parks", reason="Trees.")
    announce_batch(batch)
    events = set(Event.objects.filter(batch=batch).values_list("pk", flat=True))
    assert len(events) == 2
    assert set(WebhookDelivery.objects.filter(webhook=webhook).values_list("event", flat=True)) == events
    assert set(Forward.objects.values_list("request", flat=True)) == {row.pk for row in rows}


def test_the_sweeper_reads_what_waits_only(city: SmallCity, dispatcher: User) -> None:
    reported(city, guest())
    few = "CASE WHEN i %% 50 = 0 THEN {} ELSE {} END"
    multiply(
        Event,
        id=ID,
        version="i + 1",
        announced_at=few.format("NULL::timestamptz", "now()"),
        batch=few.format(f"'{uuid7()}'::uuid", "NULL::uuid"),
    )
    analyze_all()
    statements: list[tuple[str, Any]] = []

    def seen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(seen):
        found = leftovers(500)
    [(sql, params)] = statements
    # Of the one batch its last event.
    assert found == list(Event.objects.filter(announced_at=None).order_by("-id").values_list("pk", flat=True)[:1])
    taken = indexes(sql, params, "requests311_event", sorted_at_most=101)
    assert taken <= {"event_not_announced", "event_of_batch"}
    assert "servicerequest" not in sql


# --- Two workers ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_tell_it_once() -> None:
    city = small_city()
    dispatcher, reporter = person(role=Role.DISPATCHER, city=city), guest()
    batch = changed(reported(city, reporter, reporter, reporter), dispatcher)
    first, second = one_behind_the_other(lambda: announce_batch(batch), lambda: announce_batch(batch))
    assert (first.result(), second.result()) == (True, False)
    assert heard() == in_order((reporter, "requests_changed"))
    assert Message.objects.get().context["count"] == 3


@pytest.mark.django_db(transaction=True)
def test_a_worker_and_many_sweeps_at_once_tell_it_once() -> None:
    city = small_city()
    dispatcher, reporter = person(role=Role.DISPATCHER, city=city), guest()
    batch = changed(reported(city, *[reporter] * 8), dispatcher)
    long_ago(batch)
    events = list(Event.objects.filter(batch=batch).values_list("pk", flat=True))
    told = in_parallel(
        [
            lambda: announce_batch(batch),
            lambda: announce(events[0]),
            lambda: announce(events[7]),
            lambda: bool(tasks.announce_leftovers()),
        ]
    )
    assert told.count(True) == 1
    assert heard() == in_order((reporter, "requests_changed"))
    assert Message.objects.get().context["count"] == 8
