from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311.models.service_request import ServiceRequest


class Merge(models.Model):
    """A request was joined to another that is about the same thing; holds all that undoing it needs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    duplicate = models.ForeignKey(ServiceRequest, on_delete=models.PROTECT, related_name="+", db_index=False)
    #: The one that is kept, as it was when they were joined.
    kept = models.ForeignKey(ServiceRequest, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    #: The duplicate's columns that the merge changed, as they were.
    before: models.JSONField[Any, Any] = models.JSONField(default=dict)
    #: Ids of what went along and was not taken out since: photos, and requests joined to the duplicate before.
    photos = ArrayField(models.UUIDField(), default=list)
    carried = ArrayField(models.UUIDField(), default=list)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["duplicate"], condition=Q(undone_at=None), name="merge_once_at_a_time"),
            models.CheckConstraint(condition=~Q(duplicate=F("kept")), name="merge_into_another"),
        ]

    def __str__(self) -> str:
        return f"{self.duplicate_id} into {self.kept_id}"
