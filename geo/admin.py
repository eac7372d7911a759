from django.contrib import admin
from django.http import HttpRequest

from geo.models import Area, Asset


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


@admin.register(Asset)
class AssetAdmin(admin.ModelAdmin[Asset]):
    """To look at; assets are loaded from files."""

    list_display = ("code", "kind", "name", "owner", "jurisdiction", "retired_at")
    list_select_related = ("jurisdiction",)
    # No count over a big table, and no search that reads all of it.
    show_full_result_count = False
    search_fields = ("code__exact",)
    fields = readonly_fields = (
        "code",
        "kind",
        "name",
        "owner",
        "jurisdiction",
        "place",
        "attributes",
        "retired_at",
        "loaded_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
