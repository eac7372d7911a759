"""Another system says what happened to a request: a client through Open311, or a department's own system."""

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from django.db import transaction
from django.utils import timezone

from requests311.actions.transition import carry_out, check_reopening, check_withdrawing, legal_moves
from requests311.actors import Actor
from requests311.changes import locked, write
from requests311.conditions import Condition
from requests311.errors import NotAllowed, NotFound
from requests311.models import Event, EventKind, Jurisdiction, ReceivedUpdate, ServiceRequest
from requests311.photos.fetching import check_media_urls, enqueue
from requests311.policies import Permission
from requests311.statuses import OPEN, TRANSITIONS, Resolution, Status

#: Open311 knows no more; what else a system has to say is in its text.
OutsideStatus = Literal["open", "closed"]

_REOPENED = "Reopened."


@transaction.atomic
def receive_update(
    *,
    by: Actor | None = None,
    source: str,
    update_id: str,
    key: str,
    text: str = "",
    status: OutsideStatus | None = None,
    at: datetime | None = None,
    within: Jurisdiction | None = None,
    media_urls: Sequence[str] = (),
) -> Event | None:
    """Writes the update onto the timeline, once; None where this update of this source was received before, and where
    a department's own system says nothing new.

    `by` is whose word it is: somebody who works on the request, or its reporter; nobody for a department's own system,
    which was trusted when it was connected. `at` is when it happened, as the source has it; a request of another
    jurisdiction than `within` is as good as absent. A text that changes no status is a comment that everybody may
    read. Photos at `media_urls` are fetched afterwards. Raises NotFound, NotAllowed, and Invalid for a bad address.
    """
    check_media_urls(media_urls)
    request = locked(key, by.sees() if by is not None else Condition("true"))
    if within is not None and request.jurisdiction_id != within.pk:
        raise NotFound
    works = by is None or Permission.WORK in by.permissions_on(request)
    if by is not None and not works and (by.user is None or request.reporter_id != by.user.pk):
        raise NotAllowed("This request is another reporter's.")
    if not ReceivedUpdate.objects.receive(source=source, update_id=update_id, request=request, at=at):
        return None
    enqueue(request, media_urls)
    moves = _moves(request, status, by, works=works)
    happened = _plausible(request, at)
    if not moves:
        # Systems repeat how a request stands; that is nothing to tell people.
        return _comment(request, by, text, happened) if by is not None or text.strip() else None
    for to in moves[:-1]:
        carry_out(request, by=by.user if by else None, to=to, at=happened)
    last = moves[-1]
    needs_text = TRANSITIONS[Status(request.status)][last].needs_text
    return carry_out(
        request,
        by=by.user if by else None,
        to=last,
        text=text if text.strip() or not needs_text else _REOPENED,
        resolution=Resolution.REFERRED if last == Status.RESOLVED else "",
        at=happened,
    )


def _plausible(request: ServiceRequest, at: datetime | None) -> datetime | None:
    """Not before the report, and not after now, whatever another's clock says."""
    return None if at is None else max(request.submitted_at, min(at, timezone.now()))


def _moves(request: ServiceRequest, status: OutsideStatus | None, by: Actor | None, *, works: bool) -> list[Status]:
    """The legal moves that bring the request where the other system has it; none where there are none to make."""
    is_open = Status(request.status) in OPEN
    if status is None or (status == "open") == is_open:
        return []
    if not works:
        assert by is not None
        wanted = Status.WITHDRAWN if status == "closed" else Status.ACKNOWLEDGED
        return [wanted] if _may_move(request, by, wanted) else []
    return _way(Status(request.status), Status.RESOLVED if status == "closed" else Status.ACKNOWLEDGED)


def _may_move(request: ServiceRequest, by: Actor, to: Status) -> bool:
    try:
        check_reopening(by, request, to)
        check_withdrawing(request, to)
    except NotAllowed:
        return False
    return to in legal_moves(request, by.permissions_on(request))


def _way(start: Status, end: Status) -> list[Status]:
    """The shortest way of moves on which nobody has to say why, but for the last one."""
    ways: deque[list[Status]] = deque([[]])
    seen = {start}
    while ways:
        way = ways.popleft()
        for to, move in TRANSITIONS[way[-1] if way else start].items():
            if move.by_action:
                continue
            if to == end:
                return [*way, to]
            if to not in seen and to in OPEN and not move.needs_text and move.permission == Permission.WORK:
                seen.add(to)
                ways.append([*way, to])
    return []


def _comment(request: ServiceRequest, by: Actor | None, text: str, at: datetime | None) -> Event:
    return write(request, EventKind.COMMENTED, by=by.user if by else None, text=text, at=at)
