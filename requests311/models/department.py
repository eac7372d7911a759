from django.core.exceptions import ValidationError
from django.db import models

from requests311.models.catalogue_triggers import moves_catalogue_version
from requests311.models.jurisdiction import Jurisdiction


class Department(models.Model):
    """The part of a jurisdiction that is responsible for a request: an agency, or a unit of one."""

    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.PROTECT, related_name="departments")
    code = models.SlugField(max_length=60)
    name = models.CharField(max_length=200)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="units")
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    is_dispatch_desk = models.BooleanField(default=False, help_text="Gets what no routing rule catches.")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "code"], name="department_code_unique"),
            models.UniqueConstraint(
                fields=["jurisdiction"],
                condition=models.Q(is_dispatch_desk=True),
                name="department_one_dispatch_desk",
            ),
        ]
        triggers = [moves_catalogue_version("NEW.jurisdiction_id", "OLD.jurisdiction_id")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuses to be a unit of another jurisdiction's agency, whose people would see its requests."""
        if self.parent is not None and self.parent.jurisdiction_id != self.jurisdiction_id:
            raise ValidationError({"parent": "Belongs to another jurisdiction."})
