"""What is somebody's is absent for everybody else: every operation of openapi.yaml × every kind of stranger."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rest_framework.test import APIClient

from notifications.models import Device
from requests311.models import Photo, ServiceRequest
from tests.api.asking import API, move, phone_entry, refused, submitted, uploaded, without_what_differs
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

OPENAPI = Path(__file__).resolve().parent.parent.parent / "openapi.yaml"
ABSENT = "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f"

Call = Callable[[APIClient, str], Any]


def get(path: str) -> Call:
    return lambda client, key: client.get(f"{API}{path.format(key)}")


#: Operations that name something of somebody: what it is, and the call with its key.
OF_SOMEBODY: dict[str, tuple[str, Call]] = {
    "GET /requests/{key}": ("request", get("/requests/{}")),
    "GET /requests/{key}/events": ("request", get("/requests/{}/events")),
    "GET /requests/{key}/earlier": ("request", get("/requests/{}/earlier")),
    "POST /requests/{key}/transitions": ("request", lambda c, key: move(c, key, {"to": "acknowledged"})),
    "GET /photos/{photo_id}": ("photo", get("/photos/{}")),
    "GET /photos/{photo_id}/{variant}": ("photo", get("/photos/{}/large")),
    "DELETE /me/devices/{installation_id}": ("device", lambda c, key: c.delete(f"{API}/me/devices/{key}")),
}

#: Operations that name nothing of anybody, and why there is nothing to find out by them.
OF_NOBODY = {
    "POST /auth/guest": "makes somebody new",
    "POST /auth/token": "known and unknown look the same: auth/test_sign_in.py",
    "POST /auth/refresh": "a token is its own proof: auth/test_refresh.py",
    "GET /services": "public",
    "GET /addresses": "public",
    "GET /map/areas": "public",
    "GET /map/areas/tiles/{z}/{x}/{y}.mvt": "public",
    "GET /locate": "public; photos of others look unknown: test_locate_photo.py",
    "GET /assets": "public; private reports are not counted: assets/test_list.py",
    "GET /assets/{asset_id}": "public; private reports are not there: assets/test_detail.py",
    "GET /map/tiles/{z}/{x}/{y}.mvt": "public reports only: map/test_tiles.py",
    "GET /map/requests": "public reports only: map/test_requests.py",
    "GET /map/heat": "public reports only: map/test_heat.py",
    "GET /map/clusters": "for dispatchers, of their own jurisdictions: map/test_hot_spots.py",
    "GET /crew/filters": "the caller's own only: crew/test_filters.py",
    "POST /crew/filters": "makes something new",
    "GET /crew/filters/{filter_id}": "the public 403, staff 404, others' as absent ones: crew/test_filters.py",
    "PUT /crew/filters/{filter_id}": "as GET",
    "DELETE /crew/filters/{filter_id}": "as GET",
    "GET /crew/templates": "within reach only; requests of others look absent: crew/test_templates.py",
    "POST /crew/templates": "makes something new",
    "GET /crew/templates/{template_id}": "the public 403, staff 404, others' as absent ones: crew/test_templates.py",
    "PUT /crew/templates/{template_id}": "as GET",
    "DELETE /crew/templates/{template_id}": "as GET",
    "POST /photos": "makes something new",
    "POST /requests": "photos of others look unknown: requests/test_submit.py",
    "GET /requests": "lists: test_no_list_shows_it below",
    "GET /me/notifications": "one's own: me/test_notifications.py",
    "PATCH /me/notifications": "one's own: me/test_notifications.py",
    "PUT /me/devices/{installation_id}": "a phone changes hands by design: me/test_devices.py",
}

STRANGERS = ["nobody", "guest", "resident", "other department", "other city's dispatcher", "past member"]


@pytest.fixture
def private(phone: APIClient, city: SmallCity) -> dict[str, str]:
    """Keys of a private request, of its photo, and of its reporter's phone."""
    photo = uploaded(phone)
    made = submitted(phone, city, service="heating", photos=[photo], contact={"name": "Ada"})
    assert phone.put(f"{API}/me/devices/phone-1", phone_entry()).status_code == 200
    return {"request": made["id"], "number": made["number"], "photo": photo, "device": "phone-1"}


def stranger_who_is(who: str, city: SmallCity) -> APIClient:
    if who == "nobody":
        return APIClient()
    if who == "past member":
        from django.utils import timezone

        user = person(role="dispatcher", city=city)
        user.memberships.update(valid_to=timezone.now())
        return signed_in(user)
    people = {
        "guest": lambda: person(),
        "resident": lambda: person("other@example.org"),
        "other department": lambda: person(role="crew", city=city, department="parks"),
        "other city's dispatcher": lambda: person(role="dispatcher", city=small_city("otherton", origin=(-90.0, 40.0))),
    }
    return signed_in(people[who]())


def test_every_operation_has_its_row() -> None:
    document = yaml.safe_load(OPENAPI.read_text())
    operations = {
        f"{method.upper()} {path.removeprefix(API)}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert not set(OF_SOMEBODY) & set(OF_NOBODY)
    assert set(OF_SOMEBODY) | set(OF_NOBODY) == operations, "say in this file what a stranger gets there"


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("operation", OF_SOMEBODY)
def test_it_is_absent_for_a_stranger(city: SmallCity, private: dict[str, str], operation: str, who: str) -> None:
    kind, call = OF_SOMEBODY[operation]
    client = stranger_who_is(who, city)
    absent = call(client, ABSENT)
    needs_a_token = who == "nobody" and operation.split()[0] != "GET"
    refused(absent, 401 if needs_a_token else 404)

    for key in [private[kind]] + ([private["number"]] if kind == "request" else []):
        hidden = call(client, key)
        assert without_what_differs(hidden) == without_what_differs(absent)
        assert set(hidden.headers) == set(absent.headers)

    assert ServiceRequest.objects.get().version == 1
    assert Photo.objects.count() == Device.objects.count() == 1


@pytest.mark.parametrize("operation", OF_SOMEBODY)
def test_it_is_there_for_its_owner(phone: APIClient, private: dict[str, str], operation: str) -> None:
    """Or the test above would be content with a server that knows nothing."""
    kind, call = OF_SOMEBODY[operation]
    if operation.endswith("{variant}"):
        from uuid import UUID

        from requests311.photos import variants

        variants.process(UUID(private["photo"]))
    response = call(phone, private[kind])
    assert response.status_code in ({200, 204} if "transitions" not in operation else {403})
    response.close()


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("query", ["", "?service=heating", "?department=roads", "?status=submitted",
                                   "?updated_after=2000-01-01T00:00:00Z", "?bbox=-180,-90,180,90"])  # fmt: skip
def test_no_list_shows_it(city: SmallCity, private: dict[str, str], who: str, query: str) -> None:
    response = stranger_who_is(who, city).get(f"{API}/requests{query}")
    assert (response.status_code, response.json()) == (200, {"results": [], "next": None})
