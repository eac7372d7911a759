"""Departments with a system of their own: connectors, and what goes out through them."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from requests311.admin.read_only import ReadOnlyAdmin
from requests311.forwarding import resending
from requests311.models import Connector, Forward


class ConnectorForm(forms.ModelForm[Connector]):
    """The key is written and never shown: left empty it stays."""

    api_key = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Open311: the api_key. Webhook: the secret of its signature. Left empty, the present one stays.",
    )

    class Meta:
        model = Connector
        fields = (
            *("department", "kind", "url", "email", "format", "jurisdiction_id", "api_key"),
            *("service_codes", "share_contact", "updates", "active"),
        )

    def clean_api_key(self) -> str:
        return self.cleaned_data["api_key"] or self.instance.api_key


@admin.register(Connector)
class ConnectorAdmin(admin.ModelAdmin[Connector]):
    form = ConnectorForm
    list_display = ("department", "kind", "updates", "active", "paused_until", "polled_until", "last_error")
    list_filter = ("kind", "active")
    list_select_related = ("department",)
    search_fields = ("department__name", "department__code")
    autocomplete_fields = ("department",)
    readonly_fields = ("failures", "paused_until", "polled_until", "next_poll_at", "poll_failures", "last_error")


@admin.register(Forward)
class ForwardAdmin(ReadOnlyAdmin):
    list_display = (
        "request",
        "state",
        "last_error",
        "attempts",
        "next_attempt_at",
        "remote_id",
        "connector",
        "created_at",
    )
    list_filter = ("state", "connector")
    list_select_related = ("request", "connector__department")
    ordering = ("-id",)
    show_full_result_count = False
    search_fields = ("request__number__exact", "remote_id__exact")
    fields = readonly_fields = (
        *("request", "connector", "state", "attempts", "next_attempt_at", "waiting_since", "token", "remote_id"),
        *("remote_status", "remote_updated", "checked_at", "last_error", "created_at", "sent_at"),
    )
    actions = ("resend",)

    @admin.action(description="Send the stuck ones again", permissions=["resend"])
    def resend(self, request: HttpRequest, queryset: "QuerySet[Forward]") -> None:
        self.message_user(request, f"{resending.resend(queryset)} will be sent again.")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("requests311.change_forward"))
