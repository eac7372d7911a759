from typing import Any

import pytest
from django.contrib.admin.sites import site
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse

from notifications.admin import DeliveryAdmin
from notifications.models import Delivery


@pytest.fixture
def admin_page() -> DeliveryAdmin:
    return DeliveryAdmin(Delivery, site)


@pytest.fixture
def boss() -> Any:
    return get_user_model().objects.create_superuser("boss@example.org", "a-long-password-311")


@pytest.mark.django_db
def test_it_can_be_looked_at_but_not_changed(admin_page: DeliveryAdmin, boss: Any) -> None:
    request = RequestFactory().get("/")
    request.user = boss
    assert admin_page.has_view_permission(request)
    assert not admin_page.has_add_permission(request)
    assert not admin_page.has_change_permission(request)
    assert not admin_page.has_delete_permission(request)
    assert list(admin_page.get_actions(request)) == ["resend"]


@pytest.mark.django_db
def test_who_may_only_look_cannot_resend(admin_page: DeliveryAdmin, person: Any) -> None:
    request = RequestFactory().get("/")
    request.user = person()
    assert list(admin_page.get_actions(request)) == []


@pytest.mark.django_db
def test_the_pages_show_no_address_and_resend_revives(boss: Any, told: Any) -> None:
    try:
        url = reverse("admin:notifications_delivery_changelist")
    except NoReverseMatch:
        pytest.skip("config/urls.py has no admin")
    delivery = told(device={"fcm_value": "very-secret-address"})
    Delivery.objects.update(state="dead", error_code="INVALID_ARGUMENT")
    client = Client()
    client.force_login(boss)
    for page in (url, reverse("admin:notifications_delivery_change", args=[delivery.pk])):
        answer = client.get(page)
        assert answer.status_code == 200
        assert b"very-secret-address" not in answer.content
    client.post(url, {"action": "resend", "index": "0", "_selected_action": [str(delivery.pk)]})
    delivery.refresh_from_db()
    assert delivery.state == "pending"
