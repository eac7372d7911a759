"""A request that was split into tasks for several departments is resolved when all of them are done."""

from collections.abc import Callable
from typing import Any

from requests311 import changes
from requests311.conditions import Condition
from requests311.models import ServiceRequest
from requests311.statuses import OPEN, Resolution, Status


def has_open_tasks(request: ServiceRequest) -> bool:
    """Whether one of its tasks is still to be done."""
    return ServiceRequest.objects.filter(parent=request.pk, status__in=OPEN).exists()


def finish_parent(task: ServiceRequest, carry_out: Callable[..., Any]) -> None:
    """Resolves the request that this was the last task of; `carry_out` as in `actions.transition`.

    The parent's row is locked before its tasks are counted: of two that end at once, the second sees the first.
    """
    parent = changes.locked(str(task.parent_id), Condition("true"))
    if Status(parent.status) not in OPEN or has_open_tasks(parent):
        return
    ended = set(ServiceRequest.objects.filter(parent=parent.pk).values_list("resolution", flat=True))
    # What was done counts before what was not; of tasks that were all rejected nothing came.
    resolution = next((how for how in Resolution if how in ended), Resolution.NO_ACTION)
    if parent.status == Status.SUBMITTED:
        carry_out(parent, by=None, to=Status.ACKNOWLEDGED)
    if parent.status == Status.ON_HOLD:
        carry_out(parent, by=None, to=Status.IN_PROGRESS)
    carry_out(parent, by=None, to=Status.RESOLVED, resolution=resolution)
