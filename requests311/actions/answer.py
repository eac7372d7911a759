"""The reporter answers a question, and the work goes on."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from requests311 import changes, links
from requests311.actions.transition import back_to, carry_out
from requests311.conditions import Condition
from requests311.errors import AnsweredAlready, LinkOver, NotFound
from requests311.models import Event, EventKind, PhotoAudience, PhotoPurpose, Question, QuestionState, ServiceRequest
from requests311.statuses import HoldReason, Status


@transaction.atomic
def answer(*, by: User | None, token: str, text: str, photos: Sequence[UUID] = ()) -> ServiceRequest:
    """Takes the answer of whoever holds the link, once; the request goes back to where it was.

    Photos are those of `by`, a guest perhaps. An answer that comes when nobody waits any more is still kept. Raises
    NotFound, AnsweredAlready, LinkOver, and Invalid for photos that are not theirs.
    """
    question_id = _named(token, by)
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


def _named(token: str, by: User | None) -> UUID:
    """The question that a link is for; the reporter, signed in, may name it by its id."""
    try:
        question_id = UUID(token)
    except ValueError:
        return links.id_of(links.Purpose.ANSWER, token)
    if by is None or not Question.objects.filter(pk=question_id, request__reporter=by).exists():
        raise NotFound
    return question_id


def _answered(request: ServiceRequest, question: Question, by: User | None, text: str, *, goes_on: bool) -> Event:
    data = {"question": str(question.pk)}
    # A signed link is as good as the reporter's own word.
    person = by if by is not None and by.pk == request.reporter_id else None
    waits = request.status == Status.ON_HOLD and request.hold_reason == HoldReason.REPORTER
    if goes_on and waits:
        to = back_to(request)
        return carry_out(request, by=person, to=to, text=text, kind=EventKind.ANSWERED, data=data)
    return changes.write(request, EventKind.ANSWERED, by=person, text=text, data=data)
