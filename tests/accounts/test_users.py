"""People: guests and registered persons."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.admin import PersonCreationForm
from accounts.models import User
from tests.factories.people import PASSWORD, guest, resident

pytestmark = pytest.mark.django_db


def test_a_registered_person() -> None:
    user = User.objects.create_user(" Rosa@Example.ORG ", PASSWORD, name="Rosa", language="es")
    user.refresh_from_db()
    assert (user.email, user.name, user.language, user.is_guest) == ("rosa@example.org", "Rosa", "es", False)
    assert (user.is_staff, user.is_superuser, user.is_active) == (False, False, True)
    assert authenticate(username="ROSA@example.org", password=PASSWORD) == user


def test_a_guest() -> None:
    user = User.objects.create_guest(language="es")
    user.refresh_from_db()
    assert (user.is_guest, user.email, user.language, str(user)) == (True, None, "es", f"guest {user.pk}")
    assert not user.has_usable_password()
    assert guest() != guest()


def test_a_superuser() -> None:
    user = User.objects.create_superuser("admin@example.org", PASSWORD)
    assert (user.is_staff, user.is_superuser) == (True, True)


@pytest.mark.parametrize("email", ["", "  ", "\n"])
def test_an_address_is_needed(email: str) -> None:
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user(email, PASSWORD)
    assert not User.objects.exists()


def test_an_address_belongs_to_one_person_in_any_case() -> None:
    resident()
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("RESIDENT@example.org", PASSWORD)


def test_the_password_is_kept_by_argon2() -> None:
    assert resident().password.startswith("argon2$argon2id$")


def test_nobody_signs_in_as_a_guest() -> None:
    guest()
    for name in ("", "None", None):
        assert authenticate(username=name, password="") is None


class TestEpoch:
    def test_a_new_password_begins_one(self) -> None:
        user = resident()
        before = user.session_epoch
        user.set_password("another-horse-battery-311")
        user.save()
        user.refresh_from_db()
        assert user.session_epoch == before + 1

    def test_the_right_and_the_wrong_password_begin_none(self) -> None:
        user = resident()
        before = user.session_epoch
        assert user.check_password(PASSWORD)
        assert not user.check_password("wrong")
        assert user.session_epoch == before


class TestAdmin:
    def test_a_person_is_made_in_lower_case(self) -> None:
        form = PersonCreationForm({"email": "New@Example.org", "password1": PASSWORD, "password2": PASSWORD})
        assert form.is_valid(), form.errors
        assert form.save().email == "new@example.org"

    def test_not_without_an_address_nor_twice(self) -> None:
        resident()
        for email in ("", "RESIDENT@example.org"):
            form = PersonCreationForm({"email": email, "password1": PASSWORD, "password2": PASSWORD})
            assert list(form.errors) == ["email"]

    def test_a_password_set_there_ends_the_sessions(self) -> None:
        user = resident()
        before = user.session_epoch
        new = "another-horse-battery-311"
        form = AdminPasswordChangeForm(user, {"password1": new, "password2": new})
        assert form.is_valid(), form.errors
        form.save()
        user.refresh_from_db()
        assert user.session_epoch == before + 1

    def test_its_pages_open(self) -> None:
        admin = User.objects.create_superuser("admin@example.org", PASSWORD)
        browser = Client()
        browser.force_login(admin)
        pages = ("user/", "user/add/", f"user/{admin.pk}/change/", f"user/{admin.pk}/password/", "session/")
        for page in pages:
            assert browser.get(f"/admin/accounts/{page}").status_code == 200, page
        assert browser.get("/admin/accounts/session/add/").status_code == 403
