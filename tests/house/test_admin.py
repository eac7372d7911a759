"""Every page of the admin answers; its SQL is Django's, and the server binds its parameters."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts import tokens
from accounts.models import User
from notifications.models import Delivery
from requests311.models import (
    Department,
    EscalationStep,
    Event,
    HeatCount,
    MapChange,
    MapCount,
    Membership,
    PhotoFetch,
    ReceivedUpdate,
    RejectionReason,
    ServiceRequest,
    Team,
    Webhook,
)
from tests.factories.cities import SmallCity
from tests.factories.everything import city_with_everything

pytestmark = pytest.mark.django_db

MODELS = [pytest.param(model, id=model._meta.label_lower) for model in admin.site._registry]

#: Models of the domain that have neither a page nor rows on one, and why.
WITHOUT_A_PAGE: dict[type[Model], str] = {
    HeatCount: "counted by triggers",
    MapCount: "counted by triggers",
    MapChange: "a journal between triggers and tiles",
    PhotoFetch: "what is still to be fetched; its end is a photo",
    ReceivedUpdate: "what has been read already, by the other side's ids",
}


@pytest.fixture
def city(db: None) -> SmallCity:
    made = city_with_everything()
    Group.objects.create(name="Clerks")
    tokens.open_session(User.objects.get(email="else@example.org"))
    return made


@pytest.fixture
def superuser(city: SmallCity) -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss@example.org"))
    return browser


def url_of(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def may(browser: Client, model: type[Model]) -> dict[str, bool]:
    """What the superuser may do there: view, add, change, delete."""
    return dict(admin.site._registry[model].get_model_perms(browser.get("/admin/").wsgi_request))


@pytest.mark.parametrize("model", MODELS)
def test_a_list_answers(superuser: Client, model: type[Model]) -> None:
    url = url_of(model, "changelist")
    whole = superuser.get(url)
    assert whole.status_code == 200
    page = whole.context["cl"]
    asked = ["q=smallville"] if page.search_fields else []
    # What the page itself offers, the first choices of each filter and the order of each column.
    for spec in page.filter_specs:
        asked += [choice["query_string"].lstrip("?") for choice in list(spec.choices(page))[:3]]
    asked += [f"o={number}" for number in range(1, len(page.list_display))]
    for query in asked:
        answer = superuser.get(f"{url}?{query}")
        assert answer.status_code == 200, query


@pytest.mark.parametrize("model", MODELS)
def test_the_page_of_a_row_answers_and_takes_changes_only_where_it_may(superuser: Client, model: type[Model]) -> None:
    row = model._default_manager.order_by("pk").first()
    if model is Delivery:
        pytest.skip("tests/notifications/test_admin.py opens it: a delivery comes of a message and a device.")
    assert row is not None
    allowed = may(superuser, model)
    url = url_of(model, "change", row.pk)
    page = superuser.get(url)
    assert page.status_code == 200
    assert b"whsec_" not in page.content
    assert (b'name="_save"' in page.content) == allowed["change"]
    if not allowed["change"]:
        assert superuser.post(url, {}).status_code == 403
    if not allowed["delete"]:
        assert superuser.post(url_of(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert superuser.get(url_of(model, "history", row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_the_page_of_a_new_row_answers_where_there_may_be_one(superuser: Client, model: type[Model]) -> None:
    added = may(superuser, model)["add"]
    assert superuser.get(url_of(model, "add")).status_code == (200 if added else 403)
    if not added:
        assert superuser.post(url_of(model, "add"), {}).status_code == 403


def test_no_model_is_forgotten() -> None:
    inlines = {inline.model for page in admin.site._registry.values() for inline in page.inlines}
    shown = set(admin.site._registry) | inlines
    ours = set(apps.get_app_config("requests311").get_models(include_auto_created=False))
    assert ours - shown == set(WITHOUT_A_PAGE)


def filled(page: Any) -> dict[str, str]:
    """What a browser sends back for a form and its inlines as they were shown."""
    forms = [page.context["adminform"].form]
    for inline in page.context["inline_admin_formsets"]:
        forms += [inline.formset.management_form, *inline.formset.forms]
    fields = [field for form in forms for field in form]
    shown = {field.html_name: field.field.prepare_value(field.value()) for field in fields}
    return {name: "on" if value is True else str(value) for name, value in shown.items() if value not in (None, False)}


class TestJurisdiction:
    def test_it_shows_its_hours_steps_and_reasons(self, superuser: Client, city: SmallCity) -> None:
        page = superuser.get(url_of(type(city.jurisdiction), "change", city.jurisdiction.pk))
        text = page.content.decode()
        for name in ("opens_at", "closes_at", "escalation_steps-0-percent", "rejection_reasons-0-text"):
            assert f'name="{name}"' in text
        assert "This road is the State" in text
        assert "8 a.m." in superuser.get(url_of(type(city.jurisdiction), "changelist")).content.decode()

    def test_a_step_and_a_reason_are_added_on_its_page(self, superuser: Client, city: SmallCity) -> None:
        url = url_of(type(city.jurisdiction), "change", city.jurisdiction.pk)
        sent = filled(superuser.get(url))
        sent |= {
            "escalation_steps-TOTAL_FORMS": "2",
            "escalation_steps-1-percent": "100",
            "escalation_steps-1-tells": "manager",
            "rejection_reasons-TOTAL_FORMS": "2",
            "rejection_reasons-1-code": "private",
            "rejection_reasons-1-text": "It is private.",
            "rejection_reasons-1-translations": "{}",
            "rejection_reasons-1-active": "on",
        }
        answer = superuser.post(url, sent)
        assert answer.status_code == 302, answer.context["errors"]
        assert list(EscalationStep.objects.values_list("percent", "tells")) == [(80, "lead"), (100, "manager")]
        assert set(RejectionReason.objects.values_list("code", flat=True)) == {"private", "state"}

    def test_a_reason_that_nobody_can_act_on_is_refused(self, superuser: Client, city: SmallCity) -> None:
        url = url_of(type(city.jurisdiction), "change", city.jurisdiction.pk)
        sent = filled(superuser.get(url)) | {"rejection_reasons-0-contact": ""}
        answer = superuser.post(url, sent)
        assert answer.status_code == 200
        assert "Say how who is responsible can be reached" in answer.content.decode()


def test_a_team_is_made_with_its_lead_and_members(superuser: Client, city: SmallCity) -> None:
    crew = User.objects.get(email="somebody@example.org")
    sent = {
        "department": str(city.departments["parks"].pk),
        "code": "trees",
        "name": "Trees",
        "lead": str(crew.pk),
        "members": [str(crew.pk)],
        "active": "on",
    }
    assert superuser.post(url_of(Team, "add"), sent).status_code == 302
    team = Team.objects.get(code="trees")
    assert (team.department.code, team.lead, list(team.members.all())) == ("parks", crew, [crew])


def test_a_request_shows_its_day(superuser: Client, city: SmallCity) -> None:
    request = ServiceRequest.objects.order_by("pk")[0]
    ServiceRequest.objects.filter(pk=request.pk).update(
        team=Team.objects.get(), priority=1, parent=ServiceRequest.objects.order_by("pk")[1]
    )
    text = superuser.get(url_of(ServiceRequest, "change", request.pk)).content.decode()
    shown = ("Urgent", "Asphalt", "Which lane?", "contractor@example.org", "Duplicate of", "Parent", "Hold until")
    for words in (*shown, "First response due at", "Due at", "Escalates at", "somebody@example.org"):
        assert words in text, words
    assert str(ServiceRequest.objects.order_by("pk")[1]) in text
    listed = superuser.get(url_of(ServiceRequest, "changelist")).content.decode()
    assert "Urgent" in listed
    assert "Asphalt" in listed


def test_no_page_has_a_secret(superuser: Client, city: SmallCity) -> None:
    hook = Webhook.objects.get()
    for url in (url_of(Webhook, "changelist"), url_of(Webhook, "change", hook.pk)):
        assert hook.secret not in superuser.get(url).content.decode()


def test_staff_see_what_they_are_given_and_no_more(city: SmallCity) -> None:
    """Nobody comes in by being a dispatcher: the admin goes by Django's own permissions."""
    user = Membership.objects.get(role="dispatcher").user
    User.objects.filter(pk=user.pk).update(is_staff=True)
    browser = Client()
    browser.force_login(User.objects.get(pk=user.pk))
    for model in (ServiceRequest, Team, Department):
        assert browser.get(url_of(model, "changelist")).status_code == 403
    assert Event.objects.exists()
