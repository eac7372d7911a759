"""What a manager reads in the morning: the figures of their department, once a day, in its own time zone."""

from datetime import date, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from notifications import outbox
from notifications.topics import Topic
from requests311.models import Department, Jurisdiction
from requests311.queries.people import managers_of
from requests311.queries.queue import count

#: Local hours in which it may go out; the first sweep in them sends it, the others find it sent.
FROM_HOUR, TO_HOUR = 7, 12
#: Of the ids of digests, which are made of department and day: a second worker's are the same ones.
_NAMESPACE = UUID("6d2b1c86-5f0e-5b8e-9d57-2f6a7c1c3110")
_TIME_TO_LIVE = timedelta(hours=18)


def send_due() -> int:
    """Digests of all departments where it is morning; answers how many people get one."""
    return sum(_send(jurisdiction) for jurisdiction in Jurisdiction.objects.filter(sandbox=False))


def _send(jurisdiction: Jurisdiction) -> int:
    local = timezone.now().astimezone(ZoneInfo(jurisdiction.time_zone))
    if not FROM_HOUR <= local.hour < TO_HOUR:
        return 0
    departments = Department.objects.filter(jurisdiction=jurisdiction, active=True)
    return sum(_send_one(department, jurisdiction, local.date()) for department in departments)


@transaction.atomic
def _send_one(department: Department, jurisdiction: Jurisdiction, day: date) -> int:
    managers = managers_of(department)
    if not managers:
        return 0
    units = [department.pk, *department.units.filter(active=True).values_list("pk", flat=True)]
    counts = count(units)
    lines = [
        {"label": "open", "count": counts.total},
        {"label": "overdue", "count": counts.overdue},
        {"label": "unassigned", "count": counts.unassigned},
        *({"label": status, "count": number} for status, number in counts.by_status.items()),
    ]
    return outbox.enqueue(
        [
            outbox.Notice(
                recipient_id=manager,
                event_id=uuid5(_NAMESPACE, f"{department.pk} {day.isoformat()}"),
                kind="digest",
                topic=Topic.DIGEST,
                channels=("email",),
                context={
                    "department": department.name,
                    "jurisdiction": jurisdiction.name,
                    "day": day.isoformat(),
                    "lines": lines,
                },
                data={"link": "requests311://queue"},
                ttl=_TIME_TO_LIVE,
                fallback_language=jurisdiction.languages[0],
                sender=jurisdiction.code,
            )
            for manager in managers
        ]
    )
