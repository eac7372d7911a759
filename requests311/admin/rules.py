"""Who gets what: the routing rules."""

from django.contrib import admin

from requests311.models import RoutingRule


@admin.register(RoutingRule)
class RoutingRuleAdmin(admin.ModelAdmin[RoutingRule]):
    """Saving goes through `clean()`, which refuses a rule that ties with another."""

    list_display = ("__str__", "jurisdiction", "rank", "valid_from", "valid_to")
    list_filter = ("jurisdiction",)
    list_select_related = ("service", "area", "department", "jurisdiction")
    search_fields = ("service__name", "service__code", "group", "area__name", "department__name")
    autocomplete_fields = ("jurisdiction", "service", "area", "department")
