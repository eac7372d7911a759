"""A slip of the pen is mended by who made it, soon after."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import changes, links
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.actions.comment import comment
from requests311.actions.note import note
from requests311.actions.redact import redact
from requests311.actions.revise import REVISE_WITHIN, revise
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.errors import CannotRevise, NotAllowed, NotFound, StaleVersion
from requests311.models import Event, EventKind, Question, ServiceRequest
from requests311.policies import Role
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, last, told, version_of
from tests.requests311.reporting import refused, report
from tests.requests311.shown import by_webhook, history, open311

pytestmark = pytest.mark.django_db


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
def commented(request_: ServiceRequest, crew: User) -> Event:
    does(comment, request_, crew, text="We come on Tuesday.")
    return last(request_)


def long_ago(request: ServiceRequest, by: User, ago: timedelta) -> Event:
    """A comment of that time; the history is append-only, so it is written then."""
    row = changes.locked(str(request.pk), Condition("true"))
    return changes.write(row, EventKind.COMMENTED, by=by, text="Long ago.", at=timezone.now() - ago)


def test_everybody_reads_the_new_text(request_: ServiceRequest, crew: User, commented: Event) -> None:
    row = does(revise, request_, crew, event_id=commented.pk, text="We come on Thursday.")
    assert row.version == commented.version + 1
    for by in (None, crew):
        told_now = history(request_, by)
        assert "Thursday" in told_now
        assert "Tuesday" not in told_now
        assert "revised" not in told_now
        assert '"edited_at" : "' in told_now
    assert "Thursday" in open311(request_)
    assert "Tuesday" not in open311(request_)


def test_the_first_one_stays_in_the_audit_trail(request_: ServiceRequest, crew: User, commented: Event) -> None:
    does(revise, request_, crew, event_id=commented.pk, text="We come on Thursday.")
    commented.refresh_from_db()
    event = last(request_)
    assert commented.text == "We come on Tuesday."
    assert (event.kind, event.actor, event.audience, event.data["of"]) == ("revised", crew, "public", str(commented.pk))
    assert told(event) == []


def test_the_last_of_several_counts(request_: ServiceRequest, crew: User, commented: Event) -> None:
    for text in ("We come on Wednesday.", "We come on Friday."):
        does(revise, request_, crew, event_id=commented.pk, text=text)
    assert "Friday" in history(request_, None)
    assert "Wednesday" not in history(request_, None)
    assert {by_webhook(event) for event in Event.objects.filter(version__gt=1)} == {"We come on Friday."}


def test_who_is_told_late_is_told_the_new_text(request_: ServiceRequest, crew: User, commented: Event) -> None:
    does(revise, request_, crew, event_id=commented.pk, text="We come on Thursday.")
    [message] = told(commented)
    assert message.context["text"] == "We come on Thursday."


def test_a_note_stays_among_staff(request_: ServiceRequest, crew: User) -> None:
    does(note, request_, crew, text="The gate is locked.")
    does(revise, request_, crew, event_id=last(request_).pk, text="The gate is open.")
    assert last(request_).audience == "staff"
    assert "The gate is open." in history(request_, crew)
    assert "gate" not in history(request_, None) + open311(request_)


def test_the_reporter_mends_a_comment_and_an_answer(request_: ServiceRequest, crew: User, reporter: User) -> None:
    does(comment, request_, reporter, text="It grows.")
    does(revise, request_, reporter, event_id=last(request_).pk, text="It grew.")
    assert "It grew." in history(request_, None)
    does(ask, request_, crew, text="Where?")
    answer(by=reporter, token=str(Question.objects.get().pk), text="On the lane.")
    does(revise, request_, reporter, event_id=last(request_).pk, text="Beside the lane.")
    for by in (crew, reporter):
        assert "Beside the lane." in history(request_, by)
        assert "On the lane." not in history(request_, by)
    assert "lane" not in history(request_, None) + open311(request_)


class TestWhatIsRefused:
    def test_after_ten_minutes(self, request_: ServiceRequest, crew: User) -> None:
        late = long_ago(request_, crew, REVISE_WITHIN + timedelta(seconds=1))
        with refused(CannotRevise):
            does(revise, request_, crew, event_id=late.pk, text="No.")
        in_time = long_ago(request_, crew, REVISE_WITHIN - timedelta(seconds=30))
        does(revise, request_, crew, event_id=in_time.pk, text="Yes.")
        assert timedelta(minutes=10) == REVISE_WITHIN

    def test_somebody_elses(self, request_: ServiceRequest, city: SmallCity, reporter: User, commented: Event) -> None:
        for by in (reporter, person(role=Role.ADMIN, city=city), person(role=Role.CREW, city=city, department="roads")):
            with refused(CannotRevise):
                does(revise, request_, by, event_id=commented.pk, text="Mine.")

    def test_an_answer_by_the_link_is_nobodys(self, request_: ServiceRequest, crew: User, reporter: User) -> None:
        does(ask, request_, crew, text="Where?")
        token = links.token_for(links.Purpose.ANSWER, Question.objects.get().pk)
        answer(by=None, token=token, text="Here.")
        for by in (crew, reporter):
            with refused(CannotRevise):
                does(revise, request_, by, event_id=last(request_).pk, text="There.")

    def test_what_was_redacted(self, request_: ServiceRequest, city: SmallCity, crew: User, commented: Event) -> None:
        does(redact, request_, person(role=Role.DISPATCHER, city=city), event_id=commented.pk, reason="No dates.")
        with refused(CannotRevise):
            does(revise, request_, crew, event_id=commented.pk, text="We come on Tuesday.")

    def test_what_has_no_text_of_theirs(self, request_: ServiceRequest, city: SmallCity, crew: User) -> None:
        elsewhere = report(city, guest())
        does(comment, elsewhere, crew, text="Another one.")
        does(ask, request_, crew, text="Where?")
        asked = last(request_)
        for event in (asked.pk, request_.events.get(version=1).pk, last(elsewhere).pk, uuid4()):
            with refused(NotFound):
                does(revise, request_, crew, event_id=event, text="No.")

    def test_a_note_is_not_there_for_the_reporter(self, request_: ServiceRequest, crew: User, reporter: User) -> None:
        does(note, request_, crew, text="The gate is locked.")
        with refused(NotFound):
            does(revise, request_, reporter, event_id=last(request_).pk, text="No.")

    def test_strangers(self, request_: ServiceRequest, commented: Event) -> None:
        for by in (None, guest()):
            with refused(NotAllowed):
                does(revise, request_, by, event_id=commented.pk, text="No.")

    def test_what_was_changed_meanwhile(self, request_: ServiceRequest, crew: User, commented: Event) -> None:
        with refused(StaleVersion):
            revise(
                by=Actor(crew),
                key=request_.number,
                if_version=version_of(request_) - 1,
                event_id=commented.pk,
                text="No.",
            )
