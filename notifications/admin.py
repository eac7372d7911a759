"""What became of our messages, to look at; nothing to edit, and no addresses."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from notifications import outbox
from notifications.models import Delivery

if TYPE_CHECKING:
    DeliveryModelAdmin = admin.ModelAdmin[Delivery]
else:
    DeliveryModelAdmin = admin.ModelAdmin


@admin.register(Delivery)
class DeliveryAdmin(DeliveryModelAdmin):
    list_display = ("id", "kind", "channel", "state", "attempts", "next_attempt_at", "error_code", "created_at")
    list_filter = ("state", "channel", "error_code")
    list_select_related = ("message",)
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("=id", "=message__event_id")
    fields = (
        "id",
        "kind",
        "event_id",
        "device_id",
        "channel",
        "state",
        "attempts",
        "next_attempt_at",
        "leased_until",
        "sent_at",
        "error_code",
        "error",
        "provider_id",
        "created_at",
        "updated_at",
    )
    readonly_fields = fields
    actions = ("resend",)

    @admin.display(ordering="message__kind")
    def kind(self, delivery: Delivery) -> str:
        return delivery.message.kind

    @admin.display
    def event_id(self, delivery: Delivery) -> str:
        return str(delivery.message.event_id)

    @admin.action(description="Send the dead ones again", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: "QuerySet[Delivery]") -> None:
        self.message_user(request, f"{outbox.resend(queryset)} will be sent again.")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notifications.change_delivery"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
