"""The one who asks: a person with their memberships, or nobody."""

from functools import cached_property
from uuid import UUID

from django.db import connection
from django.utils import timezone

from accounts.models import User
from requests311.conditions import NOTHING, Condition
from requests311.errors import NotAllowed
from requests311.models.department import Department
from requests311.models.membership import Membership
from requests311.models.photo import Photo
from requests311.models.service_request import ServiceRequest
from requests311.policies import REPORTER, ROLES, Permission, Role
from requests311.rows import Columns

_MEMBERSHIP = Columns(Membership, "m")
_MEMBERSHIPS = f"""
SELECT {_MEMBERSHIP.sql} FROM requests311_membership m
WHERE m.user_id = %s AND (m.valid_from IS NULL OR m.valid_from <= %s) AND (m.valid_to IS NULL OR m.valid_to > %s)
"""  # noqa: S608 (our own column names)

#: A member of an agency works for its units too, but never beyond the jurisdiction.
_OF_DEPARTMENTS = """({r}.jurisdiction_id, {r}.department_id) IN (
    SELECT worked.jurisdiction_id, d.id
    FROM unnest(%s::bigint[], %s::bigint[]) AS worked (jurisdiction_id, department_id)
    JOIN requests311_department d ON worked.department_id IN (d.id, d.parent_id)
)"""


class Actor:
    """What a caller may see and do. Memberships are read once, when the first question needs them."""

    def __init__(self, user: User | None, *, batch: UUID | None = None) -> None:
        self.user = user
        #: Set while one call changes many requests: people then hear of all of theirs at once.
        self.batch = batch

    def in_batch(self, batch: UUID) -> "Actor":
        """The same caller, in one call on many requests."""
        actor = Actor(self.user, batch=batch)
        actor.memberships = self.memberships
        return actor

    def works_somewhere(self) -> None:
        """Raises NotAllowed for who is no member of any department or jurisdiction."""
        if not self.memberships:
            raise NotAllowed("You work for no department.")

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
        now = timezone.now()
        with connection.cursor() as cursor:
            cursor.execute(_MEMBERSHIPS, [self.user.pk, now, now])
            return [_MEMBERSHIP.instance(row) for row in cursor.fetchall()]

    def owns(self) -> Condition:
        """The requests that the caller reported."""
        return NOTHING if self.user is None else Condition("{r}.reporter_id = %s", self.user.pk)

    def may(self, permission: Permission) -> Condition:
        """The requests on which a membership gives the caller this permission."""
        granting = [row for row in self.memberships if permission in ROLES[Role(row.role)]]
        wide = [row.jurisdiction_id for row in granting if row.department_id is None]
        narrow = [row for row in granting if row.department_id is not None]
        condition = NOTHING
        if wide:
            condition |= Condition("{r}.jurisdiction_id = ANY(%s)", wide)
        if narrow:
            condition |= Condition(
                _OF_DEPARTMENTS, [row.jurisdiction_id for row in narrow], [row.department_id for row in narrow]
            )
        return condition

    def sees(self) -> Condition:
        """The requests that the caller may know exist: public ones, their own, those their memberships cover."""
        return Condition("{r}.visibility = 'public'") | self.owns() | self.may(Permission.READ_INTERNAL)

    def has(self, permission: Permission) -> bool:
        """Whether any membership gives the caller this permission, wherever that is."""
        return any(permission in ROLES[Role(membership.role)] for membership in self.memberships)

    def may_at(self, permission: Permission, *, jurisdiction_id: int, department: Department | None) -> bool:
        """Whether a membership gives the caller this permission in a department, or in a whole jurisdiction."""
        places = (None,) if department is None else (None, department.pk, department.parent_id)
        return any(
            permission in ROLES[Role(row.role)]
            and row.jurisdiction_id == jurisdiction_id
            and row.department_id in places
            and (department is None or department.jurisdiction_id == jurisdiction_id)
            for row in self.memberships
        )

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


def _covers(membership: Membership, request: ServiceRequest) -> bool:
    if membership.jurisdiction_id != request.jurisdiction_id:
        return False
    return membership.department_id in (None, request.department_id, request.department.parent_id)
