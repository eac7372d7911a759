"""Where the caller may move a request now, and what each move needs."""

from dataclasses import dataclass, field

from requests311.actions.transition import check_reopening, check_withdrawing, legal_moves
from requests311.actors import Actor
from requests311.children import has_open_tasks
from requests311.errors import NotAllowed, NotFound
from requests311.models import RejectionReason, ServiceRequest
from requests311.saying import allowed_resolutions, needs_photo
from requests311.statuses import TRANSITIONS, HoldReason, Status


@dataclass(frozen=True)
class Reason:
    code: str
    text: str
    #: Whether the rejection has to say who is responsible, which the reason itself does not.
    needs_responsible: bool = False


@dataclass(frozen=True)
class LegalMove:
    to: Status
    #: Members that must be sent, and those that may.
    needs: list[str]
    takes: list[str]
    resolutions: list[str] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class Moves:
    status: Status
    version: int
    moves: list[LegalMove]


def read_moves(key: str, *, actor: Actor) -> Moves:
    """Raises NotFound for a request that is absent or not the caller's to see; none for who may not move it."""
    request = (
        ServiceRequest.objects.visible_to(actor)
        .by_id_or_number(key)
        .select_related("department", "service", "jurisdiction")
        .first()
    )
    if request is None:
        raise NotFound
    permissions = actor.permissions_on(request)
    moves = [_described(request, to) for to in legal_moves(request, permissions) if _is_open(actor, request, to)]
    return Moves(Status(request.status), request.version, moves)


def _is_open(actor: Actor, request: ServiceRequest, to: Status) -> bool:
    """Whether nothing but what is said with it stands in the way."""
    if to == Status.RESOLVED and has_open_tasks(request):
        return False
    try:
        check_reopening(actor, request, to)
        check_withdrawing(request, to)
    except NotAllowed:
        return False
    return True


def _described(request: ServiceRequest, to: Status) -> LegalMove:
    move = TRANSITIONS[Status(request.status)][to]
    needs = ["text"] * move.needs_text + ["resolution"] * move.needs_resolution
    takes = ["text", "photos"]
    if to == Status.RESOLVED and needs_photo(request):
        needs.append("photos")
    if to == Status.RESOLVED:
        return LegalMove(to, needs, [*takes, "resolution"], resolutions=allowed_resolutions(request))
    if to == Status.ON_HOLD:
        reasons = [Reason(reason.value, str(reason.label)) for reason in HoldReason]
        return LegalMove(to, needs, [*takes, "reason", "until"], reasons=reasons)
    if to == Status.REJECTED:
        found = RejectionReason.objects.filter(jurisdiction=request.jurisdiction_id, active=True)
        reasons = [Reason(one.code, one.text, one.names_responsible and not one.responsible) for one in found]
        return LegalMove(to, needs, [*takes, "reason", "responsible"], reasons=reasons)
    return LegalMove(to, needs, takes)
