"""A crew asks the reporter; the request waits for the answer, and its clock with it."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import deadlines, holds, links
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.actions.merge import merge
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.deadlines import Calendar, Target
from requests311.errors import IllegalTransition, NobodyToAsk, NotAllowed, QuestionPending, StaleVersion
from requests311.models import DueUnit, EventKind, Follower, Question, ServiceRequest
from requests311.policies import Role
from requests311.statuses import OPEN, Status
from requests311.tasks import end_holds
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, its_day_has_come, last, told, version_of
from tests.requests311.reporting import force, move, refused, report

pytestmark = pytest.mark.django_db

S = Status
TEXT = "On the lane or beside it?"


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


def asked(request: ServiceRequest, by: User) -> Question:
    does(ask, request, by, text=TEXT)
    return Question.objects.get(request=request.pk, state="open")


def without_reporter(request: ServiceRequest, **contact: str) -> None:
    ServiceRequest.objects.filter(pk=request.pk).update(reporter=None, contact=contact)


def test_the_request_waits_and_its_clock_with_it(request_: ServiceRequest, crew: User) -> None:
    before = timezone.now()
    question = asked(request_, crew)
    row = ServiceRequest.objects.get(pk=request_.pk)
    assert (row.status, row.hold_reason, row.held_from, row.version) == ("on_hold", "reporter", "submitted", 2)
    calendar = Calendar.of(row.jurisdiction)
    assert row.hold_until == deadlines.due(Target(5, DueUnit.WORKING_DAYS), calendar, since=before)
    [[begin, end]] = row.pauses
    assert (datetime.fromisoformat(begin), end) == (row.updated_at, None)
    assert (question.text, question.asked_by, question.state) == (TEXT, crew, "open")
    assert question.expires_at - question.asked_at == timedelta(days=14)
    event = last(request_)
    assert (event.kind, event.text, event.from_status, event.to_status) == ("asked", TEXT, "submitted", "on_hold")
    assert event.data["question"] == str(question.pk)


def test_one_that_waits_for_something_else_now_waits_for_the_reporter(request_: ServiceRequest, crew: User) -> None:
    move(request_, crew, S.ACKNOWLEDGED)
    move(request_, crew, S.IN_PROGRESS)
    move(request_, crew, S.ON_HOLD, text="Frost.", reason="weather", until=timezone.now() + timedelta(days=300))
    question = asked(request_, crew)
    row = ServiceRequest.objects.get(pk=request_.pk)
    assert (row.status, row.hold_reason, row.held_from) == ("on_hold", "reporter", "in_progress")
    assert row.hold_until is not None
    assert row.hold_until < timezone.now() + timedelta(days=14)
    assert [end for _, end in row.pauses] == [None]
    event = last(request_)
    assert (event.kind, event.from_status, event.to_status) == ("asked", "", "")
    assert [message.kind for message in told(event)] == ["request_question"]
    answer(by=None, token=links.token_for(links.Purpose.ANSWER, question.pk), text="On it.")
    assert ServiceRequest.objects.get(pk=request_.pk).status == "in_progress"


class TestWhoIsTold:
    def test_the_reporter_with_the_link(self, request_: ServiceRequest, crew: User, reporter: User) -> None:
        question = asked(request_, crew)
        [message] = told(last(request_))
        assert (message.kind, message.recipient, message.address) == ("request_question", reporter, "")
        assert message.context["text"] == TEXT
        token = links.token_for(links.Purpose.ANSWER, question.pk)
        assert message.data["question"] == token
        assert message.data["link"].endswith(f"/api/v1/questions/{token}")

    def test_who_left_nothing_but_an_address(self, request_: ServiceRequest, crew: User) -> None:
        without_reporter(request_, email="ada@mail.example")
        question = asked(request_, crew)
        [message] = told(last(request_))
        assert (message.kind, message.recipient, message.address) == ("question_link", None, "ada@mail.example")
        assert message.context["text"] == TEXT
        assert message.context["link"].endswith(links.token_for(links.Purpose.ANSWER, question.pk))

    def test_nobody_else(self, request_: ServiceRequest, crew: User) -> None:
        Follower.objects.create(request=request_, user=guest())
        asked(request_, crew)
        assert len(told(last(request_))) == 1


class TestWhatIsRefused:
    @pytest.mark.parametrize("contact", [{}, {"name": "Ada", "phone": "555-0100"}, {"email": ""}])
    def test_nobody_can_be_asked(self, request_: ServiceRequest, crew: User, contact: dict[str, str]) -> None:
        without_reporter(request_, **contact)
        with refused(NobodyToAsk):
            asked(request_, crew)
        assert ServiceRequest.objects.get(pk=request_.pk).status == "submitted"

    def test_a_second_question(self, request_: ServiceRequest, crew: User) -> None:
        asked(request_, crew)
        with refused(QuestionPending):
            asked(request_, crew)

    @pytest.mark.parametrize("status", [status for status in Status if status not in OPEN])
    def test_a_request_that_is_over(self, request_: ServiceRequest, crew: User, status: Status) -> None:
        force(request_, status)
        with refused(IllegalTransition):
            asked(request_, crew)

    def test_who_may_not(self, request_: ServiceRequest, city: SmallCity, reporter: User) -> None:
        auditor = person(role=Role.AUDITOR, city=city)
        for by in (reporter, guest(), None, auditor, person(role=Role.CREW, city=city, department="parks")):
            with refused(NotAllowed):
                does(ask, request_, by, text=TEXT)

    def test_what_was_changed_meanwhile(self, request_: ServiceRequest, crew: User) -> None:
        move(request_, crew, S.ACKNOWLEDGED)
        with refused(StaleVersion):
            ask(by=Actor(crew), key=request_.number, if_version=version_of(request_) - 1, text=TEXT)


class TestWithoutAnAnswer:
    def test_it_goes_back_and_the_reporter_hears_of_it(
        self, request_: ServiceRequest, crew: User, reporter: User
    ) -> None:
        move(request_, crew, S.ACKNOWLEDGED)
        move(request_, crew, S.IN_PROGRESS)
        question = asked(request_, crew)
        assert end_holds() == 0
        its_day_has_come(request_)
        assert end_holds() == 1
        row = ServiceRequest.objects.get(pk=request_.pk)
        assert (row.status, row.hold_reason) == ("in_progress", "")
        assert row.pauses[-1][1] is not None
        question.refresh_from_db()
        assert (question.state, question.answered_at) == ("unanswered", None)
        event = last(request_)
        assert event.data["unanswered"] == str(question.pk)
        [message] = told(event)
        assert (message.kind, message.recipient) == ("request_no_answer", reporter)

    def test_a_late_answer_is_kept_and_moves_nothing(self, request_: ServiceRequest, crew: User) -> None:
        question = asked(request_, crew)
        its_day_has_come(request_)
        holds.end_hold(request_.pk)
        move(request_, crew, S.ON_HOLD, text="Waiting.", reason="reporter")
        answer(by=None, token=links.token_for(links.Purpose.ANSWER, question.pk), text="On it.")
        row = ServiceRequest.objects.get(pk=request_.pk)
        assert row.status == "on_hold"
        event = last(request_, EventKind.ANSWERED)
        assert (event.text, event.to_status, event.version) == ("On it.", "", row.version)
        question.refresh_from_db()
        assert question.state == "answered"

    def test_who_goes_on_without_it_may_ask_again(self, request_: ServiceRequest, crew: User) -> None:
        first = asked(request_, crew)
        move(request_, crew, S.IN_PROGRESS)
        first.refresh_from_db()
        assert first.state == "unanswered"
        second = asked(request_, crew)
        answer(by=None, token=links.token_for(links.Purpose.ANSWER, first.pk), text="Late.")
        assert ServiceRequest.objects.get(pk=request_.pk).status == "on_hold"
        answer(by=None, token=links.token_for(links.Purpose.ANSWER, second.pk), text="In time.")
        assert ServiceRequest.objects.get(pk=request_.pk).status == "in_progress"

    def test_a_duplicate_that_is_taken_out_again_waits_as_before(
        self, request_: ServiceRequest, city: SmallCity, crew: User
    ) -> None:
        dispatcher = person(role=Role.DISPATCHER, city=city)
        question = asked(request_, crew)
        does(merge, request_, dispatcher, into=report(city, guest()).number)
        does(unmerge, request_, dispatcher)
        assert ServiceRequest.objects.get(pk=request_.pk).status == "on_hold"
        answer(by=None, token=links.token_for(links.Purpose.ANSWER, question.pk), text="On it.")
        assert ServiceRequest.objects.get(pk=request_.pk).status == "acknowledged"
