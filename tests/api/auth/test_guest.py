"""POST /auth/guest"""

from uuid import UUID

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.api.asking import API, refused

pytestmark = pytest.mark.django_db

URL = f"{API}/auth/guest"


def test_a_phone_without_a_name_gets_a_session(client: APIClient) -> None:
    response = client.post(URL, {})

    assert response.status_code == 201
    body = response.json()
    assert set(body) == {"access", "refresh", "user"}
    assert set(body["user"]) == {"id", "is_guest"}
    user = User.objects.get(pk=UUID(body["user"]["id"]))
    assert body["user"]["is_guest"] is True
    assert user.is_guest
    assert user.email is None


def test_both_tokens_are_good(client: APIClient) -> None:
    body = client.post(URL, {}).json()

    client.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    assert client.get(f"{API}/requests", {"mine": "true"}).status_code == 200
    assert client.post(f"{API}/auth/refresh", {"refresh": body["refresh"]}).status_code == 200


def test_every_call_is_another_guest(client: APIClient) -> None:
    first, second = (client.post(URL, {}).json()["user"]["id"] for _ in range(2))
    assert first != second


def test_no_body_at_all_will_do(client: APIClient) -> None:
    assert client.post(URL).status_code == 201


def test_an_old_token_does_not_stand_in_the_way(client: APIClient) -> None:
    client.credentials(HTTP_AUTHORIZATION="Bearer long-expired")
    assert client.post(URL, {}).status_code == 201


@pytest.mark.parametrize("field", ["is_staff", "is_superuser", "email", "role"])
def test_nobody_makes_themselves_more_than_a_guest(client: APIClient, field: str) -> None:
    body = refused(client.post(URL, {field: True}), 422, "invalid", f"/{field}")
    assert body["errors"][0]["code"] == "unknown_field"
    assert not User.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b'"guest"', b"1", b"null", b"true"])
def test_anything_but_an_object_is_refused(client: APIClient, body: bytes) -> None:
    refused(client.post(URL, body, content_type="application/json"), 422, "invalid", "")
    assert not User.objects.exists()
