from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from requests311.models.department import Department
from requests311.outbound import OutboundRefused, check_url


class ConnectorKind(models.TextChoices):
    OPEN311 = "open311", "Open311 GeoReport v2"
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class ConnectorFormat(models.TextChoices):
    JSON = "json"
    XML = "xml"


class ConnectorUpdates(models.TextChoices):
    """How we hear what became of a request there."""

    NONE = "none"
    UPDATES = "updates", "servicerequestupdates (mySociety's extension)"
    REQUESTS = "requests", "polling requests"


class Connector(models.Model):
    """The way to a department's own system, which gets its requests forwarded."""

    department = models.OneToOneField(Department, on_delete=models.PROTECT, related_name="connector")
    kind = models.CharField(max_length=7, choices=ConnectorKind.choices)
    url = models.CharField(
        max_length=500,
        blank=True,
        help_text="Open311: the endpoint without a final slash, https://x.example/open311/v2. Webhook: its address.",
    )
    email = models.EmailField(blank=True)
    format = models.CharField(max_length=4, choices=ConnectorFormat.choices, default=ConnectorFormat.JSON)
    jurisdiction_id = models.CharField(max_length=100, blank=True)
    #: Open311's api_key, or what a webhook's signature is made with. Never shown, never logged.
    api_key = models.CharField(max_length=500, blank=True)
    service_codes = models.JSONField(
        default=dict,
        blank=True,
        help_text='{"our code": "their code"}; a service that is missing has the same code there.',
    )
    share_contact = models.BooleanField(default=False, help_text="Whether the reporter's contact is passed on.")
    updates = models.CharField(max_length=8, choices=ConnectorUpdates.choices, default=ConnectorUpdates.NONE)
    active = models.BooleanField(
        default=True, help_text="Off: nothing is sent or asked, and what waits goes on waiting."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    #: Sends in a row that found the whole system down; nothing is sent before `paused_until`.
    failures = models.PositiveIntegerField(default=0, editable=False)
    paused_until = models.DateTimeField(null=True, editable=False)
    #: A worker sends through it; one at a time, so that a slow system holds up one worker and no more.
    busy_until = models.DateTimeField(null=True, editable=False)
    #: Updates up to here are on our timelines.
    polled_until = models.DateTimeField(null=True, editable=False)
    next_poll_at = models.DateTimeField(null=True, editable=False)
    poll_failures = models.PositiveIntegerField(default=0, editable=False)
    #: A sentence for staff: why it could not be reached or read last. No secrets, no personal data.
    last_error = models.CharField(max_length=500, blank=True, editable=False)

    class Meta:
        ordering = ["department__code"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=ConnectorKind.values), name="connector_kind_is_known"),
            models.CheckConstraint(condition=Q(format__in=ConnectorFormat.values), name="connector_format_is_known"),
            models.CheckConstraint(
                condition=Q(updates__in=ConnectorUpdates.values), name="connector_updates_are_known"
            ),
            models.CheckConstraint(
                condition=(Q(kind="email") & ~Q(email="")) | (~Q(kind="email") & ~Q(url="")),
                name="connector_has_an_address",
            ),
            models.CheckConstraint(
                condition=Q(kind="open311") | Q(updates="none"), name="connector_updates_need_open311"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.department} ({self.get_kind_display()})"

    @property
    def time_zone(self) -> ZoneInfo:
        """In which a time without a zone is understood; needs `department.jurisdiction` at hand."""
        return ZoneInfo(self.department.jurisdiction.time_zone)

    def clean(self) -> None:
        errors: dict[str, str] = {}
        if self.kind == ConnectorKind.EMAIL:
            if not self.email:
                errors["email"] = "Where are they to be sent?"
        else:
            self.url = self.url.strip().rstrip("/") if self.kind == ConnectorKind.OPEN311 else self.url.strip()
            try:
                check_url(self.url)
            except OutboundRefused as refused:
                errors["url"] = refused.detail
        if self.kind == ConnectorKind.WEBHOOK and not self.api_key:
            errors["api_key"] = "A webhook is signed; make a long random text and give it to both sides."
        if self.kind != ConnectorKind.OPEN311 and self.updates != ConnectorUpdates.NONE:
            errors["updates"] = "Only Open311 tells what became of a request."
        codes = self.service_codes
        if not isinstance(codes, dict) or not all(isinstance(theirs, str) and theirs for theirs in codes.values()):
            errors["service_codes"] = 'Write {"our code": "their code"}.'
        if errors:
            raise ValidationError(errors)
