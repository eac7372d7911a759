from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311.models.service_request import ServiceRequest


class Handover(models.Model):
    """A contractor without an account may see one request by a signed link, and report it done."""

    LIFETIME = timedelta(days=14)
    LONGEST = timedelta(days=90)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ServiceRequest, on_delete=models.PROTECT, related_name="handovers")
    email = models.EmailField(max_length=254)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("at")), name="handover_expires_later"),
        ]

    def __str__(self) -> str:
        return f"handover {self.pk}"
