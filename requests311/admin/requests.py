"""Requests, their history and their photos, to look at."""

from django.contrib import admin
from django.http import HttpRequest

from requests311.admin.read_only import ReadOnlyAdmin
from requests311.models import Event, EventRemoval, Photo, ServiceRequest


class EventInline(admin.TabularInline[Event, ServiceRequest]):
    model = Event
    extra = 0
    can_delete = False
    fields = readonly_fields = ("version", "kind", "at", "from_status", "to_status", "text", "audience", "announced_at")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(ServiceRequest)
class ServiceRequestAdmin(ReadOnlyAdmin):
    list_display = ("number", "status", "service", "department", "submitted_at", "due_at")
    list_filter = ("jurisdiction", "status")
    list_select_related = ("service", "department")
    # No count over a big table, and no search that reads all of it.
    show_full_result_count = False
    search_fields = ("number__exact",)
    inlines = (EventInline,)


@admin.register(EventRemoval)
class EventRemovalAdmin(ReadOnlyAdmin):
    list_display = ("at", "role", "events", "first_at", "last_at")
    show_full_result_count = False


@admin.register(Photo)
class PhotoAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "reason", "content_type", "size_bytes", "created_at")
    list_filter = ("state",)
    show_full_result_count = False
