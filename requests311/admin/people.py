"""Who works for a city, and as what."""

from django.contrib import admin

from requests311.models import Membership


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ("user", "role", "department", "jurisdiction", "valid_from", "valid_to")
    list_filter = ("jurisdiction", "role")
    list_select_related = ("user", "department", "jurisdiction")
    search_fields = ("user__email", "department__name")
    autocomplete_fields = ("user", "jurisdiction", "department")
