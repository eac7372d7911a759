"""A crew asks the reporter a question; the request waits for the answer, and the clock with it."""

from django.db import transaction
from django.utils import timezone

from requests311 import changes, promises
from requests311.actions.transition import carry_out
from requests311.actors import Actor
from requests311.errors import IllegalTransition, NobodyToAsk, QuestionPending
from requests311.models import EventKind, Question, QuestionState, ServiceRequest
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
