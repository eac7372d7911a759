"""The words that crews use again and again, and the lists that they look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from requests311.admin.read_only import ReadOnlyAdmin
from requests311.models import SavedFilter, StandardText


@admin.register(StandardText)
class StandardTextAdmin(admin.ModelAdmin[StandardText]):
    """Saving goes through the model's validators and `clean()`, which refuse a placeholder that nobody knows."""

    list_display = ("title", "language", "status", "service", "department", "jurisdiction", "active", "updated_at")
    list_filter = ("jurisdiction", "status", "language", "active")
    list_select_related = ("service", "department", "jurisdiction")
    search_fields = ("title", "text")
    autocomplete_fields = ("jurisdiction", "department", "service")
    readonly_fields = ("updated_at", "updated_by")

    def save_model(self, request: HttpRequest, obj: StandardText, form: Any, change: bool) -> None:
        obj.updated_by_id = request.user.pk
        super().save_model(request, obj, form, change)


@admin.register(SavedFilter)
class SavedFilterAdmin(ReadOnlyAdmin):
    """Each is its owner's own."""

    list_display = ("name", "owner", "position")
    list_select_related = ("owner",)
    search_fields = ("name", "owner__email__exact")
