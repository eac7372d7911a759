"""The one who asks: a person with their memberships, or nobody."""

from functools import cached_property

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from requests311.models.membership import Membership
from requests311.models.photo import Photo
from requests311.models.service_request import ServiceRequest
from requests311.policies import REPORTER, ROLES, Permission, Role

_NOBODY = Q(pk__in=[])


class Actor:
    """What a caller may see and do. Memberships are read once, when the first question needs them."""

    def __init__(self, user: User | None) -> None:
        self.user = user

    @classmethod
    def reporter(cls, user: User) -> "Actor":
        """The person as the reporter of their own request, whatever they work as; reads no memberships."""
        actor = cls(user)
        actor.memberships = []
        return actor

    @cached_property
    def memberships(self) -> list[Membership]:
        if self.user is None or self.user.is_guest:
            return []
        return list(Membership.objects.valid_at(timezone.now()).filter(user=self.user))

    def owns(self) -> Q:
        """Condition on requests: the caller reported it."""
        return _NOBODY if self.user is None else Q(reporter=self.user.pk)

    def may(self, permission: Permission) -> Q:
        """Condition on requests: a membership gives the caller this permission there."""
        condition = _NOBODY
        for membership in self.memberships:
            if permission in ROLES[Role(membership.role)]:
                condition |= _covered_by(membership)
        return condition

    def sees_origin_of(self, photo: Photo) -> bool:
        """Where and when it was taken is for who took it, and for staff of the request's department."""
        if self.user is not None and photo.uploaded_by_id == self.user.pk:
            return True
        return photo.request is not None and Permission.READ_INTERNAL in self.permissions_on(photo.request)

    def permissions_on(self, request: ServiceRequest) -> frozenset[Permission]:
        """All that the caller may do with this request; needs `request.department` at hand."""
        granted: frozenset[Permission] = frozenset()
        if self.user is not None and request.reporter_id == self.user.pk:
            granted |= REPORTER
        for membership in self.memberships:
            if _covers(membership, request):
                granted |= ROLES[Role(membership.role)]
        return granted


def _covered_by(membership: Membership) -> Q:
    jurisdiction = Q(jurisdiction=membership.jurisdiction_id)
    if membership.department_id is None:
        return jurisdiction
    # A member of an agency works for its units too, but never beyond the jurisdiction.
    return jurisdiction & (Q(department=membership.department_id) | Q(department__parent=membership.department_id))


def _covers(membership: Membership, request: ServiceRequest) -> bool:
    if membership.jurisdiction_id != request.jurisdiction_id:
        return False
    return membership.department_id in (None, request.department_id, request.department.parent_id)
