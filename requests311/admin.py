"""The catalogue for people: jurisdictions, departments, services, rules, memberships; requests to look at."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from requests311.forwarding import resending
from requests311.models import (
    Attribute,
    Connector,
    Department,
    Event,
    EventRemoval,
    Forward,
    Jurisdiction,
    Membership,
    Photo,
    RoutingRule,
    Service,
    ServiceArea,
    ServiceRequest,
    Webhook,
    WebhookDelivery,
)
from requests311.webhooks import resending as webhook_resending


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """What has a life cycle or a history of its own is changed by actions, never by a form."""

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class AttributeInline(admin.StackedInline[Attribute, Service]):
    model = Attribute
    extra = 0


class ServiceAreaInline(admin.TabularInline[ServiceArea, Service]):
    model = ServiceArea
    extra = 0
    autocomplete_fields = ("area",)


class EventInline(admin.TabularInline[Event, ServiceRequest]):
    model = Event
    extra = 0
    can_delete = False
    fields = readonly_fields = ("version", "kind", "at", "from_status", "to_status", "text", "audience", "announced_at")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Jurisdiction)
class JurisdictionAdmin(admin.ModelAdmin[Jurisdiction]):
    list_display = ("name", "code", "parent", "time_zone", "languages")
    search_fields = ("name", "code")
    autocomplete_fields = ("parent", "boundary")
    readonly_fields = ("catalogue_version",)


@admin.register(Department)
class DepartmentAdmin(admin.ModelAdmin[Department]):
    list_display = ("name", "code", "jurisdiction", "parent", "is_dispatch_desk", "active")
    list_filter = ("jurisdiction", "active")
    search_fields = ("name", "code")
    autocomplete_fields = ("jurisdiction", "parent")


@admin.register(Service)
class ServiceAdmin(admin.ModelAdmin[Service]):
    list_display = (
        "name",
        "code",
        "group",
        "jurisdiction",
        "photo",
        "asset_kind",
        "visibility",
        "due_after",
        "due_unit",
        "active",
    )
    list_filter = ("jurisdiction", "group", "active", "visibility")
    search_fields = ("name", "code", "keywords")
    autocomplete_fields = ("jurisdiction",)
    inlines = (AttributeInline, ServiceAreaInline)


@admin.register(RoutingRule)
class RoutingRuleAdmin(admin.ModelAdmin[RoutingRule]):
    """Saving goes through `clean()`, which refuses a rule that ties with another."""

    list_display = ("__str__", "jurisdiction", "rank", "valid_from", "valid_to")
    list_filter = ("jurisdiction",)
    list_select_related = ("service", "area", "department", "jurisdiction")
    search_fields = ("service__name", "service__code", "group", "area__name", "department__name")
    autocomplete_fields = ("jurisdiction", "service", "area", "department")


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ("user", "role", "department", "jurisdiction", "valid_from", "valid_to")
    list_filter = ("jurisdiction", "role")
    list_select_related = ("user", "department", "jurisdiction")
    search_fields = ("user__email", "department__name")
    autocomplete_fields = ("user", "jurisdiction", "department")


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
        self.message_user(request, f"{webhook_resending.resend(queryset)} will be sent again.")

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("requests311.change_webhookdelivery"))
