"""Time runs out, and somebody is told: once for every step."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311 import changes, promises
from requests311.conditions import Condition
from requests311.errors import NotFound
from requests311.models import Audience, EscalationStep, EventKind, ServiceRequest
from requests311.statuses import OPEN, Status


def escalations_due(limit: int) -> list[UUID]:
    """Open requests of which a step is due, the longest first."""
    due = ServiceRequest.objects.filter(escalates_at__lte=timezone.now()).order_by("escalates_at")
    return list(due.values_list("pk", flat=True)[:limit])


@transaction.atomic
def escalate(request_id: UUID) -> bool:
    """Writes one event for all steps that are due, and says when the next one is; False where there is none.

    Where the work was done too late for several at once, each person is told of the furthest only.
    """
    try:
        request = changes.locked(str(request_id), Condition("true"))
    except NotFound:
        return False
    now = timezone.now()
    if Status(request.status) not in OPEN or request.escalates_at is None or request.escalates_at > now:
        return False
    steps = promises.steps_of(request)
    # The steps, the service or the calendar may have changed since; of that no event tells.
    request.escalates_at = promises.next_escalation(request, steps)
    if request.escalates_at is None or request.escalates_at > now:
        ServiceRequest.objects.filter(pk=request.pk).update(escalates_at=request.escalates_at)
        return False
    due: list[EscalationStep] = []
    while request.escalates_at is not None and request.escalates_at <= now:
        percent = min(step.percent for step in steps if step.percent > request.escalated_percent)
        due += [step for step in steps if step.percent == percent]
        request.escalated_percent = percent
        request.escalates_at = promises.next_escalation(request, steps)
    told = {step.tells: step.percent for step in due}
    changes.write(
        request,
        EventKind.ESCALATED,
        by=None,
        columns=("escalates_at", "escalated_percent"),
        audience=Audience.STAFF,
        data={"percent": request.escalated_percent, "tells": told},
    )
    return True
