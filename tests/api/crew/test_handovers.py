"""/requests/{key}/handovers for staff, and /handovers/{token} for a contractor without an account"""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from notifications.models import Message
from requests311 import links
from requests311.announce import announce
from requests311.models import Event, Handover, Photo, ServiceRequest
from requests311.photos import variants
from requests311.statuses import Status
from tests.api.asking import API, move, refused, submitted, uploaded
from tests.api.crew.asking import by_link, call, done, etag, status_of
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in
from tests.requests311.reporting import force

pytestmark = pytest.mark.django_db

EMAIL = "works@contractor.example"
CONTACT = {"name": "Ada Lovelace", "email": "ada@mail.example", "phone": "555-0199"}


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(
        phone,
        city,
        contact=CONTACT,
        description="A hole at the kerb.",
        attributes={"position": "lane", "lane_number": 1},
        photos=[uploaded(phone)],
    )


def handed_over(crew: APIClient, made: dict[str, Any], **more: Any) -> str:
    """The token of a new link."""
    done(crew, made["id"], "handovers", {"email": EMAIL, **more})
    return links.token_for(links.Purpose.HANDOVER, Handover.objects.order_by("-pk")[0].pk)


@pytest.fixture
def token(crew: APIClient, made: dict[str, Any]) -> str:
    return handed_over(crew, made)


def says(client: APIClient, token: str, **more: Any) -> Any:
    return by_link(client, f"handovers/{token}", {"done": True, "text": "Filled.", **more})


def process() -> None:
    for photo in Photo.objects.filter(state="pending"):
        variants.process(photo.pk)


class TestStaff:
    def test_the_link_goes_to_the_address(self, crew: APIClient, client: APIClient, made: dict[str, Any]) -> None:
        now = done(crew, made["id"], "handovers", {"email": EMAIL})
        assert (now["version"], now["status"]) == (2, "submitted")
        announce(Event.objects.get(kind="handed_over").pk)
        message = Message.objects.get(kind="handover_link")
        assert (message.address, message.recipient) == (EMAIL, None)
        page = message.context["link"][message.context["link"].index("/api/") :]
        assert client.get(page).json()["number"] == made["number"]

    def test_staff_reads_to_whom(self, crew: APIClient, phone: APIClient, made: dict[str, Any], token: str) -> None:
        response = crew.get(f"{API}/requests/{made['id']}/handovers")
        [one] = response.json()["results"]
        assert (one["email"], one["revoked_at"], one["done_at"]) == (EMAIL, None, None)
        refused(phone.get(f"{API}/requests/{made['id']}/handovers"), 403, "not_allowed")

    def test_what_is_refused(self, client: APIClient, phone: APIClient, crew: APIClient, made: dict[str, Any]) -> None:
        key, body = made["id"], {"email": EMAIL}
        late = (timezone.now() + timedelta(days=91)).isoformat()
        refused(call(crew, key, "handovers", {**body, "expires": late}), 422, "invalid", "/expires")
        refused(call(crew, key, "handovers", {**body, "expires": "2020-01-01T00:00:00Z"}), 422, "invalid", "/expires")
        refused(call(crew, key, "handovers", {"email": "x"}), 422, "invalid", "/email")
        refused(call(crew, key, "handovers", body, tag=None), 428, "if_match_required")
        refused(call(crew, key, "handovers", body, tag='"9-00000000"'), 412, "stale_version")
        refused(call(client, key, "handovers", body), 401)
        refused(call(phone, key, "handovers", body), 403, "not_allowed")
        force(ServiceRequest.objects.get(), Status.CLOSED)
        refused(call(crew, key, "handovers", body), 409, "illegal_transition")

    def test_revoking(self, crew: APIClient, phone: APIClient, client: APIClient, made: dict[str, Any]) -> None:
        token = handed_over(crew, made)
        path = f"handovers/{Handover.objects.get().pk}"
        refused(call(phone, made["id"], path, None, method="delete"), 403, "not_allowed")
        refused(call(crew, made["id"], path, None, method="delete", tag=None), 428, "if_match_required")
        refused(call(crew, made["id"], path, None, method="delete", tag='"1-00000000"'), 412, "stale_version")
        done(crew, made["id"], path, None, method="delete", status=200)
        refused(client.get(f"{API}/handovers/{token}"), 410, "link_over")
        refused(says(client, token), 410, "link_over")
        refused(call(crew, made["id"], path, None, method="delete"), 404, "not_found")
        assert status_of(client, f"{API}/photos/{made['photos'][0]['id']}/large?link={token}") == 410


class TestTheContractor:
    def test_sees_what_there_is_to_do_and_nothing_of_who_reported_it(
        self, client: APIClient, made: dict[str, Any], token: str
    ) -> None:
        process()
        response = client.get(f"{API}/handovers/{token}")
        assert response.status_code == 200
        assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
        shown = response.json()
        assert (shown["number"], shown["description"], shown["done"]) == (made["number"], "A hole at the kerb.", False)
        assert shown["location"] == made["location"]
        assert shown["attributes"] == {"position": "lane", "lane_number": 1}
        assert [one["id"] for one in shown["photos"]] == [made["photos"][0]["id"]]
        text = response.content.decode()
        reporter = str(ServiceRequest.objects.get().reporter_id)
        for secret in (*CONTACT.values(), "Ada", reporter, "contact", "reporter", "client_id", EMAIL):
            assert secret not in text

    def test_sees_its_photos_also_of_a_private_one(
        self, client: APIClient, phone: APIClient, city: SmallCity, made: dict[str, Any]
    ) -> None:
        staff = signed_in(person(role="crew", city=city, department="roads"))
        private = submitted(phone, city, service="heating", photos=[uploaded(phone)])
        note = uploaded(staff)
        done(staff, private["id"], "notes", {"text": "Ring twice.", "photos": [note]})
        token = handed_over(staff, private)
        process()
        photo = private["photos"][0]["id"]
        assert status_of(client, f"{API}/photos/{photo}/large") == 404
        [shown] = client.get(f"{API}/handovers/{token}").json()["photos"]
        for variant in ("thumbnail", "large"):
            path = shown[variant][shown[variant].index("/api/") :]
            assert status_of(client, path) == 200
            # What only staff sees, and what is another request's, is not shown by it.
            assert status_of(client, f"{API}/photos/{note}/{variant}?link={token}") == 404
            other = made["photos"][0]["id"]
            assert status_of(client, f"{API}/photos/{other}/{variant}?link={token}") == 404
        forged = token[:-1] + ("A" if token[-1] != "A" else "B")
        for wrong in (forged, "x", links.token_for(links.Purpose.ANSWER, Handover.objects.get().pk)):
            assert status_of(client, f"{API}/photos/{photo}/large?link={wrong}") == 404

    def test_says_why_it_is_not_done_and_then_that_it_is(
        self, client: APIClient, crew: APIClient, made: dict[str, Any], token: str
    ) -> None:
        for _ in range(2):
            response = says(client, token, done=False, text="Rain.")
            assert response.json() == {"number": made["number"], "status": "submitted"}
        assert client.get(f"{API}/handovers/{token}").json()["done"] is False
        assert says(client, token).status_code == 200
        assert client.get(f"{API}/handovers/{token}").json()["done"] is True
        refused(says(client, token), 409, "reported_already")
        [one] = crew.get(f"{API}/requests/{made['id']}/handovers").json()["results"]
        assert one["done_at"] is not None

    def test_photos_are_public_once_staff_has_confirmed_it(
        self, client: APIClient, crew: APIClient, made: dict[str, Any], token: str
    ) -> None:
        guest = signed_in(person())
        photo = uploaded(guest)
        refused(says(client, token, photos=[photo]), 422, "invalid", "/photos/0")
        assert says(guest, token, photos=[photo]).status_code == 200
        process()
        assert status_of(client, f"{API}/photos/{photo}/large") == 404
        assert status_of(crew, f"{API}/photos/{photo}/large") == 200
        move(crew, made["id"], {"to": "acknowledged"}, etag(crew, made["id"]))
        resolved = move(crew, made["id"], {"to": "resolved", "resolution": "fixed"}, etag(crew, made["id"]))
        assert resolved.status_code == 200
        assert status_of(client, f"{API}/photos/{photo}/large") == 200
        assert photo in [one["id"] for one in client.get(f"{API}/requests/{made['id']}").json()["photos"]]

    def test_a_link_that_is_over(self, client: APIClient, made: dict[str, Any], token: str) -> None:
        force(ServiceRequest.objects.get(), Status.RESOLVED)
        refused(client.get(f"{API}/handovers/{token}"), 410, "link_over")
        refused(says(client, token), 410, "link_over")
        force(ServiceRequest.objects.get(), Status.ACKNOWLEDGED)
        past = timezone.now() - timedelta(seconds=1)
        Handover.objects.update(at=past - timedelta(days=1), expires_at=past)
        refused(client.get(f"{API}/handovers/{token}"), 410, "link_over")
        refused(says(client, token), 410, "link_over")

    def test_a_token_that_is_not_ours(self, client: APIClient, crew: APIClient, token: str) -> None:
        handover = Handover.objects.get().pk
        for wrong in (token[:-1], str(handover), str(uuid4()), links.token_for(links.Purpose.ANSWER, handover)):
            for reader in (client, crew):
                refused(reader.get(f"{API}/handovers/{wrong}"), 404, "not_found")
                refused(says(reader, wrong), 404, "not_found")

    def test_wrong_input(self, client: APIClient, token: str) -> None:
        refused(client.post(f"{API}/handovers/{token}", {}, format="json"), 422, "invalid", "/done", "/text")
        refused(says(client, token, done="yes"), 422, "invalid", "/done")
        refused(says(client, token, name="x"), 422, "invalid", "/name")
