import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from requests311.models.service_request import ServiceRequest
from requests311.statuses import Status


class EventKind(models.TextChoices):
    SUBMITTED = "submitted"
    STATUS_CHANGED = "status_changed"
    COMMENTED = "commented"
    NOTED = "noted"
    REVISED = "revised"  # a comment or a note, within minutes by who wrote it
    REDACTED = "redacted"  # a comment or a note, at any time by who may
    ASSIGNED = "assigned"
    PRIORITISED = "prioritised"
    REROUTED = "rerouted"
    MERGED = "merged"  # on the request that is kept
    UNMERGED = "unmerged"
    SPLIT = "split"
    ASKED = "asked"
    ANSWERED = "answered"
    HANDED_OVER = "handed_over"
    HANDOVER_REVOKED = "handover_revoked"
    REPORTED_DONE = "reported_done"
    ESCALATED = "escalated"


class Audience(models.TextChoices):
    PUBLIC = "public"
    STAFF = "staff"


class Event(models.Model):
    """One row of a request's append-only history: at once timeline, audit trail and source of messages.

    The database refuses to change or delete a row; only `announced_at` moves, a person who is
    erased leaves their events without an actor, and `requests311.retention` removes the events of requests
    that have been closed for longer than their jurisdiction keeps them (docs/adr/0013).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # Found by event_one_per_version.
    request = models.ForeignKey(ServiceRequest, on_delete=models.PROTECT, related_name="events", db_index=False)
    #: The request's version after this change; the order of the history.
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=30, choices=EventKind.choices)
    audience = models.CharField(max_length=6, choices=Audience.choices, default=Audience.PUBLIC)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12, blank=True)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    #: Changes of one call on many requests: a person hears of all of theirs at once.
    batch = models.UUIDField(null=True, editable=False)
    announced_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["request", "version"], name="event_one_per_version"),
            models.CheckConstraint(condition=Q(audience__in=Audience.values), name="event_audience_is_known"),
            models.CheckConstraint(
                condition=Q(to_status="") | Q(to_status__in=Status.values), name="event_status_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(announced_at=None), name="event_not_announced"),
            models.Index(fields=["batch"], condition=Q(announced_at=None, batch__isnull=False), name="event_of_batch"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                    IF TG_OP = 'DELETE' THEN
                        IF coalesce(current_setting('requests311.retention', true), '') <> 'on' THEN
                            RAISE EXCEPTION 'requests311_event is append-only: DELETE refused'
                                USING ERRCODE = 'restrict_violation';
                        END IF;
                        RETURN OLD;
                    END IF;
                    IF to_jsonb(NEW) - 'announced_at' - 'actor_id' <> to_jsonb(OLD) - 'announced_at' - 'actor_id'
                        OR (NEW.actor_id IS DISTINCT FROM OLD.actor_id AND NEW.actor_id IS NOT NULL)
                    THEN
                        RAISE EXCEPTION 'requests311_event is append-only: UPDATE refused'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="removal_is_due",
                when=pgtrigger.After,
                operation=pgtrigger.Delete,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(old="removed"),  # type: ignore[no-untyped-call]
                # Once for all rows of a statement: row by row it took 0.6 ms each.
                func="""
                    -- Whoever turned the setting on: only what the city's own period lets go.
                    IF EXISTS (
                        SELECT FROM (SELECT DISTINCT request_id FROM removed) gone
                        LEFT JOIN requests311_servicerequest r ON r.id = gone.request_id
                        LEFT JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id
                        WHERE (r.closed_at < now() - make_interval(days => j.keep_events_days)) IS NOT TRUE
                    ) THEN
                        RAISE EXCEPTION 'requests311_event is append-only: DELETE refused'
                            USING ERRCODE = 'restrict_violation',
                            DETAIL = 'A request is open, or its jurisdiction keeps its history still.';
                    END IF;
                    INSERT INTO requests311_eventremoval (at, role, events, first_at, last_at)
                    SELECT statement_timestamp(), session_user, count(*), min(removed.at), max(removed.at)
                    FROM removed HAVING count(*) > 0;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.to_status}".strip()
