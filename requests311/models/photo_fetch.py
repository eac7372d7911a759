from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311.models.service_request import ServiceRequest


class FetchState(models.TextChoices):
    PENDING = "pending"
    FAILED = "failed"


class PhotoFetch(models.Model):
    """A picture that a report names by its address and that is still to be fetched; gone once it is a photo."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ServiceRequest, on_delete=models.CASCADE, related_name="photo_fetches")
    url = models.CharField(max_length=2000)
    state = models.CharField(max_length=7, choices=FetchState.choices, default=FetchState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=300, blank=True, help_text="Why it failed last.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=FetchState.values), name="photo_fetch_state_is_known"),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(reason=""), name="photo_fetch_failed_says_why"),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="photo_fetch_due"),
            models.Index(fields=["created_at"], condition=Q(state="failed"), name="photo_fetch_failed"),
        ]

    def __str__(self) -> str:
        return self.url
