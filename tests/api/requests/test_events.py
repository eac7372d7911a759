"""GET /requests/{key}/events"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from requests311.actions.receive_update import receive_update
from requests311.models import Event, EventKind, Jurisdiction, ServiceRequest
from requests311.retention.history import remove_old_events
from tests.api.asking import API, move, refused, submitted, without_what_differs
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db


def events(client: APIClient, key: str) -> list[dict[str, Any]]:
    response = client.get(f"{API}/requests/{key}/events")
    assert response.status_code == 200, response.content
    results: list[dict[str, Any]] = response.json()["results"]
    return results


@pytest.fixture
def made(phone: APIClient, crew: APIClient, city: SmallCity) -> dict[str, Any]:
    """Submitted, acknowledged, and with a note that is for staff."""
    made = submitted(phone, city, contact={"name": "Ada"})
    move(crew, made["id"], {"to": "acknowledged", "text": "On our list."}, '"1-00000000"')
    request = ServiceRequest.objects.get()
    Event.objects.create(
        request=request, version=9, kind=EventKind.STATUS_CHANGED, audience="staff", at=timezone.now(), text="Secret."
    )
    return made


def test_a_history_that_is_kept_no_more_is_empty(client: APIClient, made: dict[str, Any], city: SmallCity) -> None:
    ServiceRequest.objects.update(status="closed", closed_at=timezone.now() - timedelta(days=31))
    Jurisdiction.objects.update(keep_events_days=30)
    assert remove_old_events(jurisdiction_id=city.jurisdiction.pk, limit=10) == 3
    assert events(client, made["id"]) == []
    ServiceRequest.objects.update(visibility="private")
    refused(client.get(f"{API}/requests/{made['id']}/events"), 404, "not_found")


def test_the_timeline_oldest_first(client: APIClient, made: dict[str, Any]) -> None:
    timeline = events(client, made["number"].lower())
    assert [event["version"] for event in timeline] == [1, 2]
    assert [(e["from_status"], e["to_status"]) for e in timeline] == [
        (None, "submitted"),
        ("submitted", "acknowledged"),
    ]
    assert [event["text"] for event in timeline] == ["", "On our list."]
    told = {"id", "version", "kind", "type", "at", "from_status", "to_status", "text", "audience"}
    assert set(timeline[0]) == told | {"edited_at", "redacted", "photos"}
    assert timeline[0]["at"] == made["submitted_at"]


def test_a_comment_is_told_as_apps_know_it(client: APIClient, made: dict[str, Any]) -> None:
    """A change of status from one to the same: apps that are out there know no other kind."""
    assert receive_update(source="forward:1", update_id="1", key=made["number"], text="Crew is out.") is not None
    comment = events(client, made["number"])[-1]
    assert (comment["kind"], comment["text"]) == ("status_changed", "Crew is out.")
    assert (comment["from_status"], comment["to_status"]) == ("acknowledged", "acknowledged")


def test_nobody_but_staff_reads_what_is_for_staff(
    client: APIClient, phone: APIClient, stranger: APIClient, city: SmallCity, made: dict[str, Any]
) -> None:
    foreign = signed_in(person(role="crew", city=city, department="parks"))
    for anybody in (client, phone, stranger, foreign):
        timeline = events(anybody, made["id"])
        assert len(timeline) == 2
        assert not any("actor" in event for event in timeline)


def test_staff_read_everything_and_who_acted(crew: APIClient, made: dict[str, Any]) -> None:
    timeline = events(crew, made["id"])
    assert [event["text"] for event in timeline] == ["", "On our list.", "Secret."]
    assert timeline[0]["actor"] == str(ServiceRequest.objects.get().reporter_id)
    assert timeline[2]["actor"] is None


def test_private_and_absent_look_the_same(
    client: APIClient, phone: APIClient, stranger: APIClient, city: SmallCity
) -> None:
    private = submitted(phone, city, service="heating")
    assert len(events(phone, private["id"])) == 1
    for anybody in (client, stranger):
        hidden = anybody.get(f"{API}/requests/{private['id']}/events")
        absent = anybody.get(f"{API}/requests/019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f/events")
        refused(hidden, 404, "not_found")
        assert without_what_differs(hidden) == without_what_differs(absent)
