"""POST /auth/refresh"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Session, User
from accounts.tokens import open_session
from tests.api.asking import API, in_parallel, refused
from tests.factories.cities import person

URL = f"{API}/auth/refresh"


def exchange(refresh: str) -> Any:
    return APIClient().post(URL, {"refresh": refresh})


def is_signed_in(access: str) -> bool:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    return bool(client.get(f"{API}/requests", {"mine": "true"}).status_code == 200)


@pytest.mark.django_db
class TestRefresh:
    def test_a_new_pair_comes_back(self) -> None:
        pair = open_session(person())
        response = exchange(pair.refresh)

        assert response.status_code == 200
        body = response.json()
        assert set(body) == {"access", "refresh"}
        assert body["refresh"] != pair.refresh
        assert is_signed_in(body["access"])
        assert exchange(body["refresh"]).status_code == 200

    def test_one_that_comes_twice_ends_the_family(self) -> None:
        pair = open_session(person())
        newer = exchange(pair.refresh).json()

        answer = exchange(pair.refresh)
        refused(answer, 401, "token_rejected")
        assert answer["WWW-Authenticate"].startswith("Bearer")
        refused(exchange(newer["refresh"]), 401, "token_rejected")
        assert not is_signed_in(newer["access"])
        assert not is_signed_in(pair.access)

    def test_another_session_of_the_person_lives_on(self) -> None:
        user = person()
        stolen, other = open_session(user), open_session(user)
        exchange(stolen.refresh)
        exchange(stolen.refresh)
        assert exchange(other.refresh).status_code == 200

    @pytest.mark.parametrize("change", ["password", "disabled", "deleted"])
    def test_what_ends_a_person_ends_their_tokens(self, change: str) -> None:
        user = person("ada@example.org")
        pair = open_session(user)
        if change == "password":
            user.set_password("another-password-311")
            user.save()
        elif change == "disabled":
            User.objects.filter(pk=user.pk).update(is_active=False)
        else:
            user.delete()
        refused(exchange(pair.refresh), 401, "token_rejected")
        assert not is_signed_in(pair.access)

    def test_a_token_of_the_other_kind_is_refused(self) -> None:
        pair = open_session(person())
        refused(exchange(pair.access), 401, "token_rejected")
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.refresh}")
        refused(client.get(f"{API}/requests", {"mine": "true"}), 401, "authentication_failed")

    @pytest.mark.parametrize("text", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzaWQiOiIxIn0.", "é.é.é", "…"])
    def test_what_is_no_token_is_refused(self, text: str) -> None:
        refused(exchange(text), 401, "token_rejected")

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "/refresh"),
            ({"refresh": ""}, "/refresh"),
            ({"refresh": None}, "/refresh"),
            ({"refresh": 1}, "/refresh"),
            ({"refresh": "x" * 4097}, "/refresh"),
            ({"refresh": "x", "user": "y"}, "/user"),
        ],
    )
    def test_wrong_input_is_named(self, client: APIClient, body: object, pointer: str) -> None:
        refused(client.post(URL, body), 422, "invalid", pointer)


@pytest.mark.django_db(transaction=True)
def test_of_eight_parallel_uses_one_succeeds() -> None:
    pair = open_session(person())

    answers = in_parallel([lambda: exchange(pair.refresh)] * 8)

    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    for answer in answers:
        if answer.status_code == 401:
            refused(answer, 401, "token_rejected")
    # Whoever had the token twice may be a thief: nobody keeps the session.
    assert Session.objects.get().revoked_at is not None
