"""A copy of a jurisdiction for programs in the making: the same place and catalogue, and nothing of it is public."""

from collections.abc import Sequence
from typing import Any, TypeVar

from django.db import models, transaction

from geo.loading import save_area
from geo.models import Area
from requests311.models import (
    Attribute,
    Department,
    EscalationStep,
    Jurisdiction,
    RejectionReason,
    RoutingRule,
    Service,
    ServiceArea,
    Team,
)

M = TypeVar("M", bound=models.Model)

SUFFIX = "-sandbox"


def sandbox_code(code: str) -> str:
    """The code of a jurisdiction's sandbox; codes have 40 characters at most."""
    return f"{code[: 40 - len(SUFFIX)]}{SUFFIX}"


class SandboxExists(Exception):
    """There is a sandbox of this jurisdiction already."""


@transaction.atomic
def make_sandbox(jurisdiction: Jurisdiction) -> Jurisdiction:
    """Boundary, areas, departments with their teams, services with their questions and areas, rules, escalation and
    reasons for a rejection; no people and no requests.

    Raises SandboxExists.
    """
    code = sandbox_code(jurisdiction.code)
    if Jurisdiction.objects.filter(code=code).exists():
        raise SandboxExists(code)
    old = jurisdiction.boundary
    boundary, _ = save_area(parent=None, kind=old.kind, code=code, name=old.name, boundary=old.boundary)
    areas = {old.pk: boundary}
    for area in Area.objects.filter(parent=old):
        areas[area.pk], _ = save_area(
            parent=boundary, kind=area.kind, code=area.code, name=area.name, boundary=area.boundary
        )
    made = _copy(jurisdiction, code=code, parent=None, boundary=boundary, sandbox=True)
    departments: dict[int, Department] = {}
    for department in _parents_first(Department.objects.filter(jurisdiction=jurisdiction)):
        parent = departments[department.parent_id] if department.parent_id else None
        departments[department.pk] = _copy(department, jurisdiction=made, parent=parent)
    for team in Team.objects.filter(department__in=departments):
        _copy(team, department=departments[team.department_id], lead=None)
    for step in EscalationStep.objects.filter(jurisdiction=jurisdiction):
        _copy(step, jurisdiction=made)
    for reason in RejectionReason.objects.filter(jurisdiction=jurisdiction):
        _copy(reason, jurisdiction=made)
    services = {
        service.pk: _copy(service, jurisdiction=made) for service in Service.objects.filter(jurisdiction=jurisdiction)
    }
    for attribute in Attribute.objects.filter(service__in=services):
        _copy(attribute, service=services[attribute.service_id])
    for offered in ServiceArea.objects.filter(service__in=services, area__in=areas):
        _copy(offered, service=services[offered.service_id], area=areas[offered.area_id])
    for rule in RoutingRule.objects.filter(jurisdiction=jurisdiction):
        _copy(
            rule,
            jurisdiction=made,
            department=departments[rule.department_id],
            service=services[rule.service_id] if rule.service_id else None,
            area=areas[rule.area_id] if rule.area_id else None,
        )
    made.refresh_from_db()
    return made


def _copy(row: M, **changes: Any) -> M:
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key and field.name not in changes
    }
    copy = type(row)(**{**values, **changes})
    copy.save(force_insert=True)
    return copy


def _parents_first(departments: "models.QuerySet[Department]") -> Sequence[Department]:
    left = {department.pk: department for department in departments}
    found: list[Department] = []
    while left:
        ready = [department for department in left.values() if department.parent_id not in left]
        found += ready
        for department in ready:
            del left[department.pk]
    return found
