from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from requests311.models.catalogue_triggers import moves_catalogue_version
from requests311.models.jurisdiction import Jurisdiction


class Told(models.TextChoices):
    """Whom a step tells."""

    LEAD = "lead"  # the lead of the request's team, or else its assignee
    MANAGER = "manager"  # the managers of its department
    DIRECTOR = "director"  # the managers of its agency, or else the jurisdiction's admins


class EscalationStep(models.Model):
    """Once so much of the time to a request's due time is used up, somebody is told, once."""

    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.CASCADE, related_name="escalation_steps")
    percent = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(1000)])
    tells = models.CharField(max_length=8, choices=Told.choices)

    class Meta:
        ordering = ["percent"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "percent", "tells"], name="escalation_step_once"),
            models.CheckConstraint(condition=Q(percent__range=(1, 1000)), name="escalation_step_percent_in_range"),
            models.CheckConstraint(condition=Q(tells__in=Told.values), name="escalation_step_tells_is_known"),
        ]
        triggers = [moves_catalogue_version("NEW.jurisdiction_id", "OLD.jurisdiction_id")]

    def __str__(self) -> str:
        return f"{self.percent} % → {self.tells}"
