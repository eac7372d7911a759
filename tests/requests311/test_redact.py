"""What somebody wrote, and should not have, is gone for everybody; the reason stands in its place."""

from uuid import uuid4

import pytest

from accounts.models import User
from requests311 import links
from requests311.actions.answer import answer
from requests311.actions.ask import ask
from requests311.actions.comment import comment
from requests311.actions.hand_over import hand_over
from requests311.actions.note import note
from requests311.actions.redact import redact
from requests311.actions.report_done import report_done
from requests311.actions.revise import revise
from requests311.actors import Actor
from requests311.errors import CannotRevise, NotAllowed, NotFound, StaleVersion
from requests311.models import Event, EventKind, Handover, Photo, Question, ServiceRequest
from requests311.policies import Role
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, last, told, version_of
from tests.requests311.reporting import photo, refused, report
from tests.requests311.shown import by_webhook, history, open311

pytestmark = pytest.mark.django_db

SECRET = "Mrs Smith of number 4 did it."
REASON = "Names a neighbour."


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def dispatcher(city: SmallCity) -> User:
    return person(role=Role.DISPATCHER, city=city)


@pytest.fixture
def reporter() -> User:
    return guest()


@pytest.fixture
def request_(city: SmallCity, reporter: User) -> ServiceRequest:
    return report(city, reporter)


def everywhere(request: ServiceRequest, *people: User) -> str:
    events = Event.objects.filter(request=request.pk)
    return "\n".join(
        [
            open311(request),
            *(history(request, by) for by in (None, *people)),
            *(by_webhook(event) for event in events.select_related("request__service", "request__department")),
        ]
    )


def test_a_comment_is_gone_everywhere(request_: ServiceRequest, crew: User, dispatcher: User, reporter: User) -> None:
    does(comment, request_, reporter, text=SECRET)
    event = last(request_)
    assert SECRET in open311(request_)
    row = does(redact, request_, dispatcher, event_id=event.pk, reason=REASON)
    assert row.version == event.version + 1
    assert SECRET not in everywhere(request_, crew, dispatcher, reporter)
    for by in (None, crew, dispatcher, reporter):
        assert REASON in history(request_, by)
        assert '"redacted" : true' in history(request_, by)
    assert REASON in open311(request_)
    assert by_webhook(event) == REASON


def test_so_are_its_revisions(request_: ServiceRequest, crew: User, dispatcher: User) -> None:
    does(comment, request_, crew, text="First: " + SECRET)
    event = last(request_)
    does(revise, request_, crew, event_id=event.pk, text="Second: " + SECRET)
    does(redact, request_, dispatcher, event_id=event.pk, reason=REASON)
    assert SECRET not in everywhere(request_, crew, dispatcher)


def test_who_is_told_late_is_not_told(request_: ServiceRequest, crew: User, dispatcher: User) -> None:
    does(comment, request_, crew, text=SECRET)
    event = last(request_)
    does(redact, request_, dispatcher, event_id=event.pk, reason=REASON)
    assert told(last(request_)) == []
    [message] = told(event)
    assert SECRET not in str(message.context)


def test_a_note_its_reason_is_for_staff_too(request_: ServiceRequest, crew: User, dispatcher: User) -> None:
    does(note, request_, crew, text=SECRET)
    does(redact, request_, dispatcher, event_id=last(request_).pk, reason=REASON)
    assert last(request_).audience == "staff"
    assert SECRET not in everywhere(request_, crew, dispatcher)
    assert REASON in history(request_, crew)
    assert REASON not in history(request_, None) + open311(request_)


def test_an_answer(request_: ServiceRequest, crew: User, dispatcher: User, reporter: User) -> None:
    does(ask, request_, crew, text="Who did it?")
    answer(by=None, token=links.token_for(links.Purpose.ANSWER, Question.objects.get().pk), text=SECRET)
    does(redact, request_, dispatcher, event_id=last(request_).pk, reason=REASON)
    assert SECRET not in everywhere(request_, crew, dispatcher, reporter)
    assert REASON in history(request_, crew)
    # That there was an answer is all that others know.
    assert REASON not in history(request_, None) + open311(request_)


def test_what_a_contractor_wrote(request_: ServiceRequest, crew: User, dispatcher: User) -> None:
    does(hand_over, request_, crew, email="works@contractor.example")
    token = links.token_for(links.Purpose.HANDOVER, Handover.objects.get().pk)
    report_done(by=None, token=token, done=False, text=SECRET)
    does(redact, request_, dispatcher, event_id=last(request_).pk, reason=REASON)
    assert SECRET not in everywhere(request_, crew, dispatcher)


def test_the_audit_trail_keeps_it(request_: ServiceRequest, crew: User, dispatcher: User) -> None:
    does(comment, request_, crew, text=SECRET)
    event = last(request_)
    does(redact, request_, dispatcher, event_id=event.pk, reason=REASON)
    event.refresh_from_db()
    assert event.text == SECRET
    redaction = last(request_)
    assert (redaction.kind, redaction.actor, redaction.text) == ("redacted", dispatcher, REASON)
    assert redaction.data["of"] == str(event.pk)


class TestWhatIsRefused:
    def test_twice(self, request_: ServiceRequest, crew: User, dispatcher: User) -> None:
        does(comment, request_, crew, text=SECRET)
        event = last(request_)
        does(redact, request_, dispatcher, event_id=event.pk, reason=REASON)
        with refused(CannotRevise):
            does(redact, request_, dispatcher, event_id=event.pk, reason=SECRET)
        with refused(NotFound):
            does(redact, request_, dispatcher, event_id=last(request_).pk, reason=SECRET)

    def test_who_may_not(self, request_: ServiceRequest, city: SmallCity, crew: User, reporter: User) -> None:
        does(comment, request_, crew, text=SECRET)
        auditor = person(role=Role.AUDITOR, city=city)
        parks = person(role=Role.MANAGER, city=city, department="parks")
        for by in (crew, reporter, guest(), None, auditor, parks):
            with refused(NotAllowed):
                does(redact, request_, by, event_id=last(request_).pk, reason=REASON)

    @pytest.mark.parametrize(
        ("role", "department"), [(Role.DISPATCHER, None), (Role.MANAGER, "roads"), (Role.ADMIN, None)]
    )
    def test_who_may(
        self, request_: ServiceRequest, city: SmallCity, crew: User, role: Role, department: str | None
    ) -> None:
        does(comment, request_, crew, text=SECRET)
        does(
            redact,
            request_,
            person(role=role, city=city, department=department),
            event_id=last(request_).pk,
            reason=REASON,
        )
        assert last(request_).kind == EventKind.REDACTED

    def test_what_nobody_wrote_there(self, request_: ServiceRequest, city: SmallCity, dispatcher: User) -> None:
        elsewhere = report(city, guest())
        does(comment, elsewhere, dispatcher, text="Another one.")
        for event in (request_.events.get(version=1).pk, last(elsewhere).pk, uuid4()):
            with refused(NotFound):
                does(redact, request_, dispatcher, event_id=event, reason=REASON)

    def test_what_was_changed_meanwhile(self, request_: ServiceRequest, crew: User, dispatcher: User) -> None:
        does(comment, request_, crew, text=SECRET)
        with refused(StaleVersion):
            redact(
                by=Actor(dispatcher),
                key=request_.number,
                if_version=version_of(request_) - 1,
                event_id=last(request_).pk,
                reason=REASON,
            )


def test_its_photos_are_staff_s_from_then_on(
    city: SmallCity, request_: ServiceRequest, crew: User, dispatcher: User, reporter: User
) -> None:
    taken = photo(crew)
    comment(by=Actor(crew), key=request_.number, if_version=1, text=SECRET, photos=[taken.pk])
    seen = Photo.objects.visible_to(Actor(reporter))
    assert taken in seen
    redact(by=Actor(dispatcher), key=request_.number, if_version=2, event_id=last(request_).pk, reason=REASON)
    assert taken not in seen.all()
    assert taken in Photo.objects.visible_to(Actor(dispatcher))
