from collections.abc import Iterable
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone
from uuid_utils.compat import uuid7

from requests311.models.connector import Connector
from requests311.models.literally import literally
from requests311.models.service_request import ServiceRequest


class ForwardState(models.TextChoices):
    WAITING = "waiting"  # to be sent
    TOKEN = "token"  # noqa: S105 (sent; the other side has given a token and no id yet)
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"  # the request was over before it could be sent
    STUCK = "stuck"  # a person has to look


class ForwardQuerySet(models.QuerySet["Forward"]):
    def under_way(self) -> "ForwardQuerySet":
        return self.filter(literally("state", "IN ('waiting', 'token')"))

    def stuck(self) -> "ForwardQuerySet":
        return self.filter(literally("state", "= 'stuck'"))

    def known_as(self, remote_ids: Iterable[str]) -> "ForwardQuerySet":
        """Those that the other side calls so."""
        return self.filter(literally("remote_id", "<> ''"), remote_id__in=list(remote_ids))

    def due(self, now: datetime) -> "ForwardQuerySet":
        """What may be sent, or asked after, now."""
        return self.under_way().filter(
            Q(connector__paused_until=None) | Q(connector__paused_until__lte=now),
            next_attempt_at__lte=now,
            connector__active=True,
        )

    def polled(self) -> "ForwardQuerySet":
        """Known to the other side, and not closed there as far as we know."""
        return self.filter(
            literally("state", "= 'accepted'"),
            literally("remote_id", "<> ''"),
            literally("remote_status", "<> 'closed'"),
        )


class Forward(models.Model):
    """One request on its way to one department's own system. Its id is the Idempotency-Key of every try."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Found by forward_once.
    request = models.ForeignKey(ServiceRequest, on_delete=models.PROTECT, related_name="forwards", db_index=False)
    connector = models.ForeignKey(Connector, on_delete=models.PROTECT, related_name="forwards", db_index=False)
    state = models.CharField(max_length=9, choices=ForwardState.choices, default=ForwardState.WAITING)
    #: Tries in this state; also tells the results of a worker that came too late from those of the next one.
    attempts = models.PositiveIntegerField(default=0)
    #: While a worker has it: when another may take it.
    next_attempt_at = models.DateTimeField(default=timezone.now)
    #: From when its patience is counted.
    waiting_since = models.DateTimeField(default=timezone.now)
    #: Given instead of an id (GET tokens/{token}).
    token = models.CharField(max_length=200, blank=True)
    #: service_request_id of the other side.
    remote_id = models.CharField(max_length=200, blank=True)
    #: As it was last heard, when requests are polled.
    remote_status = models.CharField(max_length=40, blank=True)
    remote_updated = models.CharField(max_length=60, blank=True)
    remote_notes = models.TextField(blank=True)
    #: When it was asked after last.
    checked_at = models.DateTimeField(default=timezone.now)
    last_error = models.CharField(max_length=500, blank=True, help_text="No secrets and no personal data.")
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    objects = ForwardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "connector"], name="forward_once"),
            models.CheckConstraint(condition=Q(state__in=ForwardState.values), name="forward_state_is_known"),
            models.CheckConstraint(condition=~Q(state="token") | ~Q(token=""), name="forward_token_is_there"),
            models.CheckConstraint(condition=~Q(state="stuck") | ~Q(last_error=""), name="forward_stuck_says_why"),
            models.CheckConstraint(
                condition=~Q(state__in=["token", "accepted"]) | Q(sent_at__isnull=False), name="forward_sent_says_when"
            ),
        ]
        indexes = [
            models.Index(
                fields=["connector", "next_attempt_at"],
                condition=Q(state__in=["waiting", "token"]),
                name="forward_due",
            ),
            models.Index(fields=["created_at"], condition=Q(state="stuck"), name="forward_stuck"),
            models.Index(fields=["connector", "remote_id"], condition=~Q(remote_id=""), name="forward_remote_id"),
            models.Index(fields=["token"], condition=~Q(token=""), name="forward_token"),
            models.Index(
                fields=["connector", "checked_at"],
                condition=Q(state="accepted") & ~Q(remote_id="") & ~Q(remote_status="closed"),
                name="forward_polled",
            ),
        ]

    def __str__(self) -> str:
        return f"forward {self.pk}"
