"""Staff, or the reporter, moves a request through its life."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from requests311.actors import Actor
from requests311.conditions import Condition, by_id_or_number
from requests311.errors import IllegalTransition, InputError, Invalid, NotAllowed, NotFound, StaleVersion
from requests311.history import record
from requests311.models import Department, Event, EventKind, Jurisdiction, Service, ServiceRequest
from requests311.policies import Permission
from requests311.rows import Columns
from requests311.snapshots import snapshot
from requests311.statuses import TRANSITIONS, Move, Resolution, Status

_REQUEST = Columns(ServiceRequest, "r")
_DEPARTMENT = Columns(Department, "d")
_SERVICE = Columns(Service, "s")
_JURISDICTION = Columns(Jurisdiction, "j")

_LOCKED = f"""
SELECT {_REQUEST.sql}, {_DEPARTMENT.sql}, {_SERVICE.sql}, {_JURISDICTION.sql}
FROM requests311_servicerequest r
JOIN requests311_department d ON d.id = r.department_id
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id
WHERE {{named}} AND {{sees}}
FOR UPDATE OF r
"""  # noqa: S608 (our own column names)

#: What a move changes.
_MOVES = (
    "status", "version", "updated_at", "acknowledged_at", "resolved_at", "resolution", "closed_at", "assignee_id",
)  # fmt: skip
_MOVED = f"UPDATE requests311_servicerequest SET {', '.join(f'{name} = %s' for name in _MOVES)} WHERE id = %s"  # noqa: S608


@transaction.atomic(savepoint=False)
def transition(
    *, by: Actor, key: str, to: Status, if_version: int, text: str = "", resolution: str = ""
) -> ServiceRequest:
    """Moves the request with this id or number, and writes one event.

    Raises NotFound (private and absent alike), NotAllowed, StaleVersion where the request is no longer at
    `if_version`, IllegalTransition with the legal moves, and Invalid where the move needs words.
    """
    request = locked(key, by.sees())
    permissions = by.permissions_on(request)
    if not permissions:
        raise NotAllowed("This request belongs to another department.")
    if request.version != if_version:
        raise StaleVersion(version=request.version)
    move = _legal_move(request, to, permissions)
    _check_words(move, to, text, resolution)
    check_reopening(by, request, to)
    carry_out(request, by=by.user, to=to, text=text, resolution=resolution)
    return request


def carry_out(
    request: ServiceRequest,
    *,
    by: User | None,
    to: Status,
    text: str = "",
    resolution: str = "",
    at: datetime | None = None,
) -> Event:
    """Makes a move that was found legal, on a row that is locked; its event happened `at`, or else now."""
    before = Status(request.status)
    _apply(request, by, to, resolution)
    with connection.cursor() as cursor:
        cursor.execute(_MOVED, [*(getattr(request, name) for name in _MOVES), request.pk])
    event = Event(
        request=request,
        version=request.version,
        kind=EventKind.STATUS_CHANGED,
        actor=by,
        at=at or request.updated_at,
        from_status=before,
        to_status=to,
        text=text,
        data=snapshot(request) | ({"resolution": resolution} if resolution else {}),
    )
    record(event)
    return event


def locked(key: str, sees: Condition) -> ServiceRequest:
    """The request with this id or number, its department, service and jurisdiction at hand, locked until COMMIT.

    Raises NotFound where there is none that meets the condition.
    """
    named = by_id_or_number(key)
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED.format(named=named.sql(), sees=sees.sql()), (*named.params, *sees.params))
        row = cursor.fetchone()
    if row is None:
        raise NotFound
    values, rest = _REQUEST.split(row)
    request = _REQUEST.instance(values)
    values, rest = _DEPARTMENT.split(rest)
    request.department = _DEPARTMENT.instance(values)
    values, rest = _SERVICE.split(rest)
    request.service = _SERVICE.instance(values)
    request.jurisdiction = _JURISDICTION.instance(rest)
    return request


def legal_moves(request: ServiceRequest, permissions: frozenset[Permission]) -> list[Status]:
    """Where the caller may move it now; needs `Actor.permissions_on`."""
    return [to for to, move in TRANSITIONS[Status(request.status)].items() if move.permission in permissions]


def _legal_move(request: ServiceRequest, to: Status, permissions: frozenset[Permission]) -> Move:
    move = TRANSITIONS[Status(request.status)].get(to)
    if move is not None and move.permission not in permissions:
        raise NotAllowed(f"Your role may not move this request to {to}.")
    if move is None:
        legal = legal_moves(request, permissions)
        raise IllegalTransition(
            f"A request that is {request.status} cannot become {to}; it can become "
            f"{', '.join(legal) if legal else 'nothing else'}.",
            status_now=request.status,
            legal=[str(status) for status in legal],
        )
    return move


def _check_words(move: Move, to: Status, text: str, resolution: str) -> None:
    errors = []
    if move.needs_text and not text.strip():
        errors.append(InputError("/text", "required", f"Say why: {to} needs a text that the resident reads."))
    if move.needs_resolution and not resolution:
        choices = ", ".join(Resolution.values)
        errors.append(InputError("/resolution", "required", f"Say how it ended: one of {choices}."))
    if resolution and move.needs_resolution and resolution not in Resolution.values:
        choices = ", ".join(Resolution.values)
        errors.append(InputError("/resolution", "unknown_value", f"{resolution!r} is not one of {choices}."))
    if resolution and not move.needs_resolution:
        errors.append(InputError("/resolution", "not_taken", f"Moving to {to} takes no resolution."))
    if errors:
        raise Invalid(errors=errors)


def check_reopening(by: Actor, request: ServiceRequest, to: Status) -> None:
    """Staff may reopen at any time, the reporter within the jurisdiction's window. Raises NotAllowed."""
    is_reopening = request.status == Status.RESOLVED and to == Status.ACKNOWLEDGED
    if not is_reopening or Permission.WORK in by.permissions_on(request) or request.resolved_at is None:
        return
    days = request.jurisdiction.reopen_days
    if timezone.now() > request.resolved_at + timedelta(days=days):
        raise NotAllowed(f"A resolved report can be reopened for {days} days; make a new one instead.")


def _apply(request: ServiceRequest, by: User | None, to: Status, resolution: str) -> None:
    now = timezone.now()
    was_resolved = request.status == Status.RESOLVED
    request.status = to
    request.version += 1
    request.updated_at = now
    if to == Status.ACKNOWLEDGED:
        request.acknowledged_at = request.acknowledged_at or now
        if was_resolved:
            request.resolved_at, request.resolution = None, ""
    elif to == Status.ASSIGNED and request.assignee_id is None:
        # Who takes it without naming somebody takes it themselves.
        request.assignee = by
    elif to == Status.RESOLVED:
        request.resolved_at, request.resolution = now, resolution
    elif to in (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN):
        request.closed_at = now
