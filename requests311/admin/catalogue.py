"""What a city offers and who does it: jurisdictions, departments, services."""

from django.contrib import admin
from django.db import models

from requests311.models import (
    Attribute,
    Department,
    EscalationStep,
    Jurisdiction,
    RejectionReason,
    Service,
    ServiceArea,
)


class AttributeInline(admin.StackedInline[Attribute, Service]):
    model = Attribute
    extra = 0


class ServiceAreaInline(admin.TabularInline[ServiceArea, Service]):
    model = ServiceArea
    extra = 0
    autocomplete_fields = ("area",)


class EscalationStepInline(admin.TabularInline[EscalationStep, Jurisdiction]):
    model = EscalationStep
    extra = 0


class RejectionReasonInline(admin.StackedInline[RejectionReason, Jurisdiction]):
    model = RejectionReason
    extra = 0
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}


@admin.register(Jurisdiction)
class JurisdictionAdmin(admin.ModelAdmin[Jurisdiction]):
    list_display = ("name", "code", "parent", "time_zone", "languages", "opens_at", "closes_at")
    search_fields = ("name", "code")
    autocomplete_fields = ("parent", "boundary")
    readonly_fields = ("catalogue_version",)
    inlines = (EscalationStepInline, RejectionReasonInline)


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
        "first_response_after",
        "first_response_unit",
        "priority",
        "completion_photo",
        "active",
    )
    list_filter = ("jurisdiction", "group", "active", "visibility")
    search_fields = ("name", "code", "keywords")
    autocomplete_fields = ("jurisdiction",)
    inlines = (AttributeInline, ServiceAreaInline)
