"""Which people work where."""

from collections.abc import Collection, Sequence
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from requests311.models import Department, Membership, ServiceRequest
from requests311.policies import ROLES, Permission, Role


def workers_on(request: ServiceRequest, among: Collection[UUID], permission: Permission = Permission.WORK) -> set[UUID]:
    """Those of these people who have the permission on this request today; needs `request.department`."""
    found = (
        Membership.objects.valid_at(timezone.now())
        .filter(_at(request.jurisdiction_id, request.department), _with(permission), user__in=among)
        .filter(user__is_active=True)
    )
    return set(found.values_list("user", flat=True))


def colleagues_by_email(request: ServiceRequest, emails: Collection[str]) -> dict[str, UUID]:
    """People who read what staff writes on this request, by their address in lower case."""
    found = (
        Membership.objects.valid_at(timezone.now())
        .filter(_at(request.jurisdiction_id, request.department), _with(Permission.READ_INTERNAL))
        .filter(user__is_active=True, user__email__in=list(emails))
    )
    return {email: user for email, user in found.values_list("user__email", "user") if email}


def managers_of(department: Department) -> list[UUID]:
    """The managers of exactly this department today, the oldest first."""
    return _people(Q(department=department.pk, role=Role.MANAGER))


def directors_of(department: Department) -> list[UUID]:
    """The managers of its agency, or, where it has none, the jurisdiction's admins."""
    managers = _people(Q(department=department.parent_id, role=Role.MANAGER)) if department.parent_id else []
    return managers or _people(Q(jurisdiction=department.jurisdiction_id, department=None, role=Role.ADMIN))


def _people(holding: Q) -> list[UUID]:
    found = Membership.objects.valid_at(timezone.now()).filter(holding, user__is_active=True)
    return list(found.order_by("user").values_list("user", flat=True).distinct())


def _at(jurisdiction_id: int, department: Department) -> Q:
    places: Sequence[int | None] = [department.pk, department.parent_id]
    return Q(jurisdiction=jurisdiction_id) & (Q(department=None) | Q(department__in=[p for p in places if p]))


def _with(permission: Permission) -> Q:
    return Q(role__in=[role.value for role in Role if permission in ROLES[role]])
