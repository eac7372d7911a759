"""Who gets what: the routing rules, a page to try them, and what a change would do before it is saved."""

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from requests311.admin.rule_trial import TrialForm
from requests311.errors import DomainError
from requests311.models import Jurisdiction, RoutingRule
from requests311.queries.rule_preview import LOOKED_AT, Change, what_would_change

_TEMPLATES = "admin/requests311/routingrule"


class PreviewDay(forms.Form):
    """The day of a preview; its name is none of a rule's own fields."""

    preview_on = forms.DateField(required=False, label="Day", widget=forms.DateInput(attrs={"type": "date"}))


@admin.register(RoutingRule)
class RoutingRuleAdmin(admin.ModelAdmin[RoutingRule]):
    """Saving goes through `clean()`, which refuses a rule that ties with another."""

    list_display = ("__str__", "jurisdiction", "rank", "valid_from", "valid_to")
    list_filter = ("jurisdiction",)
    list_select_related = ("service", "area", "department", "jurisdiction")
    search_fields = ("service__name", "service__code", "group", "area__name", "department__name")
    autocomplete_fields = ("jurisdiction", "service", "area", "department")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        name = "requests311_routingrule"
        return [
            path("try/", view(self.try_view), name=f"{name}_try"),
            path("add/preview/", view(self.preview_view), name=f"{name}_preview_add"),
            path("<int:rule_id>/change/preview/", view(self.preview_view), name=f"{name}_preview"),
            path("<int:rule_id>/delete/preview/", view(self.preview_delete_view), name=f"{name}_preview_delete"),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rule = context.get("original")
        if rule is not None:
            context["try_url"] = f"{reverse('admin:requests311_routingrule_try')}?{urlencode(_like(rule))}"
        return super().render_change_form(request, context, *args, **kwargs)

    def try_view(self, request: HttpRequest) -> HttpResponse:
        """Where a report would go. A read: its address holds the whole question."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        form = TrialForm(request.GET) if "place" in request.GET else TrialForm(initial=request.GET.dict())
        trial = form.trial() if form.is_bound else None
        return self._page(request, "try", "Try the routing rules", form=form, trial=trial)

    def preview_view(self, request: HttpRequest, rule_id: int | None = None) -> HttpResponse:
        """What saving this form would do; it is checked as on saving, and not saved."""
        rule = self._rule(request, rule_id) if rule_id is not None else None
        allowed = self.has_change_permission(request, rule) if rule else self.has_add_permission(request)
        if not allowed:
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        home = rule.jurisdiction if rule else None
        form = self.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
        if not form.is_valid():
            return self._preview(request, wrong=form)
        return self._preview(request, home=home, replaced=rule_id, by=form.instance)

    def preview_delete_view(self, request: HttpRequest, rule_id: int) -> HttpResponse:
        """What deleting the rule would do."""
        rule = self._rule(request, rule_id)
        if not self.has_delete_permission(request, rule):
            raise PermissionDenied
        return self._preview(request, home=rule.jurisdiction, replaced=rule_id)

    def _rule(self, request: HttpRequest, rule_id: int) -> RoutingRule:
        rule = self.get_object(request, str(rule_id))
        if rule is None:
            raise Http404
        return rule

    def _preview(
        self,
        request: HttpRequest,
        *,
        home: Jurisdiction | None = None,
        replaced: int | None = None,
        by: RoutingRule | None = None,
        wrong: forms.ModelForm[RoutingRule] | None = None,
    ) -> HttpResponse:
        given = request.POST if request.method == "POST" else request.GET
        day = PreviewDay(given)
        on = day.cleaned_data["preview_on"] if day.is_valid() else None
        changes: list[Change] = []
        refusal = ""
        if wrong is None:
            try:
                changes = _changes(home, replaced, by, on)
            except DomainError as error:
                refusal = error.detail
        again = [
            (name, value)
            for name, values in given.lists()
            for value in values
            if name not in ("csrfmiddlewaretoken", "preview_on")
        ]
        return self._page(
            request,
            "preview",
            "What would change",
            rule=by,
            replaced=replaced,
            wrong=wrong,
            refusal=refusal,
            changes=changes,
            most=LOOKED_AT,
            day=day,
            again=again,
            may_see_requests=request.user.has_perm("requests311.view_servicerequest"),
        )

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, **context}
        return TemplateResponse(request, f"{_TEMPLATES}/{template}.html", context)


def _changes(home: Jurisdiction | None, replaced: int | None, by: RoutingRule | None, on: date | None) -> list[Change]:
    """One, or two for a rule that goes from one jurisdiction to another."""
    changes = []
    if home is not None and (by is None or by.jurisdiction_id != home.pk):
        changes.append(what_would_change(jurisdiction=home, replaced=replaced, by=None, on=on))
    if by is not None:
        changes.append(what_would_change(jurisdiction=by.jurisdiction, replaced=replaced, by=by, on=on))
    return changes


def _like(rule: RoutingRule) -> dict[str, Any]:
    """What the page that tries rules begins with."""
    asked = {
        "jurisdiction": rule.jurisdiction_id,
        "service": rule.service_id,
        "asset_kind": rule.asset_kind,
        "answers": f"{rule.attribute}={rule.value}" if rule.attribute else "",
    }
    return {name: value for name, value in asked.items() if value}
