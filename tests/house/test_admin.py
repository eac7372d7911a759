"""Every list of the admin answers, searched and filtered: its SQL is Django's, and the server binds its parameters."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.factories.cities import small_city

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser(db: None) -> Client:
    small_city()
    browser = Client()
    browser.force_login(User.objects.create_superuser("boss@example.org"))
    return browser


@pytest.mark.parametrize("model", [pytest.param(model, id=model._meta.label_lower) for model in admin.site._registry])
def test_a_list_answers(superuser: Client, model: type[Model]) -> None:
    meta = model._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
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
