"""Event → the forwards that it makes. Called by the worker that tells people of the event, in the same transaction."""

from django.db import transaction
from django.utils import timezone

from notifications.wake import wake
from requests311.models import Connector, Event, EventKind, Forward, ForwardState
from requests311.statuses import OPEN


def forward(event: Event) -> None:
    """A new request gets a forward where its department's own system is connected; one that is opened again goes on.

    A unit without a connector of its own uses its agency's. Needs `event.request.department`.
    """
    if event.kind == EventKind.SUBMITTED:
        made = _make(event)
    elif event.to_status in OPEN:
        made = _go_on(event)
    else:
        made = False
    if made:
        transaction.on_commit(_wake_worker)


def _make(event: Event) -> bool:
    department = event.request.department
    connected = {
        connector.department_id: connector
        for connector in Connector.objects.filter(department__in=[department.pk, department.parent_id], active=True)
    }
    connector = connected.get(department.pk) or next(iter(connected.values()), None)
    if connector is None:
        return False
    Forward.objects.bulk_create([Forward(request=event.request, connector=connector)], ignore_conflicts=True)
    return True


def _go_on(event: Event) -> bool:
    now = timezone.now()
    return bool(
        Forward.objects.filter(request=event.request_id, state=ForwardState.CANCELLED).update(
            state=ForwardState.WAITING, attempts=0, next_attempt_at=now, waiting_since=now
        )
    )


def _wake_worker() -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import forward_due

    wake(forward_due)
