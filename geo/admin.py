from django.contrib import admin
from django.http import HttpRequest

from geo.models import Area


@admin.register(Area)
class AreaAdmin(admin.ModelAdmin[Area]):
    """To look at and to choose from; boundaries are loaded from files."""

    list_display = ("name", "kind", "code", "parent", "square_metres")
    list_filter = ("kind",)
    list_select_related = ("parent",)
    search_fields = ("name", "code")
    fields = readonly_fields = ("name", "kind", "code", "parent", "square_metres")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
