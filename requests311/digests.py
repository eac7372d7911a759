"""What a manager reads in the morning: the figures of their department, once a day, in its own time zone."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from notifications import outbox
from notifications.models import Message
from notifications.topics import Topic
from requests311.models import Department, Jurisdiction
from requests311.queries.people import managers_of
from requests311.queries.queue import count
from requests311.statuses import Status

#: Local hours in which it may go out; the first sweep in them sends it, the others find it sent.
FROM_HOUR, TO_HOUR = 7, 12
#: Of the ids of digests, which are made of department and day: a second worker's are the same ones.
_NAMESPACE = UUID("6d2b1c86-5f0e-5b8e-9d57-2f6a7c1c3110")
_TIME_TO_LIVE = timedelta(hours=18)

#: What the lines are about, by language; a letter takes the best that it finds.
_OPEN = {"en": "Open", "es": "Abiertas"}
_OVERDUE = {"en": "Late", "es": "Fuera de plazo"}
_UNASSIGNED = {"en": "Not assigned", "es": "Sin asignar"}
_BY_STATUS = {
    Status.SUBMITTED: {"en": "New", "es": "Nuevas"},
    Status.ACKNOWLEDGED: {"en": "Acknowledged", "es": "Recibidas"},
    Status.ASSIGNED: {"en": "Assigned", "es": "Asignadas"},
    Status.IN_PROGRESS: {"en": "In progress", "es": "En curso"},
    Status.ON_HOLD: {"en": "On hold", "es": "En espera"},
}


def departments_due() -> list[int]:
    """Ids of the departments where it is morning, whether they have had theirs or not."""
    cities = [city.pk for city in Jurisdiction.objects.filter(sandbox=False) if _is_morning(city)]
    return list(
        Department.objects.filter(jurisdiction__in=cities, active=True).order_by("pk").values_list("pk", flat=True)
    )


@transaction.atomic
def send(department_id: int) -> int:
    """Writes to the managers of a department who have not got today's yet; answers how many."""
    department = Department.objects.select_related("jurisdiction").get(pk=department_id)
    jurisdiction = department.jurisdiction
    day = _local(jurisdiction).date()
    event_id = uuid5(_NAMESPACE, f"{department.pk} {day.isoformat()}")
    managers = managers_of(department)
    have_it = set(Message.objects.filter(recipient__in=managers, event_id=event_id).values_list("recipient", flat=True))
    waiting = [manager for manager in managers if manager not in have_it]
    if not waiting:
        return 0
    context = {
        "department": department.name,
        "jurisdiction": jurisdiction.name,
        "day": day.isoformat(),
        "lines": _lines(department),
    }
    return outbox.enqueue(
        [
            outbox.Notice(
                recipient_id=manager,
                event_id=event_id,
                kind="digest",
                topic=Topic.DIGEST,
                channels=("email",),
                context=context,
                data={"link": "requests311://queue"},
                ttl=_TIME_TO_LIVE,
                fallback_language=jurisdiction.languages[0],
                sender=jurisdiction.code,
            )
            for manager in waiting
        ]
    )


def _lines(department: Department) -> list[dict[str, Any]]:
    """Of a department with its units."""
    units = department.units.filter(active=True).values_list("pk", flat=True)
    counts = count([department.pk, *units])
    figures = [(_OPEN, counts.total), (_OVERDUE, counts.overdue), (_UNASSIGNED, counts.unassigned)]
    figures += [(label, counts.by_status[status]) for status, label in _BY_STATUS.items()]
    return [{"label": label, "count": number} for label, number in figures]


def _is_morning(jurisdiction: Jurisdiction) -> bool:
    return FROM_HOUR <= _local(jurisdiction).hour < TO_HOUR


def _local(jurisdiction: Jurisdiction) -> datetime:
    return timezone.now().astimezone(ZoneInfo(jurisdiction.time_zone))
