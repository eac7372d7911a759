from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311.models.service_request import ServiceRequest


class QuestionState(models.TextChoices):
    OPEN = "open"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # the time was up; a late answer is still taken


class Question(models.Model):
    """What a crew asks the reporter; answered in the app, or once by a signed link without an account."""

    #: As long as the link may be used.
    LIFETIME = timedelta(days=14)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(ServiceRequest, on_delete=models.PROTECT, related_name="questions")
    text = models.TextField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=QuestionState.choices, default=QuestionState.OPEN)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=QuestionState.values), name="question_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="answered", answered_at__isnull=False) | (~Q(state="answered") & Q(answered_at=None)),
                name="question_answered_says_when",
            ),
            models.UniqueConstraint(fields=["request"], condition=Q(state="open"), name="question_one_open"),
        ]

    def __str__(self) -> str:
        return f"question {self.pk}"
