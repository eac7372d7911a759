"""Keys of clients: told once, recognised by a digest, ended by an operator."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from api import throttling
from api.models import ApiKey
from api.open311 import keys
from tests.api.open311.making import form
from tests.api.open311.reading import Speaker, refused
from tests.factories.cities import SmallCity

pytestmark = pytest.mark.django_db


def command(*words: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("open311_key", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_key_is_known_by_its_text_alone() -> None:
    text = keys.make(name="An app")
    assert len(text) >= 40
    assert text != keys.make(name="Another app")
    found = keys.key_of(text)
    assert found is not None
    assert (found.name, found.is_test, found.prefix) == ("An app", False, text[:8])
    assert (found.user.is_guest, found.user.has_usable_password()) == (True, False)
    row = ApiKey.objects.values().get(name="An app")
    assert all(text not in str(value) for value in row.values())


@pytest.mark.parametrize("text", ["", "x", "\0", "\ud800", "é" * 1000])
def test_an_unknown_key(text: str) -> None:
    keys.make(name="An app")
    assert keys.key_of(text) is None


def test_a_revoked_key_is_good_for_nothing() -> None:
    text = keys.make(name="An app")
    key = keys.key_of(text)
    assert key is not None
    keys.revoke(key)
    revoked_at = ApiKey.objects.get().revoked_at
    keys.revoke(key)
    assert keys.key_of(text) is None
    assert ApiKey.objects.get().revoked_at == revoked_at


def test_its_use_is_written_once_a_day() -> None:
    text = keys.make(name="An app")
    for statements in (2, 1):
        with CaptureQueriesContext(connection) as asked:
            keys.key_of(text)
        assert len(asked) == statements
    today = timezone.now().date()
    assert ApiKey.objects.get().last_used_on == today
    ApiKey.objects.update(last_used_on=today - timedelta(days=1))
    keys.key_of(text)
    assert ApiKey.objects.get().last_used_on == today


def test_a_kind_that_there_is_not() -> None:
    keys.make(name="An app")
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiKey.objects.update(kind="other")


class TestCommand:
    def test_make_list_revoke(self) -> None:
        out, err = command("make", "Fix it")
        text = out.strip().splitlines()[-1]
        found = keys.key_of(text)
        assert found is not None
        assert "again" in err
        assert text not in err
        out, _ = command("make", "Fix it later", "--test")
        test_key = keys.key_of(out.strip())
        assert test_key is not None
        assert test_key.is_test
        listed, _ = command("list")
        assert [line.split()[1] for line in listed.splitlines()] == ["production", "test"]
        assert text not in listed
        command("revoke", "Fix it")
        assert keys.key_of(text) is None
        command("revoke", test_key.prefix)
        assert "revoked" in command("list")[0].splitlines()[1]

    @pytest.mark.parametrize(
        "words", [("make", " "), ("make", "x" * 101), ("make", "Taken"), ("revoke", "nobody"), ("revoke", ""), ()]
    )
    def test_what_cannot_be_done(self, words: tuple[str, ...]) -> None:
        keys.make(name="Taken")
        with pytest.raises(CommandError):
            command(*words)
        assert ApiKey.objects.get().revoked_at is None


class TestAdmin:
    @pytest.fixture
    def site(self) -> Client:
        client = Client()
        client.force_login(User.objects.create_superuser("admin@example.org", "correct-horse-311"))
        return client

    def test_it_shows_no_secret_and_makes_no_key(self, site: Client) -> None:
        keys.make(name="An app")
        row = ApiKey.objects.get()
        for path in ("/admin/api/apikey/", f"/admin/api/apikey/{row.pk}/change/"):
            page = site.get(path)
            assert page.status_code == 200
            assert row.digest not in page.content.decode()
            assert "An app" in page.content.decode()
        assert site.get("/admin/api/apikey/add/").status_code == 403
        assert site.post(f"/admin/api/apikey/{row.pk}/delete/", {"post": "yes"}).status_code == 403

    def test_it_ends_a_key(self, site: Client) -> None:
        text = keys.make(name="An app")
        body = {"action": "end", "_selected_action": [str(ApiKey.objects.get().pk)]}
        assert site.post("/admin/api/apikey/", body).status_code == 302
        assert keys.key_of(text) is None


def test_a_key_that_is_used_too_often(speak: Speaker, city: SmallCity, api_key: str, settings: LazySettings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "open311": "2/hour"}
    throttling.reset()
    for _ in range(2):
        assert speak.post("requests", form(city, api_key)).status == 200
    answer: Any = speak.post("requests", form(city, api_key))
    refused(answer, 429)
    assert int(answer.headers["Retry-After"]) > 0
    # Another client's key has a limit of its own; and who guesses is counted too.
    assert speak.post("requests", form(city, keys.make(name="Another"))).status == 200
    for _ in range(2):
        refused(speak.post("requests", form(city, "guessed")), 403)
    refused(speak.post("requests", form(city, "guessed")), 429)
