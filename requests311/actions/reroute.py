"""A request goes to the department, or becomes the service, that it should have been from the start."""

from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from geo.models import Area
from requests311 import changes, promises
from requests311.actors import Actor
from requests311.assets import asset_of
from requests311.catalogue import Catalogue, catalogue_of
from requests311.errors import IllegalTransition, InputError, Invalid
from requests311.models import Department, EventKind, Service, ServiceRequest, Visibility
from requests311.policies import Permission
from requests311.routing import Decision, route
from requests311.statuses import OPEN, Status

_COLUMNS = (
    "department_id", "service_id", "reason", "assignee_id", "team_id", "status", "visibility", "acknowledged_at",
    "held_from", *promises.PROMISED,
)  # fmt: skip


@transaction.atomic(savepoint=False)
def reroute(
    *, by: Actor, key: str, if_version: int, reason: str, department: str = "", service: str = ""
) -> ServiceRequest:
    """Gives an open request to another department, to another service, or to both; each by its code.

    With a service alone the routing decides who has it. It is nobody's there until somebody takes it; what is
    promised is counted anew from the submission. `reason` is for staff; the resident hears who has it now. Raises
    NotFound, NotAllowed, StaleVersion, IllegalTransition for one that is over, and Invalid for what there is not.
    """
    request = changes.to_change(by, key, Permission.REROUTE, if_version)
    status = Status(request.status)
    if status not in OPEN:
        raise IllegalTransition(f"A request that is {status} goes nowhere.", status_now=status, legal=[])
    catalogue = catalogue_of(request.jurisdiction)
    before = {"department": request.department.code, "service": request.service.code}
    if service:
        request.service = _service(catalogue, service)
    decision = _decide(request, catalogue, department, by)
    if decision.department.pk == request.department_id and request.service.code == before["service"]:
        raise Invalid(errors=[InputError("/department", "unchanged", f"{decision.department.name} has it already.")])
    if decision.department.pk != request.department_id:
        request.assignee, request.team = None, None
        # Whoever worked on it does not any more; the new department begins by looking at it.
        if status in (Status.ASSIGNED, Status.IN_PROGRESS):
            request.status = Status.ACKNOWLEDGED
        if request.held_from in (Status.ASSIGNED, Status.IN_PROGRESS):
            request.held_from = Status.ACKNOWLEDGED
    request.department, request.reason = decision.department, decision.reason
    if request.service.visibility == Visibility.PRIVATE:
        # Never the other way round: what somebody said in confidence stays so.
        request.visibility = Visibility.PRIVATE
    promises.promise(request, promises.steps_of(request))
    changes.write(
        request,
        EventKind.REROUTED,
        by=by.user,
        columns=_COLUMNS,
        from_status=status if status != request.status else "",
        to_status=request.status if status != request.status else "",
        data={
            "before": before,
            "department_code": request.department.code,
            "service_code": request.service.code,
            "why": reason,
        },
        batch=by.batch,
    )
    return request


def _service(catalogue: Catalogue, code: str) -> Service:
    offer = catalogue.offers.get(code)
    if offer is None:
        detail = f"{catalogue.jurisdiction.name} has no service {code!r}."
        raise Invalid(errors=[InputError("/service", "unknown_value", detail)])
    return offer.service


def _decide(request: ServiceRequest, catalogue: Catalogue, department: str, by: Actor) -> Decision:
    if department:
        return Decision(_department(catalogue, department), "it was handed over to them", None)
    jurisdiction = catalogue.jurisdiction
    here = [(area["kind"], area["code"]) for area in request.areas]
    areas = Area.objects.filter(parent=jurisdiction.boundary_id).values_list("pk", "kind", "code")
    return route(
        catalogue,
        request.service,
        area_ids={jurisdiction.boundary_id, *(pk for pk, kind, code in areas if (kind, code) in here)},
        answers=request.attributes,
        on=timezone.now().astimezone(ZoneInfo(jurisdiction.time_zone)).date(),
        asset=asset_of(request),
    )


def _department(catalogue: Catalogue, code: str) -> Department:
    found = catalogue.departments.get(code)
    if found is None:
        detail = f"{catalogue.jurisdiction.name} has no department {code!r}."
        raise Invalid(errors=[InputError("/department", "unknown_value", detail)])
    return found
