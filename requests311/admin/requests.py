"""Requests, their history and their photos, to look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from requests311.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from requests311.models import Event, EventRemoval, Handover, Merge, Photo, Question, ServiceRequest


class EventInline(ReadOnlyInline):
    model = Event
    fields = readonly_fields = (
        *("version", "kind", "at", "actor", "from_status", "to_status", "text", "data", "audience", "announced_at"),
    )

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("actor").order_by("version")


class QuestionInline(ReadOnlyInline):
    model = Question
    fields = readonly_fields = ("text", "asked_by", "asked_at", "expires_at", "state", "answered_at")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("asked_by").order_by("asked_at")


class HandoverInline(ReadOnlyInline):
    model = Handover
    fields = readonly_fields = ("email", "by", "at", "expires_at", "revoked_at", "done_at")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("by").order_by("at")


class MergeInline(ReadOnlyInline):
    model = Merge
    fk_name = "kept"
    verbose_name_plural = "merged into this one"
    fields = readonly_fields = ("duplicate", "by", "at", "undone_at")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        return super().get_queryset(request).select_related("duplicate", "by").order_by("at")


@admin.register(ServiceRequest)
class ServiceRequestAdmin(ReadOnlyAdmin):
    list_display = ("number", "status", "priority", "service", "department", "team", "submitted_at", "due_at")
    list_filter = ("jurisdiction", "status", "priority")
    list_select_related = ("service", "department", "team")
    # No count over a big table, and no search that reads all of it.
    show_full_result_count = False
    search_fields = ("number__exact",)
    fieldsets = (
        (None, {"fields": ("number", "jurisdiction", "service", "status", "resolution", "priority", "visibility")}),
        ("Whose", {"fields": ("department", "team", "assignee", "reason")}),
        ("Together with others", {"fields": ("duplicate_of", "parent")}),
        ("On hold", {"fields": ("hold_reason", "hold_until", "held_from", "pauses")}),
        (
            "When",
            {
                "fields": (
                    *("submitted_at", "first_response_due_at", "acknowledged_at", "due_at", "resolved_at"),
                    *("closed_at", "updated_at", "escalates_at", "escalated_percent", "history_removed_at"),
                )
            },
        ),
        ("What", {"fields": ("description", "attributes", "location", "address", "asset", "areas")}),
        ("From whom", {"fields": ("reporter", "contact", "channel", "client_id", "version")}),
    )
    inlines = (QuestionInline, HandoverInline, MergeInline, EventInline)


@admin.register(EventRemoval)
class EventRemovalAdmin(ReadOnlyAdmin):
    list_display = ("at", "role", "events", "first_at", "last_at")
    show_full_result_count = False


@admin.register(Photo)
class PhotoAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "request",
        "purpose",
        "audience",
        "state",
        "reason",
        "content_type",
        "size_bytes",
        "created_at",
    )
    list_filter = ("state", "purpose", "audience")
    list_select_related = ("request",)
    search_fields = ("request__number__exact",)
    show_full_result_count = False
