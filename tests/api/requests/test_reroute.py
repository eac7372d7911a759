"""POST /requests/{key}/reroute"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from tests.api.asking import API, refused, submitted
from tests.api.requests.working import act, acted, etag
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

PARKS = {"department": "parks", "reason": "The root of a tree lifts it."}


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, contact={"name": "Ada", "phone": "+1 555 0100"})


@pytest.fixture
def gardener(city: SmallCity) -> APIClient:
    return signed_in(person(role="crew", city=city, department="parks"))


def events(client: APIClient, key: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client.get(f"{API}/requests/{key}/events").json()["results"]
    return results


def test_another_department_has_it(dispatcher: APIClient, made: dict[str, Any]) -> None:
    now = acted(dispatcher, made["number"], "reroute", PARKS)
    assert (now["department"]["code"], now["service"], now["version"]) == ("parks", "pothole", 2)


def test_another_service(dispatcher: APIClient, made: dict[str, Any]) -> None:
    now = acted(dispatcher, made["id"], "reroute", {"service": "streetlight", "reason": "A lamp."})
    assert (now["department"]["code"], now["service"]) == ("roads", "streetlight")
    assert now["due_at"] > made["due_at"]


def test_the_trace_keeps_both_for_staff(dispatcher: APIClient, phone: APIClient, made: dict[str, Any]) -> None:
    acted(dispatcher, made["id"], "reroute", PARKS)
    event = events(dispatcher, made["id"])[-1]
    assert event["type"] == "rerouted"
    assert event["details"] == {
        "before": {"department": "roads-west", "service": "pothole"},
        "department_code": "parks",
        "service_code": "pothole",
        "why": PARKS["reason"],
    }
    theirs = events(phone, made["id"])[-1]
    assert theirs["type"] == "rerouted"
    assert "details" not in theirs
    assert PARKS["reason"] not in str(theirs)


def test_staff_of_the_old_department_sees_no_more_and_of_the_new_one_does(
    dispatcher: APIClient, crew: APIClient, gardener: APIClient, made: dict[str, Any]
) -> None:
    acted(dispatcher, made["id"], "notes", {"text": "The gate is locked."}, 201)

    def reads(client: APIClient) -> list[bool]:
        document = client.get(f"{API}/requests/{made['id']}").json()
        return ["contact" in document, "assignee" in document, "gate" in str(events(client, made["id"]))]

    assert (reads(crew), reads(gardener)) == ([True] * 3, [False] * 3)
    acted(dispatcher, made["id"], "reroute", PARKS)
    assert (reads(crew), reads(gardener)) == ([False] * 3, [True] * 3)
    refused(act(crew, made["id"], "transitions", {"to": "acknowledged"}), 403, "not_allowed")
    acted(gardener, made["id"], "transitions", {"to": "acknowledged"})


def test_a_manager_who_hands_it_over_is_answered_without_what_is_for_staff(
    city: SmallCity, made: dict[str, Any]
) -> None:
    manager = signed_in(person(role="manager", city=city, department="roads-west"))
    now = acted(manager, made["id"], "reroute", PARKS)
    assert now["department"]["code"] == "parks"
    assert not {"contact", "assignee", "reporter"} & set(now)


def test_a_private_service_makes_it_private(
    client: APIClient, phone: APIClient, dispatcher: APIClient, made: dict[str, Any]
) -> None:
    assert acted(dispatcher, made["id"], "reroute", {"service": "heating", "reason": "x"})["visibility"] == "private"
    refused(client.get(f"{API}/requests/{made['id']}"), 404)
    assert phone.get(f"{API}/requests/{made['id']}").status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"department": "nonsense", "reason": "x"}, "/department"),
        ({"service": "nonsense", "reason": "x"}, "/service"),
        ({"department": "roads-west", "reason": "x"}, "/department"),
        ({"service": "pothole", "reason": "x"}, "/service"),
        ({"reason": "x"}, "/department"),
        ({"department": "parks"}, "/reason"),
        ({**PARKS, "more": 1}, "/more"),
    ],
)
def test_what_is_wrong(dispatcher: APIClient, made: dict[str, Any], body: dict[str, Any], pointer: str) -> None:
    refused(act(dispatcher, made["id"], "reroute", body), 422, "invalid", pointer)


def test_who_may_not(
    client: APIClient, crew: APIClient, phone: APIClient, dispatcher: APIClient, made: dict[str, Any]
) -> None:
    for somebody in (crew, phone):
        refused(act(somebody, made["id"], "reroute", PARKS), 403, "not_allowed")
    refused(act(client, made["id"], "reroute", PARKS), 401)
    refused(act(dispatcher, "nonsense", "reroute", PARKS, '"1-00000000"'), 404)


def test_versions(dispatcher: APIClient, made: dict[str, Any]) -> None:
    tag = etag(dispatcher, made["id"])
    acted(dispatcher, made["id"], "transitions", {"to": "acknowledged"})
    refused(act(dispatcher, made["id"], "reroute", PARKS, tag), 412, "stale_version")
    refused(act(dispatcher, made["id"], "reroute", PARKS, None), 428, "if_match_required")


def test_one_that_is_over(dispatcher: APIClient, made: dict[str, Any]) -> None:
    acted(dispatcher, made["id"], "transitions", {"to": "rejected", "text": "Not ours."})
    refused(act(dispatcher, made["id"], "reroute", PARKS), 409, "illegal_transition")
