"""GET and POST /requests/{key}/children"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import ServiceRequest
from tests.api.asking import API, refused, submitted
from tests.api.requests.working import act, acted, etag
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

PARTS = [
    {"department": "parks", "text": "Take the tree off the road first."},
    {"department": "roads-east", "service": "streetlight", "text": "Then the light."},
]


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, contact={"name": "Ada"})


@pytest.fixture
def gardener(city: SmallCity) -> APIClient:
    return signed_in(person(role="crew", city=city, department="parks"))


def children(client: APIClient, key: str) -> Any:
    return client.get(f"{API}/requests/{key}/children")


def ended(client: APIClient, key: str) -> None:
    acted(client, key, "transitions", {"to": "acknowledged"})
    acted(client, key, "transitions", {"to": "resolved", "resolution": "fixed"})


def test_a_task_for_each_part(dispatcher: APIClient, crew: APIClient, made: dict[str, Any]) -> None:
    now = acted(dispatcher, made["number"], "children", {"parts": PARTS}, 201)
    assert (now["id"], now["status"], now["version"]) == (made["id"], "submitted", 2)
    response = children(crew, made["number"])
    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-cache"
    results = response.json()["results"]
    assert [(task["department"], task["service"], task["status"], task["text"]) for task in results] == [
        ("parks", "pothole", "submitted", "Take the tree off the road first."),
        ("roads-east", "streetlight", "submitted", "Then the light."),
    ]
    assert all(task["number"] and task["due_at"] for task in results)


def test_the_department_s_crew_works_its_task(
    dispatcher: APIClient, crew: APIClient, gardener: APIClient, phone: APIClient, made: dict[str, Any]
) -> None:
    acted(dispatcher, made["id"], "children", {"parts": PARTS[:1]}, 201)
    (task,) = children(crew, made["id"]).json()["results"]
    document = gardener.get(f"{API}/requests/{task['id']}").json()
    assert (document["parent"], document["reporter"], document["contact"]) == (made["id"], None, {})
    for client in (phone, crew):
        refused(client.get(f"{API}/requests/{task['id']}"), 404)
    refused(act(dispatcher, made["id"], "transitions", {"to": "resolved", "resolution": "fixed"}), 409)
    ended(gardener, task["id"])
    assert phone.get(f"{API}/requests/{made['id']}").json()["status"] == "resolved"
    assert children(crew, made["id"]).json()["results"][0]["status"] == "resolved"


def test_nobody_resolves_it_by_hand_before(dispatcher: APIClient, made: dict[str, Any]) -> None:
    acted(dispatcher, made["id"], "children", {"parts": PARTS}, 201)
    acted(dispatcher, made["id"], "transitions", {"to": "acknowledged"})
    response = act(dispatcher, made["id"], "transitions", {"to": "resolved", "resolution": "fixed"})
    refused(response, 409, "has_open_tasks")


def test_at_most_20(dispatcher: APIClient, made: dict[str, Any]) -> None:
    refused(act(dispatcher, made["id"], "children", {"parts": PARTS[:1] * 21}), 422, "invalid", "/parts")
    acted(dispatcher, made["id"], "children", {"parts": PARTS[:1] * 20}, 201)
    refused(act(dispatcher, made["id"], "children", {"parts": PARTS[:1]}), 422, "invalid", "/parts")
    assert ServiceRequest.objects.filter(parent=made["id"]).count() == 20


def test_no_task_of_a_task(dispatcher: APIClient, made: dict[str, Any]) -> None:
    acted(dispatcher, made["id"], "children", {"parts": PARTS[:1]}, 201)
    task = ServiceRequest.objects.get(parent=made["id"])
    refused(act(dispatcher, str(task.pk), "children", {"parts": PARTS[:1]}), 422, "invalid", "/parts")


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["/parts"]),
        ({"parts": []}, ["/parts"]),
        ({"parts": [{"department": "parks"}]}, ["/parts/0/text"]),
        ({"parts": [{"department": "nonsense", "text": "x"}]}, ["/parts/0/department"]),
        ({"parts": [PARTS[0], {"department": "parks", "service": "nonsense", "text": "x"}]}, ["/parts/1/service"]),
        ({"parts": [{"department": "parks", "text": "x", "more": 1}]}, ["/parts/0/more"]),
    ],
)
def test_what_is_no_body(
    dispatcher: APIClient, made: dict[str, Any], body: dict[str, Any], pointers: list[str]
) -> None:
    refused(act(dispatcher, made["id"], "children", body), 422, "invalid", *pointers)


def test_who_may_not(
    client: APIClient,
    crew: APIClient,
    phone: APIClient,
    gardener: APIClient,
    dispatcher: APIClient,
    made: dict[str, Any],
) -> None:
    for somebody in (crew, phone):
        refused(act(somebody, made["id"], "children", {"parts": PARTS}), 403, "not_allowed")
    for somebody in (phone, gardener):
        refused(children(somebody, made["id"]), 403, "not_allowed")
    refused(act(client, made["id"], "children", {"parts": PARTS}), 401)
    refused(children(client, made["id"]), 401)
    refused(children(dispatcher, "nonsense"), 404)


def test_versions(dispatcher: APIClient, made: dict[str, Any]) -> None:
    tag = etag(dispatcher, made["id"])
    acted(dispatcher, made["id"], "transitions", {"to": "acknowledged"})
    refused(act(dispatcher, made["id"], "children", {"parts": PARTS}, tag), 412, "stale_version")
    refused(act(dispatcher, made["id"], "children", {"parts": PARTS}, None), 428, "if_match_required")


def test_one_that_is_over(dispatcher: APIClient, made: dict[str, Any]) -> None:
    acted(dispatcher, made["id"], "transitions", {"to": "rejected", "text": "Not ours."})
    refused(act(dispatcher, made["id"], "children", {"parts": PARTS}), 409, "illegal_transition")
