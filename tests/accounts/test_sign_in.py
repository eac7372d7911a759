"""Signing in by e-mail address and password, which tells a stranger nothing."""

from typing import Any

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher

from accounts.errors import CredentialsRejected
from accounts.models import Session, User
from accounts.tokens import authenticate, open_session, rotate, sign_in
from tests.factories.people import PASSWORD, resident

pytestmark = pytest.mark.django_db


class TestSignIn:
    @pytest.mark.parametrize("written", ["resident@example.org", "Resident@Example.ORG", " resident@example.org\n"])
    def test_the_address_in_any_case(self, written: str) -> None:
        user = resident()
        assert authenticate(sign_in(email=written, password=PASSWORD).access) == user

    def test_wrong_and_unknown_and_inactive_take_the_same_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resident()
        User.objects.create_user("inactive@example.org", PASSWORD, is_active=False)
        User.objects.create_user("nopassword@example.org", None)
        hashed: list[str] = []
        encode, verify = Argon2PasswordHasher.encode, Argon2PasswordHasher.verify

        def counted_encode(self: Any, password: str, salt: str) -> Any:
            hashed.append("encode")
            return encode(self, password, salt)

        def counted_verify(self: Any, password: str, encoded: str) -> Any:
            hashed.append("verify")
            return verify(self, password, encoded)

        monkeypatch.setattr(Argon2PasswordHasher, "encode", counted_encode)
        monkeypatch.setattr(Argon2PasswordHasher, "verify", counted_verify)
        for email, password in (
            ("resident@example.org", "wrong"),
            ("nobody@example.org", PASSWORD),
            ("", PASSWORD),
            ("inactive@example.org", PASSWORD),
            ("nopassword@example.org", ""),
        ):
            hashed.clear()
            with pytest.raises(CredentialsRejected):
                sign_in(email=email, password=password)
            assert len(hashed) == 1, email
        assert not Session.objects.exists()

    def test_a_hash_that_is_renewed_ends_no_session(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Django raises argon2's settings from time to time, and renews a hash at the next sign-in."""
        user = resident()
        old, before = open_session(user), user.password
        monkeypatch.setattr(Argon2PasswordHasher, "time_cost", Argon2PasswordHasher.time_cost + 1)
        pair = sign_in(email="resident@example.org", password=PASSWORD)
        user.refresh_from_db()
        assert user.password != before
        assert authenticate(pair.access) == authenticate(old.access) == user
        assert authenticate(rotate(pair.refresh).access) == user
