from django.conf import settings
from django.db import models

from requests311.models.department import Department


class Team(models.Model):
    """People of one department who go out together; a request may be theirs without being anybody's in particular."""

    department = models.ForeignKey(Department, on_delete=models.CASCADE, related_name="teams")
    code = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    lead = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="teams")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [models.UniqueConstraint(fields=["department", "code"], name="team_code_unique")]

    def __str__(self) -> str:
        return self.name
