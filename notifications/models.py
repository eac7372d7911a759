"""Devices, switches, what one person is told, and every attempt to bring it to one address."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5, Now
from uuid_utils.compat import uuid7

from notifications.topics import Topic


class FcmKind(models.TextChoices):
    """What an FCM address is: a registration token, or a Firebase installation id."""

    TOKEN = "token"  # noqa: S105 - a kind of address
    FID = "fid"


class Platform(models.TextChoices):
    ANDROID = "android"
    IOS = "ios"
    WEB = "web"


class Channel(models.TextChoices):
    PUSH = "push"
    EMAIL = "email"


class State(models.TextChoices):
    """Of a delivery. All but `pending` are final; only a person in the admin revives a dead one."""

    PENDING = "pending"
    SENT = "sent"
    DEAD = "dead"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Device(models.Model):
    """One installation of the app. It belongs to whoever registered it last."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    installation_id = models.CharField(max_length=200)
    fcm_kind = models.CharField(max_length=5, choices=FcmKind.choices)
    fcm_value = models.CharField(max_length=4096)
    platform = models.CharField(max_length=7, choices=Platform.choices)
    locale = models.CharField(max_length=35, blank=True, help_text="BCP 47 tag, as the phone says it.")
    app_version = models.CharField(max_length=50, blank=True)
    enabled = models.BooleanField(default=True, db_default=True)
    disabled_because = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["installation_id"], name="device_installation_once"),
            # Over the MD5, since a B-tree cannot hold 4,096 characters. It is no security matter: who makes
            # two addresses collide only takes an address away from himself.
            models.UniqueConstraint(
                MD5("fcm_value"), "fcm_kind", condition=Q(enabled=True), name="device_address_once"
            ),
            models.CheckConstraint(condition=Q(fcm_kind__in=FcmKind.values), name="device_fcm_kind_known"),
            models.CheckConstraint(condition=Q(platform__in=Platform.values), name="device_platform_known"),
            models.CheckConstraint(
                condition=~Q(installation_id="") & ~Q(fcm_value=""), name="device_address_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(enabled=True, disabled_because="") | (Q(enabled=False) & ~Q(disabled_because="")),
                name="device_disabled_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"device {self.pk}"


class Switch(models.Model):
    """A row: this person does not want that topic on that channel. No row: they do."""

    # No index of its own: the unique constraint below begins with it.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    topic = models.CharField(max_length=30)
    channel = models.CharField(max_length=10, choices=Channel.choices)

    class Meta:
        verbose_name_plural = "switches"
        constraints = [
            models.UniqueConstraint(fields=["user", "topic", "channel"], name="switch_once"),
            models.CheckConstraint(
                condition=Q(topic__in=[topic.value for topic in Topic]), name="switch_topic_is_known"
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="switch_channel_known"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} by {self.channel} off for {self.user_id}"


class Message(models.Model):
    """What one person is told about one event, as it was when the event happened."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No index of its own: the unique constraint below begins with it.
    recipient = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False, null=True, blank=True
    )
    #: The e-mail address of somebody without an account; empty where there is a recipient.
    address = models.CharField(max_length=254, blank=True, db_default="")
    #: What it can be switched off by (`Topic`). Empty: it cannot.
    topic = models.CharField(max_length=30, blank=True, db_default="")
    #: In whose name it is told; decides how long it is kept. Empty: nobody's in particular.
    sender = models.CharField(max_length=40, blank=True, db_default="")
    event_id = models.UUIDField()
    kind = models.CharField(max_length=50)
    context = models.JSONField(default=dict, help_text="Variables of the template.")
    data = models.JSONField(default=dict, help_text="Strings for the app, delivered with the push.")
    collapse_key = models.CharField(max_length=200, blank=True)
    fallback_language = models.CharField(max_length=35, default="en")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["sender", "created_at"], name="message_age_of_sender")]
        constraints = [
            models.UniqueConstraint(fields=["recipient", "event_id", "kind"], name="message_once"),
            models.UniqueConstraint(
                fields=["address", "event_id", "kind"], condition=~Q(address=""), name="message_once_per_address"
            ),
            models.CheckConstraint(
                condition=Q(recipient__isnull=False, address="") | (Q(recipient__isnull=True) & ~Q(address="")),
                name="message_has_recipient_or_address",
            ),
            models.CheckConstraint(condition=~Q(kind=""), name="message_has_kind"),
            models.CheckConstraint(
                condition=Q(expires_at__gte=models.F("created_at")), name="message_expires_after_creation"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def due(self) -> "DeliveryQuerySet":
        """To be tried now by the database's clock, and in nobody's hands; the longest waiting first."""
        return self.filter(
            Q(leased_until__isnull=True) | Q(leased_until__lte=Now()),
            state=State.PENDING,
            next_attempt_at__lte=Now(),
        ).order_by("next_attempt_at")


class Delivery(models.Model):
    """One message to one device or one e-mail address: the row that is claimed, tried and settled."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No index of its own: the unique constraint below begins with it.
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="deliveries", null=True, blank=True)
    #: Of an e-mail, as it was when the event happened.
    address = models.CharField(max_length=254, blank=True, db_default="")
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.PUSH)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PENDING)
    attempts = models.PositiveIntegerField(default=0, db_default=0)
    next_attempt_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(db_default=Now())
    #: Whoever claimed the row; a result that comes back under another lease is not written.
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True, db_default="")
    error = models.CharField(max_length=500, blank=True, db_default="")
    provider_id = models.CharField(max_length=200, blank=True, db_default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects: ClassVar[models.Manager["Delivery"]] = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="pending"), name="delivery_due"),
            models.Index(fields=["device"], condition=Q(state="pending"), name="delivery_pending_of_device"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(state="pending", channel="email"), name="delivery_due_email"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["message", "device"], name="delivery_once_per_device"),
            models.UniqueConstraint(
                fields=["message", "address"], condition=~Q(address=""), name="delivery_once_per_address"
            ),
            models.CheckConstraint(
                condition=Q(channel="push", device__isnull=False) | (~Q(channel="push") & Q(device__isnull=True)),
                name="delivery_push_has_device",
            ),
            models.CheckConstraint(
                condition=(Q(channel="email") & ~Q(address="")) | (~Q(channel="email") & Q(address="")),
                name="delivery_email_has_address",
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="delivery_channel_known"),
            models.CheckConstraint(condition=Q(state__in=State.values), name="delivery_state_known"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="delivery_sent_has_time",
            ),
            models.CheckConstraint(condition=~Q(state="dead") | ~Q(error_code=""), name="delivery_dead_has_reason"),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, leased_until__isnull=True)
                | Q(lease__isnull=False, leased_until__isnull=False),
                name="delivery_lease_has_end",
            ),
            models.CheckConstraint(
                condition=Q(lease__isnull=True) | Q(state="pending"), name="delivery_lease_only_pending"
            ),
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"
