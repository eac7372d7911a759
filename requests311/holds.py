"""What was put off comes back when its day has come, whether the reporter has answered or not."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311 import changes
from requests311.actions.transition import back_to, carry_out
from requests311.conditions import Condition
from requests311.errors import NotFound
from requests311.models import Question, QuestionState, ServiceRequest
from requests311.statuses import Status


def holds_over(limit: int) -> list[UUID]:
    """Requests on hold whose day has come, the longest over first."""
    over = ServiceRequest.objects.filter(hold_until__lte=timezone.now()).order_by("hold_until")
    return list(over.values_list("pk", flat=True)[:limit])


@transaction.atomic
def end_hold(request_id: UUID) -> bool:
    """Moves the request back to where it was; False where somebody was quicker.

    A question that nobody answered holds nothing up any more; its link still takes an answer while it is valid.
    """
    try:
        request = changes.locked(str(request_id), Condition("true"))
    except NotFound:
        return False
    if request.status != Status.ON_HOLD or request.hold_until is None or request.hold_until > timezone.now():
        return False
    unanswered = Question.objects.filter(request=request.pk, state=QuestionState.OPEN).first()
    data = {"unanswered": str(unanswered.pk)} if unanswered else {"hold_over": True}
    carry_out(request, by=None, to=back_to(request), data=data)
    return True
