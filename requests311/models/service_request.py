from collections.abc import Sequence
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex
from django.db import connection
from django.db.models import F, Func, IntegerField, Q, Value
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from geo.models import Asset
from requests311.conditions import by_id_or_number
from requests311.models.department import Department
from requests311.models.jurisdiction import Jurisdiction
from requests311.models.map_triggers import MAP_TRIGGERS
from requests311.models.service import Service, Visibility
from requests311.models.team import Team
from requests311.policies import Viewer
from requests311.statuses import OPEN, HoldReason, Priority, Resolution, Status

#: What the queue holds. Literals, and in this order: PostgreSQL takes a partial index for the very same condition.
OPEN_ONLY = Q(status__in=[status.value for status in Status if status in OPEN])
#: A request without a promise comes after all that have one.
DUE_OR_NEVER = Func("due_at", template="COALESCE(%(expressions)s, 'infinity'::timestamptz)")


class ServiceRequestQuerySet(models.QuerySet["ServiceRequest"]):
    def visible_to(self, viewer: Viewer) -> "ServiceRequestQuerySet":
        """What this caller may know exists."""
        return self.filter(viewer.sees().expression())

    def by_id_or_number(self, key: str) -> "ServiceRequestQuerySet":
        """The request with this UUID, or with this number as people write it; none for anything else."""
        return self.filter(by_id_or_number(key).expression())

    def insert(self, request: "ServiceRequest") -> bool:
        """INSERT … ON CONFLICT DO NOTHING; False where its number or its client_id is taken.

        An IntegrityError would end the transaction that the photos and the Idempotency-Key are in.
        """
        # A new report has none of these: eight values that need neither be bound nor sent.
        sql, fields = _insert(tuple(name for name in _SELDOM_NEW if getattr(request, name)))
        values = [_given(field, getattr(request, field.attname)) for field in fields]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            inserted = bool(cursor.rowcount == 1)
        request._state.adding = not inserted
        return inserted


#: Empty in a new request, as in the database's own defaults.
_SELDOM_NEW = (
    *("team_id", "duplicate_of_id", "parent_id", "hold_reason", "hold_until", "held_from", "pauses"),
    *("escalated_percent", "history_removed_at"),
)


@cache
def _insert(seldom: tuple[str, ...]) -> tuple[str, Sequence["models.Field[Any, Any]"]]:
    """The statement and its fields, in order; put together once, since Django takes a millisecond for it.

    Of _SELDOM_NEW only those named are in it.
    """
    fields = [
        field
        for field in ServiceRequest._meta.concrete_fields
        if not field.generated and (field.attname in seldom or field.attname not in _SELDOM_NEW)
    ]
    columns = ", ".join(str(field.column) for field in fields)
    values = ", ".join("ST_GeomFromEWKB(%s)" if isinstance(field, models.PointField) else "%s" for field in fields)
    return f"INSERT INTO {ServiceRequest._meta.db_table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING", fields  # noqa: S608


def _given(field: Any, value: Any) -> Any:
    if isinstance(field, models.JSONField):
        return Jsonb(value)
    if isinstance(field, models.PointField):
        return bytes(value.ewkb)
    return value


class ServiceRequest(models.Model):
    """One reported issue, from submission to closure."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(max_length=9, unique=True, help_text="What people read out: 7K3F-9QTD.")
    # Jurisdictions are few, and a request never leaves its own; service, department and reporter begin an index below.
    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.PROTECT, related_name="+", db_index=False)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="+", db_index=False)
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="+", db_index=False)
    #: Why it went there, as it was decided then.
    reason = models.TextField()
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.SUBMITTED)
    resolution = models.CharField(max_length=16, choices=Resolution.choices, blank=True)
    location = models.PointField(srid=4326)
    #: The city's thing that it is about; its place is then the location.
    asset = models.ForeignKey(Asset, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    address = models.CharField(max_length=300, blank=True)
    #: [{"kind", "code", "name"}] as they were when it was submitted.
    areas = models.JSONField(default=list)
    description = models.TextField(blank=True)
    attributes = models.JSONField(default=dict)
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    #: {"name", "email", "phone"}, as given; read by the reporter and by staff who may.
    contact = models.JSONField(default=dict)
    channel = models.CharField(max_length=20, default="app")
    visibility = models.CharField(max_length=7, choices=Visibility.choices, default=Visibility.PUBLIC)
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    #: The request that is kept of all that are about the same thing; never one that is a duplicate itself.
    duplicate_of = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="duplicates", db_index=False
    )
    #: The request that this one is a task of.
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    hold_reason = models.CharField(max_length=20, choices=HoldReason.choices, blank=True, default="", db_default="")
    hold_until = models.DateTimeField(null=True)
    #: Where it goes back to.
    held_from = models.CharField(max_length=12, choices=Status.choices, blank=True, default="", db_default="")
    #: [[begin, end or null]], ISO 8601: while the resident is waited for, the clock stands.
    pauses: models.JSONField[Any, Any] = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    version = models.PositiveIntegerField(default=1)
    client_id = models.CharField(max_length=64, null=True, help_text="Made by the phone, unique per reporter.")
    submitted_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    first_response_due_at = models.DateTimeField(null=True)
    #: When somebody is told next that time runs out, and up to which percentage they were told.
    escalates_at = models.DateTimeField(null=True)
    escalated_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    acknowledged_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    #: When its events were removed, the city's period being over; it moves no version.
    history_removed_at = models.DateTimeField(null=True, editable=False)

    objects = ServiceRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reporter", "client_id"],
                condition=Q(client_id__isnull=False),
                name="request_client_id_unique",
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="request_status_is_known"),
            models.CheckConstraint(
                condition=Q(resolution="") | Q(resolution__in=Resolution.values),
                name="request_resolution_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="resolved") | (~Q(resolution="") & Q(resolved_at__isnull=False)),
                name="request_resolved_says_how",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["closed", "rejected", "duplicate", "withdrawn"], closed_at__isnull=False)
                | (~Q(status__in=["closed", "rejected", "duplicate", "withdrawn"]) & Q(closed_at=None)),
                name="request_closed_at_says_closed",
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="request_version_from_1"),
            models.CheckConstraint(condition=Q(priority__in=Priority.values), name="request_priority_is_known"),
            models.CheckConstraint(
                condition=Q(hold_until=None) | Q(status="on_hold"), name="request_held_only_on_hold"
            ),
            models.CheckConstraint(
                condition=Q(duplicate_of=None) | (Q(status="duplicate") & ~Q(duplicate_of=F("id"))),
                name="request_duplicate_of_another",
            ),
            models.CheckConstraint(condition=Q(parent=None) | ~Q(parent=F("id")), name="request_task_of_another"),
            models.CheckConstraint(condition=Q(visibility__in=Visibility.values), name="request_visibility_is_known"),
        ]
        indexes = [
            # Lists go newest first by id, which is a UUIDv7; each filter has its own way in.
            models.Index(fields=["status", "-id"], name="request_status"),
            models.Index(fields=["service", "status", "-id"], name="request_service_status"),
            models.Index(fields=["department", "status", "-id"], name="request_department_status"),
            models.Index(fields=["reporter", "-id"], name="request_reporter"),
            models.Index(fields=["updated_at", "id"], name="request_updated"),
            models.Index(
                fields=["jurisdiction", "closed_at"],
                # A request that was reopened and closed anew has a new history.
                condition=Q(closed_at__isnull=False)
                & (Q(history_removed_at=None) | Q(history_removed_at__lt=models.F("closed_at"))),
                name="request_history_kept",
            ),
            models.Index(fields=["asset", "-id"], condition=Q(asset__isnull=False), name="request_asset"),
            # The newest of a place, cell by cell of level 16, without a look at the table itself.
            models.Index(
                Func("location", function="requests311_cell_x", output_field=IntegerField()),
                Func("location", function="requests311_cell_y", output_field=IntegerField()),
                F("submitted_at").desc(),
                include=["service", "status", "id", "number", "location"],
                condition=Q(visibility="public"),
                name="request_map_cell",
            ),
            # What was submitted when, with what it may be filtered by: a page far down is counted off in the index.
            models.Index(
                fields=["submitted_at", "id"],
                include=["visibility", "jurisdiction", "service", "status", "location"],
                name="request_by_time",
            ),
            models.Index(fields=["duplicate_of"], condition=Q(duplicate_of__isnull=False), name="request_duplicate_of"),
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="request_parent"),
            models.Index(fields=["hold_until"], condition=Q(hold_until__isnull=False), name="request_hold_until"),
            models.Index(fields=["escalates_at"], condition=Q(escalates_at__isnull=False), name="request_escalates"),
            # The queue of a department, one index an order (by age: request_department_status); the first also
            # counts it without a look at the table.
            models.Index(
                F("department"),
                DUE_OR_NEVER,
                F("id"),
                include=["status", "due_at", "assignee", "priority", "service", "team"],
                condition=OPEN_ONLY,
                name="request_queue_due",
            ),
            models.Index(fields=["department", "priority", "id"], condition=OPEN_ONLY, name="request_queue_priority"),
            GistIndex(
                F("department"),
                Func("location", template="(%(expressions)s::geography)"),
                condition=OPEN_ONLY,
                name="request_queue_distance",
            ),
        ]
        triggers = MAP_TRIGGERS

    def __str__(self) -> str:
        return self.number
