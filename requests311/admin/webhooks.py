"""Which systems hear of a department's requests, and what became of each message."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from requests311.admin.read_only import ReadOnlyAdmin
from requests311.models import Webhook, WebhookDelivery
from requests311.webhooks import resending


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    """Made and changed by the API, where a target is checked and a secret shown once."""

    list_display = ("url", "jurisdiction", "department", "active", "failures", "paused_until", "last_error")
    list_filter = ("jurisdiction", "active")
    list_select_related = ("jurisdiction", "department")
    ordering = ("-id",)
    search_fields = ("url", "department__name", "department__code")
    fields = readonly_fields = (
        *("jurisdiction", "department", "url", "description", "event_kinds", "services", "areas", "active"),
        *("created_by", "created_at", "deleted_at", "previous_secret_until", "failures", "paused_until", "last_error"),
    )


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "webhook", "state", "status_code", "last_error", "attempts", "next_attempt_at", "created_at")
    list_filter = ("state",)
    list_select_related = ("webhook",)
    ordering = ("-id",)
    show_full_result_count = False
    fields = readonly_fields = (
        *("webhook", "event", "state", "attempts", "next_attempt_at", "waiting_since", "status_code", "last_error"),
        *("created_at", "delivered_at"),
    )
    actions = ("resend",)

    @admin.action(description="Send the dead ones again", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: "QuerySet[WebhookDelivery]") -> None:
        self.message_user(request, f"{resending.resend(queryset)} will be sent again.")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("requests311.change_webhookdelivery"))
