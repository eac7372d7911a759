"""PUT and DELETE /me/devices/{installation_id}"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from notifications.models import Device
from tests.api.asking import API, phone_entry, refused, without_what_differs

pytestmark = pytest.mark.django_db

URL = f"{API}/me/devices/phone-1"


def test_a_phone_is_registered(phone: APIClient) -> None:
    response = phone.put(URL, phone_entry())
    assert response.status_code == 200
    assert response.json() == {"installation_id": "phone-1", **phone_entry(), "enabled": True}
    device = Device.objects.get()
    assert (device.installation_id, device.fcm_value, device.enabled) == ("phone-1", "token-of-the-phone", True)


def test_a_new_token_takes_the_place_of_the_old(phone: APIClient) -> None:
    phone.put(URL, phone_entry("old"))
    assert phone.put(URL, phone_entry("new")).status_code == 200
    assert Device.objects.get().fcm_value == "new"


def test_a_phone_that_was_off_is_on_again(phone: APIClient) -> None:
    phone.put(URL, phone_entry())
    Device.objects.update(enabled=False, disabled_because="unregistered")
    assert phone.put(URL, phone_entry()).json()["enabled"] is True
    assert Device.objects.get().enabled


def test_a_phone_that_changes_hands_moves_along(phone: APIClient, stranger: APIClient) -> None:
    phone.put(URL, phone_entry())
    before = Device.objects.get().owner_id
    assert stranger.put(URL, phone_entry()).status_code == 200
    assert Device.objects.get().owner_id != before
    # The one who had it has nothing to delete any more.
    refused(phone.delete(URL), 404, "not_found")
    assert Device.objects.count() == 1


def test_an_address_that_moves_turns_the_old_installation_off(phone: APIClient, stranger: APIClient) -> None:
    phone.put(f"{API}/me/devices/old", phone_entry("same"))
    stranger.put(f"{API}/me/devices/new", phone_entry("same"))
    assert dict(Device.objects.values_list("installation_id", "enabled")) == {"old": False, "new": True}


def test_a_phone_is_forgotten(phone: APIClient) -> None:
    phone.put(URL, phone_entry())
    response = phone.delete(URL)
    assert (response.status_code, response.content) == (204, b"")
    assert not Device.objects.exists()
    refused(phone.delete(URL), 404, "not_found")


def test_another_persons_phone_looks_absent(phone: APIClient, stranger: APIClient) -> None:
    phone.put(URL, phone_entry())
    foreign, absent = stranger.delete(URL), stranger.delete(f"{API}/me/devices/phone-2")
    refused(foreign, 404, "not_found")
    assert without_what_differs(foreign) == without_what_differs(absent)
    assert Device.objects.count() == 1


def test_nobody_in_particular_has_no_phone(client: APIClient) -> None:
    refused(client.put(URL, phone_entry()), 401, "not_authenticated")
    refused(client.delete(URL), 401, "not_authenticated")
    assert not Device.objects.exists()


@pytest.mark.parametrize("id_", ["a b", "%C3%A9", "a%0A", "%00", "a" * 201, "a%25", "(x)", "%22"])
def test_an_id_that_no_app_makes(phone: APIClient, id_: str) -> None:
    refused(phone.put(f"{API}/me/devices/{id_}", phone_entry()), 422, "invalid", "/installation_id")
    refused(phone.delete(f"{API}/me/devices/{id_}"), 422, "invalid", "/installation_id")
    assert not Device.objects.exists()


@pytest.mark.parametrize("id_", ["a" * 200, "c0ffee-1", "A.b_c:d", "0"])
def test_an_id_that_apps_make(phone: APIClient, id_: str) -> None:
    assert phone.put(f"{API}/me/devices/{id_}", phone_entry()).json()["installation_id"] == id_


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"fcm": None}, ["/fcm"]),
        ({"fcm": "token"}, ["/fcm"]),
        ({"fcm": {}}, ["/fcm/kind", "/fcm/value"]),
        ({"fcm": {"kind": "apns", "value": 1}}, ["/fcm/kind", "/fcm/value"]),
        ({"fcm": {"kind": "token", "value": ""}}, ["/fcm/value"]),
        ({"fcm": {"kind": "token", "value": "t" * 4097}}, ["/fcm/value"]),
        ({"fcm": {"kind": "token", "value": "t", "topic": "all"}}, ["/fcm/topic"]),
        ({"platform": "symbian", "locale": "", "app_version": None}, ["/platform", "/locale", "/app_version"]),
        ({"platform": 1, "locale": "l" * 36, "app_version": "v" * 51}, ["/platform", "/locale", "/app_version"]),
        ({"locale": "en\u0000"}, ["/locale"]),
        ({"owner": "x"}, ["/owner"]),
        ({"enabled": True}, ["/enabled"]),
        ({"installation_id": "phone-2"}, ["/installation_id"]),
    ],
)
def test_wrong_input_is_named(phone: APIClient, wrong: dict[str, Any], pointers: list[str]) -> None:
    refused(phone.put(URL, phone_entry() | wrong), 422, "invalid", *pointers)
    assert not Device.objects.exists()


def test_everything_is_needed(phone: APIClient) -> None:
    refused(phone.put(URL, {}), 422, "invalid", "/fcm", "/platform", "/locale", "/app_version")
