"""The reporter answers a question, with an account or by the link alone, once and in time."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import deadlines, links
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.deadlines import Pause
from requests311.errors import AnsweredAlready, Invalid, LinkOver, NotFound
from requests311.models import EventKind, Photo, Question, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Status
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, last, told
from tests.requests311.reporting import force, move, photo, pointers, refused, report

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def reporter() -> User:
    return guest()


@pytest.fixture
def request_(city: SmallCity, reporter: User) -> ServiceRequest:
    return report(city, reporter)


@pytest.fixture
def question(request_: ServiceRequest, crew: User) -> Question:
    return asked(request_, crew)


def asked(request: ServiceRequest, by: User) -> Question:
    does(ask, request, by, text="On the lane or beside it?")
    return Question.objects.get(request=request.pk, state="open")


def link(question: Question) -> str:
    return links.token_for(links.Purpose.ANSWER, question.pk)


def test_the_link_alone_will_do(request_: ServiceRequest, question: Question) -> None:
    answer(by=None, token=link(question), text="On it.")
    row = ServiceRequest.objects.get(pk=request_.pk)
    # It had only been submitted; who asked has looked at it.
    assert (row.status, row.hold_reason, row.hold_until, row.held_from) == ("acknowledged", "", None, "")
    event = last(row)
    assert (event.kind, event.text, event.actor) == ("answered", "On it.", None)
    assert (event.from_status, event.to_status) == ("on_hold", "acknowledged")
    assert event.data["question"] == str(question.pk)
    question.refresh_from_db()
    assert question.state == "answered"
    assert question.answered_at is not None


def test_the_reporter_signed_in_names_the_question(
    request_: ServiceRequest, question: Question, reporter: User
) -> None:
    answer(by=reporter, token=str(question.pk), text="On it.")
    assert last(request_).actor == reporter


@pytest.mark.parametrize("before", [S.ACKNOWLEDGED, S.ASSIGNED, S.IN_PROGRESS])
def test_the_request_goes_back_to_where_it_was(request_: ServiceRequest, crew: User, before: Status) -> None:
    move(request_, crew, S.ACKNOWLEDGED)
    if before != S.ACKNOWLEDGED:
        move(request_, crew, before)
    assignee = ServiceRequest.objects.get(pk=request_.pk).assignee_id
    answer(by=None, token=link(asked(request_, crew)), text="On it.")
    row = ServiceRequest.objects.get(pk=request_.pk)
    assert (row.status, row.assignee_id) == (before, assignee)


def test_everything_is_due_later_by_the_time_that_passed(request_: ServiceRequest, question: Question) -> None:
    submitted, began = datetime(2026, 3, 2, 15, tzinfo=UTC), datetime(2026, 3, 3, 15, tzinfo=UTC)
    ServiceRequest.objects.filter(pk=request_.pk).update(submitted_at=submitted, pauses=[[began.isoformat(), None]])
    answer(by=None, token=link(question), text="On it.")
    row = ServiceRequest.objects.select_related("service", "jurisdiction").get(pk=request_.pk)
    pause = Pause(began, row.updated_at)
    assert row.due_at == deadlines.due_at(row.service, row.jurisdiction, submitted_at=submitted, pauses=[pause])
    assert row.due_at is not None
    assert row.due_at > row.updated_at
    assert row.pauses == [[began.isoformat(), row.updated_at.isoformat()]]


def test_who_asked_hears_of_it_and_who_has_it(request_: ServiceRequest, crew: User, city: SmallCity) -> None:
    colleague = person(role=Role.CREW, city=city, department="roads-west")
    move(request_, colleague, S.ACKNOWLEDGED)
    move(request_, colleague, S.ASSIGNED)
    answer(by=None, token=link(asked(request_, crew)), text="On it.")
    messages = told(last(request_))
    assert {(message.kind, message.recipient) for message in messages if message.kind.startswith("staff")} == {
        ("staff_answered", crew),
        ("staff_answered", colleague),
    }
    # The reporter knows; an answer is nobody else's.
    assert [message.kind for message in messages if not message.kind.startswith("staff")] == []


class TestOnce:
    def test_a_second_answer(self, request_: ServiceRequest, question: Question, reporter: User) -> None:
        answer(by=None, token=link(question), text="On it.")
        for by, token in ((None, link(question)), (reporter, str(question.pk))):
            with refused(AnsweredAlready):
                answer(by=by, token=token, text="Beside it.")
        assert request_.events.filter(kind=EventKind.ANSWERED).count() == 1

    def test_after_a_fortnight(self, question: Question, reporter: User) -> None:
        Question.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        for by, token in ((None, link(question)), (reporter, str(question.pk))):
            with refused(LinkOver):
                answer(by=by, token=token, text="On it.")

    def test_on_the_last_day(self, question: Question) -> None:
        Question.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
        answer(by=None, token=link(question), text="On it.")

    def test_what_is_over_stays_over(self, request_: ServiceRequest, question: Question) -> None:
        force(request_, S.CLOSED)
        answer(by=None, token=link(question), text="On it.")
        assert ServiceRequest.objects.get(pk=request_.pk).status == "closed"
        assert last(request_).text == "On it."


class TestTokens:
    def test_one_that_is_not_ours(self, question: Question) -> None:
        good = link(question)
        name, sign = good.split(".")
        other = links.token_for(links.Purpose.ANSWER, uuid4())
        wrong = [
            links.token_for(links.Purpose.HANDOVER, question.pk),
            good[:-1],
            f"{name}.{sign[::-1]}",
            f"{other.split('.')[0]}.{sign}",
            name,
            other,
            str(question.pk),
            "x",
        ]
        for token in wrong:
            with refused(NotFound):
                answer(by=None, token=token, text="On it.")
        assert Question.objects.get().state == "open"

    def test_the_id_is_for_the_reporter_alone(self, question: Question, crew: User, city: SmallCity) -> None:
        for by in (guest(), crew, person(role=Role.ADMIN, city=city)):
            with refused(NotFound):
                answer(by=by, token=str(question.pk), text="On it.")


class TestPhotos:
    def test_a_guests_photos_come_along_and_are_not_public(self, request_: ServiceRequest, question: Question) -> None:
        somebody = guest()
        shown = photo(somebody)
        answer(by=somebody, token=link(question), text="On it.", photos=[shown.pk])
        shown.refresh_from_db()
        assert (shown.request_id, shown.purpose, shown.audience) == (request_.pk, "answer", "staff")
        event = last(request_)
        assert (shown.event_id, event.actor) == (event.pk, None)

    def test_not_somebody_elses(self, request_: ServiceRequest, question: Question) -> None:
        for by in (None, guest()):
            with refused(Invalid) as info:
                answer(by=by, token=link(question), text="On it.", photos=[photo(guest()).pk])
            assert pointers(info) == [("/photos/0", "photo_not_usable")]
        assert Question.objects.get().state == "open"
        assert not Photo.objects.filter(request=request_.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_the_same_moment_one_wins() -> None:
    city = small_city()
    request = report(city, guest())
    token = link(asked(request, person(role=Role.CREW, city=city, department="roads-west")))

    def run() -> str:
        try:
            answer(by=None, token=token, text=f"On it, says {threading.get_ident()}.")
        except AnsweredAlready:
            return "late"
        return "won"

    assert sorted(in_parallel([run, run, run])) == ["late", "late", "won"]
    assert request.events.filter(kind=EventKind.ANSWERED).count() == 1
