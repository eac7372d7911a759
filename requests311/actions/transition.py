"""Staff, or the reporter, moves a request through its life."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from requests311 import changes, promises
from requests311.actors import Actor
from requests311.children import finish_parent, has_open_tasks
from requests311.errors import HasOpenTasks, IllegalTransition, InputError, Invalid, NotAllowed
from requests311.models import (
    Event,
    EventKind,
    Photo,
    PhotoAudience,
    PhotoPurpose,
    Question,
    QuestionState,
    RejectionReason,
    ServiceRequest,
)
from requests311.policies import Permission
from requests311.rejections import Responsible, Sentence, sentence_of
from requests311.saying import Saying, check_saying
from requests311.statuses import OPEN, TRANSITIONS, HoldReason, Move, Status

#: Nothing is put off for ever: who names no day means the end of the tenth working day.
HOLD_WORKING_DAYS = 10

#: What a move changes.
_MOVES = (
    *("status", "acknowledged_at", "resolved_at", "resolution", "closed_at", "assignee_id", "team_id"),
    *("hold_reason", "hold_until", "held_from"),
)
_CLOCK = ("pauses", *promises.PROMISED)


@transaction.atomic(savepoint=False)
def transition(
    *,
    by: Actor,
    key: str,
    to: Status,
    if_version: int,
    text: str = "",
    resolution: str = "",
    reason: str = "",
    until: datetime | None = None,
    responsible: Responsible | None = None,
    photos: Sequence[UUID] = (),
) -> ServiceRequest:
    """Moves the request with this id or number, and writes one event.

    Raises NotFound (private and absent alike), NotAllowed, StaleVersion where the request is no longer at
    `if_version`, IllegalTransition with the legal moves, HasOpenTasks, and Invalid where the move needs words.
    """
    request = changes.locked(key, by.sees())
    permissions = changes.check(by, request, None, if_version)
    move = _legal_move(request, to, permissions)
    saying = Saying(text, resolution, reason, until, responsible, photos)
    check_saying(request, move, to, saying)
    if to == Status.RESOLVED and has_open_tasks(request):
        raise HasOpenTasks
    check_reopening(by, request, to)
    check_withdrawing(request, to)
    sentence = _sentence(request, to, saying)
    event = carry_out(
        request,
        by=by.user,
        to=to,
        text=sentence.text if sentence else text,
        resolution=resolution,
        hold=(reason or HoldReason.OTHER, until) if to == Status.ON_HOLD else None,
        data=sentence.data if sentence else None,
        batch=by.batch,
    )
    purpose = PhotoPurpose.COMMENT
    if to == Status.RESOLVED:
        purpose = PhotoPurpose.COMPLETION
        # What a contractor sent is confirmed by it, and so shown to everybody.
        Photo.objects.filter(request=request.pk, purpose=PhotoPurpose.HANDOVER).update(audience=PhotoAudience.PUBLIC)
    changes.attach_photos(event, photos, by=by.user, purpose=purpose)
    return request


def carry_out(
    request: ServiceRequest,
    *,
    by: User | None,
    to: Status,
    text: str = "",
    resolution: str = "",
    hold: tuple[str, datetime | None] | None = None,
    at: datetime | None = None,
    kind: EventKind = EventKind.STATUS_CHANGED,
    data: Mapping[str, Any] | None = None,
    batch: UUID | None = None,
) -> Event:
    """Makes a move that was found legal, on a row that is locked; its event happened `at`, or else now.

    `hold` is why and until when, where it goes on hold.
    """
    before = Status(request.status)
    now = timezone.now()
    columns = _apply(request, by, to, resolution, hold, now)
    event = changes.write(
        request,
        kind,
        by=by,
        columns=columns,
        text=text,
        from_status=before,
        to_status=to,
        data={**({"resolution": resolution} if resolution else {}), **_held(request), **(data or {})},
        at=at,
        now=now,
        batch=batch,
    )
    if request.parent_id is not None and to not in OPEN:
        finish_parent(request, partial(carry_out, batch=batch))
    return event


def legal_moves(request: ServiceRequest, permissions: frozenset[Permission]) -> list[Status]:
    """Where the caller may move it now by a transition; needs `Actor.permissions_on`."""
    return [
        to
        for to, move in TRANSITIONS[Status(request.status)].items()
        if move.permission in permissions and not move.by_action
    ]


def _legal_move(request: ServiceRequest, to: Status, permissions: frozenset[Permission]) -> Move:
    move = TRANSITIONS[Status(request.status)].get(to)
    if move is not None and move.by_action:
        move = None
    if move is not None and move.permission not in permissions:
        raise NotAllowed(f"Your role may not move this request to {to}.")
    if move is None:
        legal = legal_moves(request, permissions)
        hint = " Join it to another one with POST …/merge." if to == Status.DUPLICATE else ""
        raise IllegalTransition(
            f"A request that is {request.status} cannot become {to}; it can become "
            f"{', '.join(legal) if legal else 'nothing else'}.{hint}",
            status_now=request.status,
            legal=[str(status) for status in legal],
        )
    return move


def _sentence(request: ServiceRequest, to: Status, saying: Saying) -> Sentence | None:
    if to != Status.REJECTED or not saying.reason:
        return None
    reason = RejectionReason.objects.filter(
        jurisdiction=request.jurisdiction_id, code=saying.reason, active=True
    ).first()
    if reason is None:
        detail = f"{request.jurisdiction.name} has no such reason; GET …/transitions lists them."
        raise Invalid(errors=[InputError("/reason", "unknown_value", detail)])
    return sentence_of(reason, request.jurisdiction, text=saying.text, responsible=saying.responsible)


def check_reopening(by: Actor, request: ServiceRequest, to: Status) -> None:
    """Staff may reopen at any time, the reporter within the jurisdiction's window. Raises NotAllowed."""
    is_reopening = request.status == Status.RESOLVED and to == Status.ACKNOWLEDGED
    if not is_reopening or Permission.WORK in by.permissions_on(request) or request.resolved_at is None:
        return
    days = request.jurisdiction.reopen_days
    if timezone.now() > request.resolved_at + timedelta(days=days):
        raise NotAllowed(f"A resolved report can be reopened for {days} days; make a new one instead.")


def check_withdrawing(request: ServiceRequest, to: Status) -> None:
    """Of several reports about the same thing the one that is kept is not its reporter's alone. Raises NotAllowed."""
    if to == Status.WITHDRAWN and ServiceRequest.objects.filter(duplicate_of=request.pk).exists():
        raise NotAllowed("Others have reported the same, and wait for your report too; it stays open.")


def _held(request: ServiceRequest) -> dict[str, Any]:
    if request.status != Status.ON_HOLD or request.hold_until is None:
        return {}
    return {"hold_reason": request.hold_reason, "hold_until": request.hold_until.isoformat()}


def _apply(
    request: ServiceRequest,
    by: User | None,
    to: Status,
    resolution: str,
    hold: tuple[str, datetime | None] | None,
    now: datetime,
) -> tuple[str, ...]:
    """Sets what the move changes; answers the columns."""
    columns: tuple[str, ...] = _MOVES
    before, request.status = request.status, to
    if before == Status.ON_HOLD and to != Status.DUPLICATE:
        # Nobody waits for an answer any more, though its link still takes one; a duplicate may be taken out again.
        Question.objects.filter(request=request.pk, state=QuestionState.OPEN).update(state=QuestionState.UNANSWERED)
    if before == Status.ON_HOLD and leave_hold(request, at=now):
        columns += _CLOCK
    if to == Status.ON_HOLD:
        reason, until = hold or (HoldReason.OTHER, None)
        request.held_from, request.hold_reason = before, reason
        request.hold_until = until or promises.in_working_days(request, HOLD_WORKING_DAYS)
        if promises.stops_the_clock(reason):
            promises.pause(request, at=now)
            columns += _CLOCK
    elif to == Status.ACKNOWLEDGED:
        request.acknowledged_at = request.acknowledged_at or now
        if before == Status.RESOLVED:
            request.resolved_at, request.resolution = None, ""
    elif to == Status.ASSIGNED and request.assignee_id is None and request.team_id is None:
        # Who takes it without naming somebody takes it themselves.
        request.assignee = by
    elif to == Status.RESOLVED:
        request.resolved_at, request.resolution = now, resolution
    elif to in (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN, Status.DUPLICATE):
        request.closed_at = now
    if to not in OPEN and request.escalates_at is not None:
        request.escalates_at = None
        columns += _CLOCK
    elif to == Status.ACKNOWLEDGED and before == Status.RESOLVED:
        promises.promise(request, promises.steps_of(request))
        columns += _CLOCK
    return tuple(dict.fromkeys(columns))


def leave_hold(request: ServiceRequest, *, at: datetime) -> bool:
    """Forgets the hold; answers whether the clock stood, so that everything is due later."""
    request.hold_reason, request.hold_until, request.held_from = "", None, ""
    if not promises.go_on(request, at=at):
        return False
    promises.promise(request, promises.steps_of(request))
    return True


def back_to(request: ServiceRequest) -> Status:
    """Where a request on hold goes back to; one that was only submitted has been looked at meanwhile."""
    before = Status(request.held_from or Status.ACKNOWLEDGED)
    return Status.ACKNOWLEDGED if before == Status.SUBMITTED else before
