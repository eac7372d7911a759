from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from requests311.models.department import Department
from requests311.models.jurisdiction import Jurisdiction
from requests311.policies import Role


class MembershipQuerySet(models.QuerySet["Membership"]):
    def valid_at(self, moment: datetime) -> "MembershipQuerySet":
        return self.filter(Q(valid_from=None) | Q(valid_from__lte=moment), Q(valid_to=None) | Q(valid_to__gt=moment))


class Membership(models.Model):
    """A person works for a department, or for the whole jurisdiction where no department is named."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.CASCADE, related_name="memberships")
    department = models.ForeignKey(
        Department, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=12, choices=[(role.value, role.value) for role in Role])
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[role.value for role in Role]), name="membership_role_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(role__in=["crew", "manager"]) | Q(department__isnull=False),
                name="membership_crew_has_department",
            ),
            models.UniqueConstraint(
                fields=["user", "jurisdiction", "department", "role"],
                nulls_distinct=False,
                name="membership_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.role} of {self.department or self.jurisdiction}"

    def clean(self) -> None:
        """Refuses a department of another jurisdiction."""
        if self.department is not None and self.department.jurisdiction_id != self.jurisdiction_id:
            raise ValidationError({"department": "Belongs to another jurisdiction."})
