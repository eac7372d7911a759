"""What a request promises by when, and when somebody is told that time runs out.

Kept in the row, so that queues sort by them; set anew whenever service, pauses or calendar say something else.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils import timezone

from requests311 import deadlines
from requests311.deadlines import Calendar, Pause, Target
from requests311.models import DueUnit, EscalationStep, ServiceRequest
from requests311.statuses import HoldReason

#: What `promise` sets.
PROMISED = ("due_at", "first_response_due_at", "escalates_at")


def promise(request: ServiceRequest, steps: Iterable[EscalationStep]) -> None:
    """Sets due times and the next escalation, counted from the submission; needs `service` and `jurisdiction`."""
    service, jurisdiction, pauses = request.service, request.jurisdiction, pauses_of(request)
    request.due_at = deadlines.due_at(service, jurisdiction, submitted_at=request.submitted_at, pauses=pauses)
    request.first_response_due_at = deadlines.first_response_due_at(
        service, jurisdiction, submitted_at=request.submitted_at, pauses=pauses
    )
    request.escalates_at = next_escalation(request, steps)


def steps_of(request: ServiceRequest) -> list[EscalationStep]:
    """Of its jurisdiction; a submission finds them in the catalogue."""
    return list(EscalationStep.objects.filter(jurisdiction=request.jurisdiction_id))


def next_escalation(request: ServiceRequest, steps: Iterable[EscalationStep]) -> datetime | None:
    """When the first step that was not taken yet is due; None without a promise, without a step, and while paused."""
    service = request.service
    percent = min((step.percent for step in steps if step.percent > request.escalated_percent), default=None)
    if percent is None or service.due_after is None or is_paused(request):
        return None
    return deadlines.reached(
        Target(service.due_after, DueUnit(service.due_unit)),
        Calendar.of(request.jurisdiction),
        since=request.submitted_at,
        percent=percent,
        pauses=pauses_of(request),
    )


def pause(request: ServiceRequest, *, at: datetime) -> None:
    """The clock stands from now on."""
    if not is_paused(request):
        request.pauses = [*request.pauses, [at.isoformat(), None]]
        request.escalates_at = None


def go_on(request: ServiceRequest, *, at: datetime) -> bool:
    """The clock runs again; answers whether it stood, so that everything is due later."""
    if not is_paused(request):
        return False
    begin, _ = request.pauses[-1]
    request.pauses = [*request.pauses[:-1], [begin, at.isoformat()]]
    return True


def is_paused(request: ServiceRequest) -> bool:
    return bool(request.pauses) and request.pauses[-1][1] is None


def stops_the_clock(reason: str) -> bool:
    """Only waiting for the reporter does; bad weather is the city's own risk."""
    return reason == HoldReason.REPORTER


def pauses_of(request: ServiceRequest) -> list[Pause]:
    return [
        Pause(datetime.fromisoformat(begin), datetime.fromisoformat(end) if end else None)
        for begin, end in request.pauses
    ]


def in_working_days(request: ServiceRequest, days: int, *, since: datetime | None = None) -> datetime:
    """The end of that working day of the request's jurisdiction."""
    target = Target(days, DueUnit.WORKING_DAYS)
    return deadlines.due(target, Calendar.of(request.jurisdiction), since=since or timezone.now())
