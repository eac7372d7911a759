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


def change(path: str, body: Any = None, method: str = "post") -> Call:
    """With the ETag of a first version."""
    return lambda client, key: getattr(client, method)(
        f"{API}{path.format(key)}", body, headers={"If-Match": '"1-00000000"'}
    )


#: Operations that name something of somebody: what it is, and the call with its key.
OF_SOMEBODY: dict[str, tuple[str, Call]] = {
    "GET /requests/{key}": ("request", get("/requests/{}")),
    "GET /requests/{key}/events": ("request", get("/requests/{}/events")),
    "GET /requests/{key}/earlier": ("request", get("/requests/{}/earlier")),
    "GET /requests/{key}/transitions": ("request", get("/requests/{}/transitions")),
    "PUT /requests/{key}/following": ("request", change("/requests/{}/following", {}, "put")),
    "DELETE /requests/{key}/following": ("request", change("/requests/{}/following", None, "delete")),
    "POST /requests/{key}/assign": ("request", change("/requests/{}/assign", {})),
    "POST /requests/{key}/priority": ("request", change("/requests/{}/priority", {"priority": "low"})),
    "POST /requests/{key}/reroute": ("request", change("/requests/{}/reroute", {"department": "parks", "reason": "R"})),
    "POST /requests/{key}/merge": ("request", change("/requests/{}/merge", {"into": ABSENT})),
    "POST /requests/{key}/unmerge": ("request", change("/requests/{}/unmerge", {})),
    "GET /requests/{key}/children": ("request", get("/requests/{}/children")),
    "POST /requests/{key}/children": (
        "request",
        change("/requests/{}/children", {"parts": [{"department": "parks", "text": "T"}]}),
    ),
    "POST /requests/{key}/questions": ("request", change("/requests/{}/questions", {"text": "Where?"})),
    "POST /requests/{key}/notes": ("request", change("/requests/{}/notes", {"text": "Wet."})),
    "POST /requests/{key}/comments": ("request", change("/requests/{}/comments", {"text": "Thanks."})),
    "PATCH /requests/{key}/events/{event_id}": (
        "request",
        change(f"/requests/{{}}/events/{ABSENT}", {"text": "T"}, "patch"),
    ),
    "POST /requests/{key}/events/{event_id}/redaction": (
        "request",
        change(f"/requests/{{}}/events/{ABSENT}/redaction", {"reason": "R"}),
    ),
    "GET /requests/{key}/handovers": ("request", get("/requests/{}/handovers")),
    "POST /requests/{key}/handovers": ("request", change("/requests/{}/handovers", {"email": "a@b.example"})),
    "DELETE /requests/{key}/handovers/{handover_id}": (
        "request",
        change(f"/requests/{{}}/handovers/{ABSENT}", None, "delete"),
    ),
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
    "GET /questions/{token}": "an HMAC is its own proof: crew/test_questions.py",
    "POST /questions/{token}/answer": "an HMAC is its own proof: crew/test_questions.py",
    "GET /handovers/{token}": "an HMAC is its own proof: crew/test_handovers.py",
    "POST /handovers/{token}": "an HMAC is its own proof: crew/test_handovers.py",
    "GET /crew/queue": "of the caller's departments only: crew/test_queue.py",
    "GET /crew/counts": "of the caller's departments only: crew/test_counts.py",
    "POST /crew/bulk": "others' requests look absent: crew/test_bulk.py",
    "POST /crew/sync": "others' requests look absent: crew/test_sync.py",
    "GET /webhooks": "of the caller's departments only: webhooks/test_webhooks.py",
    "POST /webhooks": "makes something new",
    **dict.fromkeys(
        (
            "GET /webhooks/{webhook_id}",
            "PATCH /webhooks/{webhook_id}",
            "DELETE /webhooks/{webhook_id}",
            "POST /webhooks/{webhook_id}/secret",
            "POST /webhooks/{webhook_id}/ping",
            "GET /webhooks/{webhook_id}/deliveries",
            "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/resend",
        ),
        "others' look absent: webhooks/test_webhooks.py",
    ),
    "POST /photos": "makes something new",
    "POST /requests": "photos of others look unknown: requests/test_submit.py",
    "GET /requests": "lists: test_no_list_shows_it below",
    "GET /me/notifications": "one's own: me/test_notifications.py",
    "PATCH /me/notifications": "one's own: me/test_notifications.py",
    "PUT /me/devices/{installation_id}": "a phone changes hands by design: me/test_devices.py",
}

#: Nobody reads these either without a token; of the other operations that is so for all but GET.
FOR_STAFF = {"GET /requests/{key}/children", "GET /requests/{key}/handovers"}
#: What a reporter may not do, though they may know of it; the others they may.
NOT_FOR_REPORTERS = set(OF_SOMEBODY) - {
    *("GET /requests/{key}", "GET /requests/{key}/events", "GET /requests/{key}/earlier"),
    *("GET /requests/{key}/transitions", "PUT /requests/{key}/following", "DELETE /requests/{key}/following"),
    *("POST /requests/{key}/comments", "GET /photos/{photo_id}", "GET /photos/{photo_id}/{variant}"),
    "DELETE /me/devices/{installation_id}",
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
def test_it_is_absent_for_a_stranger(city: SmallCity, private: dict[str, str], who: str) -> None:
    client = stranger_who_is(who, city)
    for operation, (kind, call) in OF_SOMEBODY.items():
        absent = call(client, ABSENT)
        needs_a_token = who == "nobody" and (operation.split()[0] != "GET" or operation in FOR_STAFF)
        refused(absent, 401 if needs_a_token else 404)

        for key in [private[kind]] + ([private["number"]] if kind == "request" else []):
            hidden = call(client, key)
            assert without_what_differs(hidden) == without_what_differs(absent), operation
            assert set(hidden.headers) == set(absent.headers), operation

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
    # Of their own request a reporter may know that there is no such note.
    expected = {403, 404} if operation in NOT_FOR_REPORTERS else {200, 201, 204}
    assert response.status_code in expected
    if response.status_code == 404:
        assert ABSENT in response.request["PATH_INFO"]
    response.close()


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("query", ["", "?service=heating", "?department=roads", "?status=submitted",
                                   "?updated_after=2000-01-01T00:00:00Z", "?bbox=-180,-90,180,90"])  # fmt: skip
def test_no_list_shows_it(city: SmallCity, private: dict[str, str], who: str, query: str) -> None:
    response = stranger_who_is(who, city).get(f"{API}/requests{query}")
    assert (response.status_code, response.json()) == (200, {"results": [], "next": None})
