"""Event → the forwards that it makes. Called by the worker that tells people of the event, in the same transaction."""

from django.db import transaction
from django.utils import timezone

from notifications.wake import wake
from requests311.models import Connector, Event, EventKind, Forward, ForwardState
from requests311.statuses import OPEN


def forward(event: Event) -> None:
    """A new request gets a forward where its department's own system is connected; one that is opened again goes on,
    and one that another department has now goes there.

    A unit without a connector of its own uses its agency's. Needs `event.request.department`.
    """
    if event.kind == EventKind.SUBMITTED:
        made = _make(event)
    elif event.kind == EventKind.REROUTED:
        _let_go(event)
        made = _make(event) | _go_on(event)
    elif event.to_status in OPEN:
        made = _go_on(event)
    else:
        made = False
    if made:
        transaction.on_commit(_wake_worker)


def _connector(event: Event) -> Connector | None:
    department = event.request.department
    connected = {
        connector.department_id: connector
        for connector in Connector.objects.filter(department__in=[department.pk, department.parent_id], active=True)
    }
    return connected.get(department.pk) or next(iter(connected.values()), None)


def _make(event: Event) -> bool:
    connector = _connector(event)
    if connector is None:
        return False
    Forward.objects.bulk_create([Forward(request=event.request, connector=connector)], ignore_conflicts=True)
    return True


def _go_on(event: Event) -> bool:
    now = timezone.now()
    # Not to a department that has it no more.
    cancelled = Forward.objects.filter(
        request=event.request_id, connector=_connector(event), state=ForwardState.CANCELLED
    )
    return bool(cancelled.update(state=ForwardState.WAITING, attempts=0, next_attempt_at=now, waiting_since=now))


def _let_go(event: Event) -> None:
    """What was not sent yet to a department that has the request no more never is."""
    waiting = Forward.objects.filter(request=event.request_id, state=ForwardState.WAITING)
    waiting.exclude(connector=_connector(event)).update(state=ForwardState.CANCELLED)


def _wake_worker() -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import forward_due

    wake(forward_due)
