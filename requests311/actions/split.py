"""One request becomes tasks for several departments."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311 import changes, numbers, promises
from requests311.actors import Actor
from requests311.catalogue import catalogue_of
from requests311.errors import IllegalTransition, InputError, Invalid
from requests311.history import record
from requests311.models import Audience, Event, EventKind, ServiceRequest, Visibility
from requests311.policies import Permission
from requests311.snapshots import snapshot
from requests311.statuses import OPEN, Status

TASKS_AT_MOST = 20
_NUMBER_TRIES = 5


@dataclass(frozen=True)
class Part:
    """Codes of a department and, where it is another one than the request's, of a service; what is to be done."""

    department: str
    text: str
    service: str = ""


@transaction.atomic(savepoint=False)
def split(*, by: Actor, key: str, if_version: int, parts: Sequence[Part]) -> ServiceRequest:
    """Makes a task of each part; answers the request.

    A task has the request's place and photos to look at, but no reporter and no contact: nothing that happens to it
    is told to the resident. The request is resolved by itself when all its tasks are over. Raises NotFound,
    NotAllowed, StaleVersion, IllegalTransition for one that is over, and Invalid: at most 20 in all, no task of a task.
    """
    request = changes.to_change(by, key, Permission.SPLIT, if_version)
    if Status(request.status) not in OPEN:
        raise IllegalTransition(
            f"A request that is {request.status} has no tasks.", status_now=request.status, legal=[]
        )
    if request.parent_id is not None:
        raise _wrong("/parts", "task_of_a_task", "A task is not split again; split the request that it is part of.")
    there = ServiceRequest.objects.filter(parent=request.pk).count()
    if not parts or there + len(parts) > TASKS_AT_MOST:
        raise _wrong("/parts", "too_many", f"A request has 1 to {TASKS_AT_MOST} tasks; it has {there} already.")
    # Read with the row: geometries are left out of what is locked.
    request.refresh_from_db(fields=["location"])
    tasks = [_task(request, part, index) for index, part in enumerate(parts)]
    for task in tasks:
        _insert(task)
        record(_submitted(task, by))
    changes.write(
        request,
        EventKind.SPLIT,
        by=by.user,
        audience=Audience.STAFF,
        data={"tasks": [{"id": str(task.pk), "number": task.number} for task in tasks]},
    )
    return request


def _task(request: ServiceRequest, part: Part, index: int) -> ServiceRequest:
    catalogue = catalogue_of(request.jurisdiction)
    department = catalogue.departments.get(part.department)
    if department is None:
        detail = f"{request.jurisdiction.name} has no department {part.department!r}."
        raise _wrong(f"/parts/{index}/department", "unknown_value", detail)
    service = request.service
    if part.service:
        offer = catalogue.offers.get(part.service)
        if offer is None:
            detail = f"{request.jurisdiction.name} has no service {part.service!r}."
            raise _wrong(f"/parts/{index}/service", "unknown_value", detail)
        service = offer.service
    now = timezone.now()
    task = ServiceRequest(
        id=uuid7(),
        parent=request,
        jurisdiction=request.jurisdiction,
        service=service,
        department=department,
        reason=f"it is part of {request.number}",
        location=request.location,
        asset_id=request.asset_id,
        address=request.address,
        areas=request.areas,
        description=part.text,
        channel="split",
        priority=request.priority,
        # Work among departments; the city's map shows what residents reported.
        visibility=Visibility.PRIVATE,
        submitted_at=now,
        updated_at=now,
    )
    promises.promise(task, catalogue.steps)
    return task


def _insert(task: ServiceRequest) -> None:
    for _ in range(_NUMBER_TRIES):
        task.number = numbers.make()
        if ServiceRequest.objects.insert(task):
            return
    raise RuntimeError("no free request number in five draws; the number space is full or the generator broken")


def _submitted(task: ServiceRequest, by: Actor) -> Event:
    return Event(
        request=task,
        version=task.version,
        kind=EventKind.SUBMITTED,
        audience=Audience.STAFF,
        actor=by.user,
        at=task.submitted_at,
        to_status=Status.SUBMITTED,
        data=snapshot(task),
    )


def _wrong(pointer: str, code: str, detail: str) -> Invalid:
    return Invalid(errors=[InputError(pointer, code, detail)])
