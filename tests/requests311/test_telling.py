"""Who of the staff and of the residents hears of what, by which way, and in which words."""

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts.models import User
from notifications import devices
from notifications.models import Delivery, Message
from notifications.rendering import render, render_email
from notifications.topics import Topic
from requests311 import links
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.actions.assign import assign
from requests311.actions.comment import comment
from requests311.actions.hand_over import hand_over
from requests311.actions.merge import merge
from requests311.actions.note import note
from requests311.actions.report_done import report_done
from requests311.actions.reroute import reroute
from requests311.actions.transition import transition
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.announce import announce
from requests311.models import (
    Event,
    EventKind,
    Follower,
    Handover,
    Membership,
    Question,
    RejectionReason,
    ServiceRequest,
    Team,
)
from requests311.policies import Role
from requests311.statuses import Status
from tests.api.asking import API
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest, signed_in
from tests.requests311.reporting import force, move, report

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def dispatcher(city: SmallCity) -> User:
    return person("desk@city.example", Role.DISPATCHER, city)


@pytest.fixture
def worker(city: SmallCity) -> User:
    return person("worker@city.example", Role.CREW, city, "roads-west")


@pytest.fixture
def lead(city: SmallCity) -> User:
    return person("lead@city.example", Role.CREW, city, "roads-west")


@pytest.fixture
def manager(city: SmallCity) -> User:
    return person("manager@city.example", Role.MANAGER, city, "roads-west")


@pytest.fixture
def team(city: SmallCity, lead: User) -> Team:
    return Team.objects.create(department=city.departments["roads-west"], code="night", name="Night", lead=lead)


def version(request: ServiceRequest) -> int:
    return ServiceRequest.objects.values_list("version", flat=True).get(pk=request.pk)


def give(request: ServiceRequest, by: User, to: User | None = None, team: str | None = None) -> None:
    assign(by=Actor(by), key=str(request.pk), if_version=version(request), assignee=to.pk if to else None, team=team)


def news(request: ServiceRequest) -> set[tuple[Any, str]]:
    """(recipient or address, kind) of what the newest event told; fails where somebody hears it twice."""
    event = Event.objects.filter(request=request).order_by("-version")[0]
    assert announce(event.pk)
    found = [(row.recipient or row.address, row.kind) for row in Message.objects.filter(event_id=event.pk)]
    assert len(found) == len(set(found))
    return set(found)


def of_staff(request: ServiceRequest) -> set[tuple[Any, str]]:
    return {(who, kind) for who, kind in news(request) if kind.startswith("staff_")}


def phone_of(user: User, locale: str = "en") -> None:
    devices.register(
        owner=user,
        installation_id=str(user.pk),
        fcm_kind="token",
        fcm_value=f"token-{user.pk}",
        platform="android",
        locale=locale,
        app_version="1",
    )


# --- Staff ----------------------------------------------------------------------------------------


def test_who_is_assigned_is_told_by_phone_and_letter(city: SmallCity, dispatcher: User, worker: User) -> None:
    phone_of(worker)
    row = report(city, guest())
    give(row, dispatcher, worker)
    assert of_staff(row) == {(worker, "staff_assigned")}
    message = Message.objects.get(recipient=worker)
    assert message.topic == Topic.ASSIGNED
    assert set(message.deliveries.values_list("channel", "address")) == {("push", ""), ("email", "worker@city.example")}


def test_who_assigns_themselves_is_not(city: SmallCity, worker: User) -> None:
    row = report(city, guest())
    move(row, worker, S.ACKNOWLEDGED)
    give(row, worker, worker)
    assert of_staff(row) == set()


def test_not_again_when_it_is_theirs_already(city: SmallCity, dispatcher: User, worker: User, team: Team) -> None:
    row = report(city, guest())
    give(row, dispatcher, worker)
    give(row, dispatcher, worker, "night")
    assert of_staff(row) == set()
    give(row, dispatcher, None, "night")
    assert of_staff(row) == set()


def test_of_a_team_its_lead_is_told(city: SmallCity, dispatcher: User, worker: User, lead: User, team: Team) -> None:
    row = report(city, guest())
    give(row, dispatcher, None, "night")
    assert of_staff(row) == {(lead, "staff_assigned")}
    give(row, dispatcher, worker, "night")
    assert of_staff(row) == {(worker, "staff_assigned")}
    give(row, dispatcher)
    assert of_staff(row) == set()
    Team.objects.update(lead=None)
    give(row, dispatcher, None, "night")
    assert of_staff(row) == set()


def test_who_is_mentioned(city: SmallCity, dispatcher: User, worker: User, lead: User) -> None:
    phone_of(worker)
    reporter = guest()
    row = report(city, reporter)
    text = "@worker@city.example and @lead@city.example, look. @worker@city.example! @desk@city.example"
    note(by=Actor(dispatcher), key=str(row.pk), if_version=1, text=text)
    assert news(row) == {(worker, "staff_mentioned"), (lead, "staff_mentioned")}
    assert set(Message.objects.get(recipient=worker).deliveries.values_list("channel", flat=True)) == {"push", "email"}
    comment(by=Actor(dispatcher), key=str(row.pk), if_version=2, text="@lead@city.example sees to it.")
    assert news(row) == {(lead, "staff_mentioned"), (reporter, "request_commented")}


def test_a_note_that_mentions_nobody_tells_nobody(city: SmallCity, dispatcher: User, worker: User) -> None:
    row = report(city, guest())
    give(row, dispatcher, worker)
    note(by=Actor(dispatcher), key=str(row.pk), if_version=2, text="Beware of the dog.")
    assert news(row) == set()


def asked(row: ServiceRequest, by: User) -> Question:
    ask(by=Actor(by), key=str(row.pk), if_version=version(row), text="Which side?")
    return Question.objects.get(request=row, state="open")


def test_who_asked_and_whose_it_is_hear_the_answer(city: SmallCity, dispatcher: User, worker: User, lead: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    give(row, dispatcher, worker)
    question = asked(row, lead)
    answer(by=reporter, token=str(question.pk), text="Left.")
    assert news(row) == {(lead, "staff_answered"), (worker, "staff_answered")}
    assert Message.objects.filter(kind="staff_answered").values_list("topic", flat=True).distinct().get() == "answered"


def test_who_asked_and_has_it_hears_the_answer_once(city: SmallCity, dispatcher: User, worker: User) -> None:
    row = report(city, guest())
    give(row, dispatcher, worker)
    question = asked(row, worker)
    answer(by=None, token=links.token_for(links.Purpose.ANSWER, question.pk), text="Left.")
    assert news(row) == {(worker, "staff_answered")}


def reopened(row: ServiceRequest, by: User) -> set[tuple[Any, str]]:
    move(row, by, S.ACKNOWLEDGED, text="It is back.")
    return of_staff(row)


def test_what_the_resident_reopens_comes_back_to_who_had_it(
    city: SmallCity, dispatcher: User, worker: User, manager: User, lead: User, team: Team
) -> None:
    phone_of(worker)
    reporter = guest()
    row = report(city, reporter)
    give(row, dispatcher, worker)
    assert reopened(force(row, S.RESOLVED), reporter) == {(worker, "staff_reopened")}
    message = Message.objects.get(kind="staff_reopened")
    assert (message.topic, message.deliveries.count()) == (Topic.REOPENED, 2)
    give(row, dispatcher, worker, "night")
    assert reopened(force(row, S.RESOLVED), reporter) == {(lead, "staff_reopened"), (worker, "staff_reopened")}
    give(row, dispatcher)
    assert reopened(force(row, S.RESOLVED), reporter) == {(manager, "staff_reopened")}


def test_who_reopens_it_is_not_told(city: SmallCity, dispatcher: User, worker: User) -> None:
    row = report(city, guest())
    give(row, dispatcher, worker)
    assert reopened(force(row, S.RESOLVED), worker) == set()


@pytest.mark.parametrize("done", [True, False])
def test_a_contractor_reports(city: SmallCity, dispatcher: User, worker: User, done: bool) -> None:
    row = report(city, guest(), description="A deep hole.")
    give(row, dispatcher, worker)
    hand_over(by=Actor(dispatcher), key=str(row.pk), if_version=2, email="paving@contractor.example")
    assert news(row) == {("paving@contractor.example", "handover_link")}
    sent = Message.objects.get(kind="handover_link")
    handover = Handover.objects.get()
    assert sent.deliveries.get().address == "paving@contractor.example"
    link = links.url_of(links.Purpose.HANDOVER, handover.pk)
    assert (sent.context["link"], sent.context["text"]) == (link, "A deep hole.")
    token = links.token_for(links.Purpose.HANDOVER, handover.pk)
    report_done(by=None, token=token, done=done, text="Rain." if not done else "")
    assert news(row) == {(dispatcher, "staff_handed_over_done"), (worker, "staff_handed_over_done")}
    message = Message.objects.filter(kind="staff_handed_over_done")[0]
    assert message.topic == Topic.HANDED_OVER
    body = render(message.kind, "en", "en", message.context)[1]
    assert ("their part is done" in body, "not done" in body, "Rain." in body) == (done, not done, not done)


def test_a_link_that_was_taken_back_is_not_sent(city: SmallCity, dispatcher: User) -> None:
    row = report(city, guest())
    hand_over(by=Actor(dispatcher), key=str(row.pk), if_version=1, email="paving@contractor.example")
    Handover.objects.update(revoked_at=timezone.now())
    assert news(row) == set()


def escalated(row: ServiceRequest, **tells: int) -> set[tuple[Any, str]]:
    Event.objects.create(
        request=row,
        version=version(row) + 1,
        kind=EventKind.ESCALATED,
        audience="staff",
        at=timezone.now(),
        data={
            **Event.objects.filter(request=row)[0].data,
            "status": "submitted",
            "percent": max(tells.values()),
            "tells": tells,
        },
    )
    ServiceRequest.objects.filter(pk=row.pk).update(version=version(row) + 1)
    return news(row)


def test_whom_a_step_tells(
    city: SmallCity, dispatcher: User, worker: User, lead: User, manager: User, team: Team
) -> None:
    director = person(role=Role.MANAGER, city=city, department="roads")
    admin = person(role=Role.ADMIN, city=city)
    told = "staff_escalated"
    row = report(city, guest())
    assert escalated(row, lead=80) == {(manager, told)}
    give(row, dispatcher, worker)
    assert escalated(row, lead=80) == {(worker, told)}
    give(row, dispatcher, worker, "night")
    assert escalated(row, lead=80) == {(lead, told)}
    assert escalated(row, manager=100) == {(manager, told)}
    assert escalated(row, director=150) == {(director, told)}
    manager.memberships.all().delete()
    assert escalated(row, manager=100) == {(director, told)}
    give(row, dispatcher)
    assert escalated(row, lead=80) == {(director, told)}
    director.memberships.all().delete()
    assert escalated(row, lead=80) == escalated(row, manager=100) == escalated(row, director=150) == {(admin, told)}


def test_of_several_steps_each_is_told_of_the_furthest(city: SmallCity, worker: User, manager: User) -> None:
    director = person(role=Role.MANAGER, city=city, department="roads")
    row = report(city, guest())
    # Nobody works on it, so both steps are the manager's.
    escalated(row, manager=100, lead=80, director=150)
    assert {(one.recipient, one.context["percent"]) for one in Message.objects.filter(kind="staff_escalated")} == {
        (manager, 100),
        (director, 150),
    }
    assert worker not in {one.recipient for one in Message.objects.all()}


def test_who_does_not_work_there_any_more_is_not_told(
    city: SmallCity, dispatcher: User, worker: User, lead: User, manager: User, team: Team
) -> None:
    row = report(city, guest())
    give(row, dispatcher, worker, "night")
    Membership.objects.filter(user=lead).update(valid_to=timezone.now())
    assert escalated(row, lead=80) == {(worker, "staff_escalated")}
    User.objects.filter(pk=worker.pk).update(is_active=False)
    assert escalated(row, lead=80) == {(manager, "staff_escalated")}
    give(row, dispatcher)
    give(row, dispatcher, None, "night")
    assert of_staff(row) == set()


@pytest.mark.parametrize("channel", ["push", "email"])
def test_each_is_switched_off_by_channel(city: SmallCity, dispatcher: User, worker: User, channel: str) -> None:
    """All six, each with everything but its own topic off on that channel."""
    reporter = guest()
    phone_of(worker)
    client = signed_in(worker)
    row = report(city, reporter)
    kinds = {
        Topic.ASSIGNED: "staff_assigned",
        Topic.MENTIONED: "staff_mentioned",
        Topic.ANSWERED: "staff_answered",
        Topic.REOPENED: "staff_reopened",
        Topic.HANDED_OVER: "staff_handed_over_done",
        Topic.ESCALATED: "staff_escalated",
    }

    def do(topic: Topic) -> None:
        key, seen = str(row.pk), version(row)
        match topic:
            case Topic.ASSIGNED:
                give(row, dispatcher, worker)
            case Topic.MENTIONED:
                note(by=Actor(dispatcher), key=key, if_version=seen, text="@worker@city.example")
            case Topic.ANSWERED:
                answer(by=reporter, token=str(asked(row, dispatcher).pk), text="Left.")
            case Topic.HANDED_OVER:
                hand_over(by=Actor(dispatcher), key=key, if_version=seen, email="a@contractor.example")
                token = links.token_for(links.Purpose.HANDOVER, Handover.objects.get().pk)
                report_done(by=None, token=token, done=True, text="")
            case Topic.REOPENED:
                force(row, S.RESOLVED)
                move(row, reporter, S.ACKNOWLEDGED, text="It is back.")
            case _:
                escalated(row, lead=80)
                return
        news(row)

    for topic, kind in kinds.items():
        body = {"switches": [{"topic": topic, "channel": channel, "on": False}]}
        assert client.patch(f"{API}/me/notifications", body, format="json").status_code == 200
        do(topic)
        message = Message.objects.get(recipient=worker, kind=kind)
        assert message.topic == topic
        assert list(message.deliveries.values_list("channel", flat=True)) == [
            {"push": "email", "email": "push"}[channel]
        ]


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_message_of_a_request_s_life_has_its_words(
    city: SmallCity, dispatcher: User, worker: User, lead: User, language: str
) -> None:
    reporter = person("resident@example.org")
    row = report(city, reporter, contact={"email": "other@example.org"}, description="A hole.")
    give(row, dispatcher, worker)
    news(row)
    note(by=Actor(dispatcher), key=str(row.pk), if_version=version(row), text="@lead@city.example look")
    news(row)
    question = asked(row, dispatcher)
    news(row)
    answer(by=reporter, token=str(question.pk), text="Left.")
    news(row)
    hand_over(by=Actor(dispatcher), key=str(row.pk), if_version=version(row), email="a@contractor.example")
    news(row)
    token = links.token_for(links.Purpose.HANDOVER, Handover.objects.get().pk)
    report_done(by=None, token=token, done=True, text="")
    news(row)
    escalated(row, lead=80)
    force(row, S.RESOLVED)
    move(row, reporter, S.ACKNOWLEDGED, text="It is back.")
    news(row)
    messages = list(Message.objects.all())
    assert {message.kind for message in messages} == {
        "staff_assigned",
        "request_assigned",
        "staff_mentioned",
        "request_question",
        "question_link",
        "staff_answered",
        "handover_link",
        "staff_handed_over_done",
        "staff_escalated",
        "staff_reopened",
    }
    for message in messages:
        given = (language, message.fallback_language, message.context)
        title, body = render(message.kind, *given)
        letter = render_email(
            message.kind,
            *given,
            link=message.data["link"],
            topic=message.topic,
            has_account=message.recipient is not None,
        )
        for text in (title, body, *letter):
            assert text
            assert not {"{", "}", "None", "[]", "%}"} & set(text.split()), text
            assert "{" not in text
        assert letter[0] != render_email("generic", *given, link="", topic="", has_account=True)[0]
        assert row.number in letter[0] + letter[1]
        if message.kind in ("question_link", "handover_link", "request_question"):
            assert "/api/v1/" in letter[1]


# --- Residents ------------------------------------------------------------------------------------


def follow(row: ServiceRequest, user: User) -> User:
    Follower.objects.create(request=row, user=user)
    return user


def test_reporter_and_followers_hear_of_what_they_did_not_do(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    follower = follow(row, guest())
    # They began to follow after it was submitted; that is told to the reporter alone.
    assert news(row) == {(reporter, "request_submitted")}
    move(row, dispatcher, S.ACKNOWLEDGED)
    assert news(row) == {(reporter, "request_acknowledged"), (follower, "request_acknowledged")}
    comment(by=Actor(reporter), key=str(row.pk), if_version=2, text="It grows.")
    assert news(row) == {(follower, "request_commented")}
    reroute(by=Actor(dispatcher), key=str(row.pk), if_version=3, department="parks", reason="Trees.")
    assert news(row) == {(reporter, "request_rerouted"), (follower, "request_rerouted")}
    note(by=Actor(dispatcher), key=str(row.pk), if_version=4, text="Beware of the dog.")
    assert news(row) == set()
    ask(by=Actor(dispatcher), key=str(row.pk), if_version=5, text="Which tree?")
    assert news(row) == {(reporter, "request_question")}


def test_a_follower_who_works_on_it_does_not_hear_of_their_own_work(city: SmallCity, worker: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    follow(row, worker)
    move(row, worker, S.ACKNOWLEDGED)
    assert news(row) == {(reporter, "request_acknowledged")}


def test_who_reports_and_follows_hears_once(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    row = report(city, reporter)
    follow(row, reporter)
    move(row, dispatcher, S.ACKNOWLEDGED)
    assert news(row) == {(reporter, "request_acknowledged")}


def test_what_became_private_is_for_its_reporter_and_who_was_joined_to_it(city: SmallCity, dispatcher: User) -> None:
    reporter, joined = guest(), guest()
    row, other = report(city, reporter), report(city, joined)
    follow(row, guest())
    worker = follow(row, person(role=Role.CREW, city=city, department="roads"))
    merge(by=Actor(dispatcher), key=str(other.pk), if_version=1, into=str(row.pk))
    reroute(by=Actor(dispatcher), key=str(row.pk), if_version=2, service="heating", reason="It is about a flat.")
    assert news(row) == {(user, "request_rerouted") for user in (reporter, joined, worker)}


def test_a_duplicate_that_is_taken_out_is_open_again(city: SmallCity, dispatcher: User) -> None:
    reporter = guest()
    row, other = report(city, guest()), report(city, reporter)
    merge(by=Actor(dispatcher), key=str(other.pk), if_version=1, into=str(row.pk))
    assert news(other) == {(reporter, "request_duplicate")}
    unmerge(by=Actor(dispatcher), key=str(other.pk), if_version=2)
    assert news(other) == {(reporter, "request_reopened")}


def test_a_question_goes_to_the_phone_and_the_mailbox_of_the_reporter(city: SmallCity, worker: User) -> None:
    reporter = person("resident@example.org")
    phone_of(reporter)
    row = report(city, reporter, contact={"email": "Resident@example.org"})
    question = asked(row, worker)
    assert news(row) == {(reporter, "request_question")}
    message = Message.objects.get(kind="request_question")
    assert set(message.deliveries.values_list("channel", "address")) == {
        ("push", ""),
        ("email", "resident@example.org"),
    }
    token = links.token_for(links.Purpose.ANSWER, question.pk)
    assert message.data["question"] == token
    assert message.data["link"].endswith(f"/questions/{token}")
    assert message.context["text"] == "Which side?"


def test_a_guest_who_left_an_address_is_asked_there_too(city: SmallCity, worker: User) -> None:
    reporter = guest()
    row = report(city, reporter, contact={"email": "ada@example.org"})
    asked(row, worker)
    assert news(row) == {(reporter, "request_question"), ("ada@example.org", "question_link")}
    assert list(Delivery.objects.values_list("channel", "address")) == [("email", "ada@example.org")]


def test_a_rejection_by_its_reason_in_the_language_of_the_phone(city: SmallCity, dispatcher: User) -> None:
    RejectionReason.objects.create(
        jurisdiction=city.jurisdiction,
        code="private",
        text="This is private land.",
        translations={"es": "Es un terreno privado."},
    )
    row = report(city, guest())
    transition(
        by=Actor(dispatcher), key=str(row.pk), to=S.REJECTED, if_version=1, reason="private", text="Ask the owner."
    )
    news(row)
    message = Message.objects.get()
    assert message.kind == "request_rejected"
    bodies = {
        language: render(message.kind, language, message.fallback_language, message.context)[1]
        for language in ("en-GB", "es-MX", "fr")
    }
    assert "This is private land.\nAsk the owner." in bodies["en-GB"]
    assert "Es un terreno privado.\nAsk the owner." in bodies["es-MX"]
    assert bodies["fr"] == bodies["en-GB"]


def test_what_nobody_answered_is_said_when_it_goes_on(city: SmallCity, worker: User) -> None:
    from requests311.holds import end_hold

    reporter = guest()
    row = report(city, reporter)
    asked(row, worker)
    ServiceRequest.objects.update(hold_until=timezone.now())
    assert end_hold(UUID(str(row.pk)))
    assert news(row) == {(reporter, "request_no_answer")}
