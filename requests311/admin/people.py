"""Who works for a city, and as what."""

from django.contrib import admin

from requests311.models import Membership, Team


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ("user", "role", "department", "jurisdiction", "valid_from", "valid_to")
    list_filter = ("jurisdiction", "role")
    list_select_related = ("user", "department", "jurisdiction")
    search_fields = ("user__email", "department__name")
    autocomplete_fields = ("user", "jurisdiction", "department")


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin[Team]):
    list_display = ("name", "code", "department", "lead", "active")
    list_filter = ("department__jurisdiction", "active")
    list_select_related = ("department", "lead")
    search_fields = ("name", "code")
    autocomplete_fields = ("department", "lead", "members")
