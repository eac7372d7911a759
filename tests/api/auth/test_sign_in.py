"""POST /auth/token"""

from typing import Any

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from accounts.models import User
from tests.api.asking import API, refused, without_what_differs
from tests.factories.people import PASSWORD, resident

pytestmark = pytest.mark.django_db

URL = f"{API}/auth/token"


@pytest.fixture
def ada(db: None) -> User:
    return resident("ada@example.org")


def credentials(**more: object) -> dict[str, object]:
    return {"email": "ada@example.org", "password": PASSWORD, **more}


def test_a_resident_signs_in(client: APIClient, ada: User) -> None:
    response = client.post(URL, credentials())

    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access", "refresh", "user"}
    assert body["user"] == {"id": str(ada.pk), "is_guest": False}
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {body['access']}")
    assert client.get(f"{API}/requests", {"mine": "true"}).status_code == 200


def test_the_address_is_taken_in_any_case_and_with_spaces(client: APIClient, ada: User) -> None:
    assert client.post(URL, credentials(email=" ADA@Example.org ")).status_code == 200


def test_a_password_is_taken_with_its_spaces(client: APIClient, ada: User) -> None:
    refused(client.post(URL, credentials(password=f" {PASSWORD}")), 401, "credentials_rejected")


def test_unknown_address_and_wrong_password_look_the_same(client: APIClient, ada: User) -> None:
    wrong = client.post(URL, credentials(password="wrong"))
    unknown = client.post(URL, credentials(email="nobody@example.org"))

    refused(wrong, 401, "credentials_rejected")
    assert without_what_differs(wrong) == without_what_differs(unknown)
    assert {k: v for k, v in wrong.headers.items() if k not in {"X-Request-ID", "RateLimit"}} == {
        k: v for k, v in unknown.headers.items() if k not in {"X-Request-ID", "RateLimit"}
    }
    assert wrong["WWW-Authenticate"].startswith("Bearer")


def test_a_disabled_account_looks_the_same_too(client: APIClient, ada: User) -> None:
    wrong = client.post(URL, credentials(password="wrong"))
    User.objects.update(is_active=False)
    disabled = client.post(URL, credentials())
    assert without_what_differs(disabled) == without_what_differs(wrong)


def test_the_same_work_is_done_for_an_unknown_address(
    client: APIClient, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time would tell; counted in password hashes, which are what takes it."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    hashed: list[str] = []
    encode, verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify

    def counted(original: Any) -> Any:
        def call(self: Any, *arguments: Any) -> Any:
            hashed.append(original.__name__)
            return original(self, *arguments)

        return call

    monkeypatch.setattr(Argon2PasswordHasher, "encode", counted(encode))
    monkeypatch.setattr(Argon2PasswordHasher, "verify", counted(verify))

    client.post(URL, credentials(password="wrong"))
    known = len(hashed)
    client.post(URL, credentials(email="nobody@example.org"))
    assert len(hashed) - known == known == 1


def test_one_account_is_guessed_at_from_many_addresses(client: APIClient, ada: User, settings: LazySettings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign-in": "3/hour"}
    for address in range(3):
        guess = client.post(URL, credentials(password="wrong"), REMOTE_ADDR=f"192.0.2.{address}")
        refused(guess, 401, "credentials_rejected")

    # The right password too: else the limit would tell that it is the right one.
    answer = client.post(URL, credentials(email="ADA@example.org"), REMOTE_ADDR="192.0.2.9")
    refused(answer, 429, "throttled")
    assert int(answer["Retry-After"]) > 0


def test_many_accounts_are_guessed_at_from_one_address(client: APIClient, ada: User, settings: LazySettings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign-in": "3/hour"}
    for number in range(3):
        refused(client.post(URL, credentials(email=f"nobody{number}@example.org")), 401, "credentials_rejected")
    refused(client.post(URL, credentials()), 429, "throttled")


def test_an_unknown_account_is_throttled_as_a_known_one(client: APIClient, settings: LazySettings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "sign-in": "3/hour"}
    for address in range(3):
        client.post(URL, credentials(), REMOTE_ADDR=f"192.0.2.{address}")
    refused(client.post(URL, credentials(), REMOTE_ADDR="192.0.2.9"), 429, "throttled")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/email", "/password"]),
        ({"email": "ada@example.org"}, ["/password"]),
        ({"email": 7, "password": True}, ["/email", "/password"]),
        ({"email": None, "password": ["x"]}, ["/email", "/password"]),
        ({"email": "", "password": ""}, ["/email", "/password"]),
        ({"email": "a" * 255, "password": "b" * 1001}, ["/email", "/password"]),
        ({"email": "ada\u0000@example.org", "password": "x\u0000"}, ["/email", "/password"]),
        ({"email": "ada@example.org", "password": "x", "is_staff": True}, ["/is_staff"]),
    ],
)
def test_wrong_input_is_named(client: APIClient, body: object, pointers: list[str]) -> None:
    refused(client.post(URL, body), 422, "invalid", *pointers)
