"""A crew asks the reporter a question; the request waits for the answer, and the clock with it."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from requests311 import changes, links, promises
from requests311.actions.transition import carry_out
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.errors import AnsweredAlready, IllegalTransition, LinkOver, NobodyToAsk, NotFound, QuestionPending
from requests311.models import Event, EventKind, PhotoAudience, PhotoPurpose, Question, QuestionState, ServiceRequest
from requests311.policies import Permission
from requests311.statuses import OPEN, HoldReason, Status

#: So long a question holds up the work.
WAIT_WORKING_DAYS = 5


@transaction.atomic(savepoint=False)
def ask(*, by: Actor, key: str, if_version: int, text: str) -> ServiceRequest:
    """Puts an open request on hold until its reporter has answered, for five working days at most.

    Raises NotFound, NotAllowed, StaleVersion, IllegalTransition for one that is over, QuestionPending, NobodyToAsk.
    """
    request = changes.to_change(by, key, Permission.ASK, if_version)
    status = Status(request.status)
    if status not in OPEN:
        raise IllegalTransition(f"Nothing is asked about a request that is {status}.", status_now=status, legal=[])
    if Question.objects.filter(request=request.pk, state=QuestionState.OPEN).exists():
        raise QuestionPending
    if request.reporter_id is None and not request.contact.get("email"):
        raise NobodyToAsk
    now = timezone.now()
    question = Question.objects.create(
        request=request, text=text, asked_by=by.user, asked_at=now, expires_at=now + Question.LIFETIME
    )
    until = promises.in_working_days(request, WAIT_WORKING_DAYS)
    data = {"question": str(question.pk)}
    if status == Status.ON_HOLD:
        # It waits for something else; now it waits for the reporter, and goes back to where it was before.
        request.hold_reason, request.hold_until = HoldReason.REPORTER, until
        promises.pause(request, at=now)
        columns = ("hold_reason", "hold_until", "pauses", *promises.PROMISED)
        changes.write(request, EventKind.ASKED, by=by.user, columns=columns, text=text, data=data)
    else:
        hold = (HoldReason.REPORTER, until)
        carry_out(request, by=by.user, to=Status.ON_HOLD, text=text, hold=hold, kind=EventKind.ASKED, data=data)
    return request


@transaction.atomic(savepoint=False)
def answer(*, by: User | None, token: str, text: str, photos: Sequence[UUID] = ()) -> ServiceRequest:
    """Takes the answer of whoever holds the link, once; the request goes back to where it was.

    Photos are those of `by`, a guest perhaps. An answer that comes when nobody waits any more is still kept. Raises
    NotFound, AnsweredAlready, LinkOver, and Invalid for photos that are not theirs.
    """
    question_id = links.id_of(links.Purpose.ANSWER, token)
    # The request before the question: the order of everybody who locks both.
    request_id = Question.objects.filter(pk=question_id).values_list("request", flat=True).first()
    if request_id is None:
        raise NotFound
    request = changes.locked(str(request_id), Condition("true"))
    question = Question.objects.select_for_update().get(pk=question_id)
    if question.state == QuestionState.ANSWERED:
        raise AnsweredAlready
    now = timezone.now()
    if question.expires_at <= now:
        raise LinkOver
    waited = question.state == QuestionState.OPEN
    Question.objects.filter(pk=question.pk).update(state=QuestionState.ANSWERED, answered_at=now)
    event = _answered(request, question, by, text, goes_on=waited)
    changes.attach_photos(event, photos, by=by, purpose=PhotoPurpose.ANSWER, audience=PhotoAudience.STAFF)
    return request


def read_question(token: str) -> Question:
    """What a link asks, with its request and service at hand. Raises NotFound."""
    question = (
        Question.objects.select_related("request__service", "request__jurisdiction")
        .filter(pk=links.id_of(links.Purpose.ANSWER, token))
        .first()
    )
    if question is None:
        raise NotFound
    return question


def _answered(request: ServiceRequest, question: Question, by: User | None, text: str, *, goes_on: bool) -> Event:
    data = {"question": str(question.pk)}
    # A signed link is as good as the reporter's own word.
    person = by if by is not None and by.pk == request.reporter_id else None
    waits = request.status == Status.ON_HOLD and request.hold_reason == HoldReason.REPORTER
    if goes_on and waits:
        to = back_to(request)
        return carry_out(request, by=person, to=to, text=text, kind=EventKind.ANSWERED, data=data)
    return changes.write(request, EventKind.ANSWERED, by=person, text=text, data=data)


def back_to(request: ServiceRequest) -> Status:
    """Where a request on hold goes back to; one that was only submitted has been looked at meanwhile."""
    before = Status(request.held_from or Status.ACKNOWLEDGED)
    return Status.ACKNOWLEDGED if before == Status.SUBMITTED else before
