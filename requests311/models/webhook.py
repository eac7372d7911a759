from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311.models.department import Department
from requests311.models.event import Event
from requests311.models.jurisdiction import Jurisdiction
from requests311.models.literally import literally


class Webhook(models.Model):
    """Where a department's own system hears of what happens to its requests.

    One without a department hears of the whole jurisdiction. An empty filter lets everything through.
    """

    #: Of one department, or of those of a whole jurisdiction.
    AT_MOST: ClassVar[int] = 50

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.PROTECT, related_name="webhooks", db_index=False)
    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="webhooks",
        help_text="Empty: the whole jurisdiction.",
    )
    url = models.CharField(max_length=500)
    description = models.CharField(max_length=200, blank=True)
    #: Values of EventKind.
    event_kinds = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    #: Codes of services.
    services = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    #: "kind:code" of areas, as a request keeps them.
    areas = ArrayField(models.CharField(max_length=101), default=list, blank=True)
    #: `whsec_` and 32 random bytes in base64. Shown once, never logged; empty once the webhook is deleted.
    secret = models.CharField(max_length=80, blank=True, editable=False)
    #: Signs too until then, while the receiver changes over.
    previous_secret = models.CharField(max_length=80, blank=True, editable=False)
    previous_secret_until = models.DateTimeField(null=True, editable=False)
    active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    #: Nobody sees it any more; retention removes it when its deliveries are gone.
    deleted_at = models.DateTimeField(null=True, editable=False)

    #: Tries in a row that failed; nothing is sent before `paused_until`.
    failures = models.PositiveIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    #: A worker sends through it; one at a time, so that a slow system holds up one worker and no more.
    busy_until = models.DateTimeField(null=True, editable=False)
    #: A sentence for staff: why the last try failed. No secrets, no personal data.
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(url=""), name="webhook_has_an_address"),
            models.CheckConstraint(condition=~Q(secret="") | Q(deleted_at__isnull=False), name="webhook_has_a_secret"),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_until=None)
                | (~Q(previous_secret="") & Q(previous_secret_until__isnull=False)),
                name="webhook_previous_secret_ends",
            ),
            models.CheckConstraint(
                condition=Q(deleted_at=None) | Q(active=False, secret="", previous_secret=""),
                name="webhook_deleted_is_over",
            ),
        ]
        indexes = [
            models.Index(fields=["jurisdiction", "-id"], condition=Q(deleted_at=None), name="webhook_of_jurisdiction")
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"


class DeliveryState(models.TextChoices):
    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # a person has to look
    CANCELLED = "cancelled"  # the webhook was switched off before it could be sent


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def pending(self) -> "WebhookDeliveryQuerySet":
        return self.filter(literally("state", "= 'pending'"))

    def dead(self) -> "WebhookDeliveryQuerySet":
        return self.filter(literally("state", "= 'dead'"))

    def due(self, now: datetime) -> "WebhookDeliveryQuerySet":
        """What may be sent now."""
        return self.pending().filter(
            Q(webhook__paused_until=None) | Q(webhook__paused_until__lte=now),
            next_attempt_at__lte=now,
            webhook__active=True,
        )


class WebhookDelivery(models.Model):
    """One event on its way to one webhook; without an event it is a test. Its id is the same in every try."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Both are found by an index below.
    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    #: Also tells the results of a worker that came too late from those of the next one.
    attempts = models.PositiveIntegerField(default=0)
    #: While a worker has it: when another may take it.
    next_attempt_at = models.DateTimeField(default=timezone.now)
    #: From when its patience is counted.
    waiting_since = models.DateTimeField(default=timezone.now)
    #: Of the last answer; None where none came.
    status_code = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=500, blank=True, help_text="No secrets and no personal data.")
    created_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            # The event first: its removal looks for them.
            models.UniqueConstraint(fields=["event", "webhook"], name="webhook_delivery_once"),
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="webhook_delivery_state_is_known"),
            models.CheckConstraint(
                condition=Q(state="delivered", delivered_at__isnull=False)
                | (~Q(state="delivered") & Q(delivered_at=None)),
                name="webhook_delivery_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state="dead") | ~Q(last_error=""), name="webhook_delivery_dead_says_why"
            ),
        ]
        indexes = [
            models.Index(
                fields=["webhook", "next_attempt_at"], condition=Q(state="pending"), name="webhook_delivery_due"
            ),
            models.Index(fields=["webhook", "-id"], condition=Q(state="dead"), name="webhook_delivery_dead"),
            models.Index(fields=["webhook", "-id"], name="webhook_delivery_newest"),
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["delivered", "cancelled"]),
                name="webhook_delivery_over",
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
