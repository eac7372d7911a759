"""Keys of Open311 clients, to look at and to end; they are made by `manage.py open311_key`."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from api.models import ApiKey
from api.open311.keys import revoke


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    list_display = ("name", "kind", "prefix", "created_at", "last_used_on", "revoked_at")
    list_filter = ("kind",)
    search_fields = ("name", "prefix")
    fields = readonly_fields = ("name", "kind", "prefix", "created_at", "last_used_on", "revoked_at")
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def end(self, request: HttpRequest, keys: "QuerySet[ApiKey]") -> None:
        for key in keys:
            revoke(key)
        self.message_user(request, "They are good for nothing from now on.")
