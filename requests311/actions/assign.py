"""A request becomes somebody's: a person's, a team's, or both; or nobody's again."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311 import changes
from requests311.actions.transition import back_to, carry_out
from requests311.actors import Actor
from requests311.errors import IllegalTransition, InputError, Invalid
from requests311.models import Audience, EventKind, ServiceRequest, Team
from requests311.policies import Permission
from requests311.queries.people import workers_on
from requests311.statuses import OPEN, Status


@transaction.atomic(savepoint=False)
def assign(
    *, by: Actor, key: str, if_version: int, assignee: UUID | None = None, team: str | None = None
) -> ServiceRequest:
    """Gives an open request to a person, to a team of its department (its code), or to a person of that team.

    With neither it is nobody's again. A request that was only acknowledged becomes assigned. Raises NotFound,
    NotAllowed, StaleVersion, IllegalTransition for one that is over, and Invalid for who does not work there.
    """
    request = changes.to_change(by, key, Permission.ASSIGN, if_version)
    status = Status(request.status)
    if status not in OPEN:
        raise IllegalTransition(f"A request that is {status} is nobody's work.", status_now=status, legal=[])
    found = _team(request, team) if team else None
    if assignee is not None and not workers_on(request, [assignee]):
        detail = f"This person does not work for {request.department.name}."
        raise Invalid(errors=[InputError("/assignee", "not_there", detail)])
    before = {"assignee": _text(request.assignee_id), "team": _text(request.team_id)}
    request.assignee_id, request.team = assignee, found
    data = {
        "assignee": _text(assignee),
        "team": found.code if found else None,
        "team_id": _text(found.pk) if found else None,
        "before": before,
    }
    on_hold = status == Status.ON_HOLD
    to = _status(back_to(request) if on_hold else status, somebody=assignee is not None or found is not None)
    if to == Status.ASSIGNED:
        request.acknowledged_at = request.acknowledged_at or timezone.now()
    if on_hold:
        # Whose it is decides where it goes back to.
        request.held_from = to
    if to != status and not on_hold:
        carry_out(request, by=by.user, to=to, kind=EventKind.ASSIGNED, data=data, batch=by.batch)
    else:
        changes.write(
            request,
            EventKind.ASSIGNED,
            by=by.user,
            columns=("assignee_id", "team_id", "held_from", "acknowledged_at"),
            audience=Audience.STAFF,
            data=data,
            batch=by.batch,
        )
    return request


def _status(now: Status, *, somebody: bool) -> Status:
    if somebody and now in (Status.SUBMITTED, Status.ACKNOWLEDGED):
        return Status.ASSIGNED
    if not somebody and now in (Status.ASSIGNED, Status.IN_PROGRESS):
        return Status.ACKNOWLEDGED
    return now


def _team(request: ServiceRequest, code: str) -> Team:
    department = request.department
    found = Team.objects.filter(department__in=[department.pk, department.parent_id], code=code, active=True)
    by_department = {team.department_id: team for team in found}
    # A unit's own comes before its agency's.
    team = by_department.get(department.pk) or next(iter(by_department.values()), None)
    if team is None:
        detail = f"{request.department.name} has no team {code!r}."
        raise Invalid(errors=[InputError("/team", "unknown_value", detail)])
    return team


def _text(value: object) -> str | None:
    return None if value is None else str(value)
