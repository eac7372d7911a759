"""Sessions: a pair of tokens, its rotation, and everything that ends it."""

import base64
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from accounts.errors import TokenRejected
from accounts.models import Session, User
from accounts.tokens import TokenPair, authenticate, open_session, rotate, sign_in_guest
from tests.factories.people import guest, resident
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair() -> TokenPair:
    return open_session(guest())


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def is_dead(pair: TokenPair) -> bool:
    """Neither token is worth anything."""
    for use, token in ((authenticate, pair.access), (rotate, pair.refresh)):
        with pytest.raises(TokenRejected):
            use(token)
    return True


class TestPair:
    def test_it_stands_for_its_person(self, pair: TokenPair) -> None:
        assert authenticate(pair.access) == pair.user

    def test_a_guests(self) -> None:
        made = sign_in_guest(language="es")
        user = authenticate(made.access)
        assert (user.is_guest, user.language, user.email, user.has_usable_password()) == (True, "es", None, False)

    def test_it_says_nothing_of_the_person(self, pair: TokenPair) -> None:
        for token in (pair.access, pair.refresh):
            assert set(claims(token)) == {"token_type", "exp", "iat", "jti", "sid"}
            assert pair.user.pk.hex not in json.dumps(claims(token))

    def test_their_lifetimes(self, pair: TokenPair, settings: LazySettings) -> None:
        access, refresh = claims(pair.access), claims(pair.refresh)
        assert access["exp"] - access["iat"] == 600
        assert refresh["exp"] - refresh["iat"] == settings.REFRESH_TOKEN_LIFETIME.total_seconds()

    def test_one_statement(self, pair: TokenPair, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            authenticate(pair.access)


class TestRotation:
    def test_a_new_pair_of_the_same_session(self, pair: TokenPair) -> None:
        new = rotate(pair.refresh)
        assert new.user == pair.user
        assert len({pair.access, pair.refresh, new.access, new.refresh}) == 4
        assert authenticate(new.access) == authenticate(pair.access) == pair.user
        assert claims(new.refresh)["sid"] == claims(pair.refresh)["sid"]
        newest = rotate(new.refresh)
        assert authenticate(newest.access) == pair.user

    def test_it_prolongs_the_session(self, pair: TokenPair) -> None:
        soon = timezone.now() + timedelta(hours=1)
        Session.objects.update(expires_at=soon)
        rotate(pair.refresh)
        assert Session.objects.get().expires_at > soon

    def test_an_old_token_kills_the_family(self, pair: TokenPair) -> None:
        other = open_session(pair.user)
        new = rotate(pair.refresh)
        newer = rotate(new.refresh)
        with pytest.raises(TokenRejected):
            rotate(pair.refresh)
        assert is_dead(newer)
        assert is_dead(new)
        assert is_dead(pair)
        assert Session.objects.get(pk=claims(pair.refresh)["sid"]).revoked_because == "refresh token used twice"
        # Another phone of the same person stays signed in.
        assert authenticate(rotate(other.refresh).access) == pair.user

    def test_the_first_reason_is_kept(self, pair: TokenPair) -> None:
        rotate(pair.refresh)
        Session.objects.update(revoked_at=timezone.now(), revoked_because="lost phone")
        with pytest.raises(TokenRejected):
            rotate(pair.refresh)
        assert Session.objects.get().revoked_because == "lost phone"


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_of_eight_uses_one_succeeds(self) -> None:
        pair = open_session(guest())
        start = Barrier(8)

        def use(_: int) -> str:
            try:
                start.wait(timeout=30)
                rotate(pair.refresh)
                return "new pair"
            except TokenRejected:
                return "rejected"
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            answers = Counter(pool.map(use, range(8)))
        assert answers == {"new pair": 1, "rejected": 7}
        # The revocation is committed although every loser raised.
        assert Session.objects.get().revoked_at is not None
        assert is_dead(pair)

    def test_the_second_waits_for_the_first_and_then_is_a_reuse(self) -> None:
        pair = open_session(guest())
        first, second = one_behind_the_other(lambda: rotate(pair.refresh), lambda: rotate(pair.refresh))
        assert isinstance(second.exception(), TokenRejected)
        assert is_dead(first.result())


class TestWorthless:
    def test_expired(self, pair: TokenPair) -> None:
        Session.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert is_dead(pair)

    def test_revoked(self, pair: TokenPair) -> None:
        Session.objects.update(revoked_at=timezone.now())
        assert is_dead(pair)

    def test_a_deleted_person(self, pair: TokenPair) -> None:
        pair.user.delete()
        assert is_dead(pair)

    def test_a_deactivated_person(self, pair: TokenPair) -> None:
        User.objects.update(is_active=False)
        assert is_dead(pair)
        # It was not used twice: whoever is activated again is signed in again.
        assert Session.objects.get().revoked_at is None

    def test_a_new_password_ends_every_session(self) -> None:
        user = resident()
        pairs = [open_session(user), open_session(user)]
        stranger = open_session(guest())
        user.set_password("another-horse-battery-311")
        user.save()
        assert all(is_dead(pair) for pair in pairs)
        assert authenticate(stranger.access) == stranger.user
        assert authenticate(open_session(user).access) == user

    def test_access_is_no_refresh_and_the_other_way(self, pair: TokenPair) -> None:
        with pytest.raises(TokenRejected):
            rotate(pair.access)
        with pytest.raises(TokenRejected):
            authenticate(pair.refresh)
        assert authenticate(rotate(pair.refresh).access) == pair.user

    @pytest.mark.parametrize("text", ["", "x", "a.b.c", "....", "é.é.é", "\ud800", "\0", "e30.e30.", "x" * 100_000])
    def test_no_token_at_all(self, text: str) -> None:
        for use in (authenticate, rotate):
            with pytest.raises(TokenRejected):
                use(text)


class TestForged:
    def forge(self, token: str, key: str | None = None, **changes: Any) -> str:
        from django.conf import settings

        return jwt.encode({**claims(token), **changes}, key or settings.SECRET_KEY, "HS256")

    def refuse(self, refresh: str, access: str) -> None:
        for use, token in ((rotate, refresh), (authenticate, access)):
            with pytest.raises(TokenRejected):
                use(token)

    def test_the_forge_works(self, pair: TokenPair) -> None:
        """What is refused below is refused for the change alone."""
        assert authenticate(self.forge(pair.access)) == pair.user

    def test_another_key(self, pair: TokenPair) -> None:
        self.refuse(*(self.forge(token, key="k" * 64) for token in (pair.refresh, pair.access)))

    def test_no_algorithm(self, pair: TokenPair) -> None:
        def unsigned(token: str) -> str:
            head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
            return f"{head}.{token.split('.')[1]}."

        self.refuse(unsigned(pair.refresh), unsigned(pair.access))

    def test_another_algorithm(self, pair: TokenPair, settings: LazySettings) -> None:
        self.refuse(*(jwt.encode(claims(token), settings.SECRET_KEY, "HS512") for token in (pair.refresh, pair.access)))

    def test_a_changed_body(self, pair: TokenPair) -> None:
        def grafted(token: str) -> str:
            head, body, signature = token.split(".")
            changed = {**claims(token), "exp": claims(token)["exp"] + 1}
            body = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
            return f"{head}.{body}.{signature}"

        self.refuse(grafted(pair.refresh), grafted(pair.access))

    @pytest.mark.parametrize("sid", [None, 5, "", "x", "01890000-0000-7000-8000-000000000000", ["a"], {"a": 1}])
    def test_a_session_that_is_none(self, pair: TokenPair, sid: Any) -> None:
        self.refuse(self.forge(pair.refresh, sid=sid), self.forge(pair.access, sid=sid))

    @pytest.mark.parametrize("exp", [0, 1, -1])
    def test_its_own_end_has_passed(self, pair: TokenPair, exp: int) -> None:
        self.refuse(self.forge(pair.refresh, exp=exp), self.forge(pair.access, exp=exp))

    def test_an_unknown_jti_is_a_reuse(self, pair: TokenPair) -> None:
        with pytest.raises(TokenRejected):
            rotate(self.forge(pair.refresh, jti=uuid4().hex))
        assert is_dead(pair)
