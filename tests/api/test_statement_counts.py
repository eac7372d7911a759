"""How many statements an endpoint takes: BEGIN, COMMIT and authentication included, for whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from tests.api.asking import API, move, report, submit, submitted, uploaded
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in

# Real transactions: within a test's own one BEGIN and COMMIT would be savepoints, or not there at all.
pytestmark = pytest.mark.django_db(transaction=True)

WHO = ["guest", "resident", "crew", "dispatcher"]


@contextmanager
def at_most(most: int) -> Iterator[None]:
    with CaptureQueriesContext(connection) as counted:
        yield
    statements = [query["sql"] for query in counted.captured_queries]
    assert len(statements) <= most, "\n".join(f"{n}. {sql[:200]}" for n, sql in enumerate(statements, 1))
    assert statements, "nothing was counted"


def client_of(who: str, city: SmallCity) -> APIClient:
    people = {
        "guest": lambda: person(),
        "resident": lambda: person("ada@example.org"),
        "crew": lambda: person(role="crew", city=city, department="roads-west"),
        "dispatcher": lambda: person(role="dispatcher", city=city),
    }
    client = signed_in(people[who]())
    # What a process keeps between requests: the catalogue of the city.
    client.get(f"{API}/services", dict(zip(("latitude", "longitude"), city.point_in("west"), strict=True)))
    return client


def test_begin_and_commit_are_counted() -> None:
    from django.db import transaction

    from accounts.models import User

    with CaptureQueriesContext(connection) as counted, transaction.atomic():
        User.objects.exists()
    assert [query["sql"].split()[0] for query in counted.captured_queries] == ["BEGIN", "SELECT", "COMMIT"]


@pytest.mark.parametrize("who", WHO)
def test_submit(who: str) -> None:
    city = small_city()
    client = client_of(who, city)
    body: dict[str, Any] = report(
        city,
        photos=[uploaded(client)],
        client_id="c",
        attributes={"position": "lane", "lane_number": 2},
        contact={"name": "Ada"},
        description="Deep.",
    )
    with at_most(9):
        response = submit(client, body, key="k")
    assert response.status_code == 201


def test_an_asset_costs_a_submit_one_statement() -> None:
    city = small_city()
    asks_for(city, "optional")
    lamp = light(city, owner="parks")
    client = client_of("guest", city)
    with CaptureQueriesContext(connection) as without:
        assert submit(client, report(city), key="1").status_code == 201
    with CaptureQueriesContext(connection) as named:
        assert submit(client, report(city, asset=str(lamp.pk)), key="2").status_code == 201
    assert len(named) == len(without) + 1


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("by", ["id", "number"])
def test_detail(who: str, by: str) -> None:
    city = small_city()
    client = client_of(who, city)
    made = submitted(client, city, photos=[uploaded(client)])
    with at_most(4):
        response = client.get(f"{API}/requests/{made[by]}")
    assert response.status_code == 200


@pytest.mark.parametrize("who", WHO)
def test_a_list_of_fifty(who: str) -> None:
    city = small_city()
    client = client_of(who, city)
    for _ in range(50):
        submitted(client, city)
    queries: list[dict[str, str]] = [
        {},
        {"mine": "true", "status": "submitted", "department": "roads-west"},
        {"updated_after": "2000-01-01T00:00:00Z"},
    ]
    for query in queries:
        with at_most(4):
            response = client.get(f"{API}/requests", {**query, "limit": "50"})
        assert len(response.json()["results"]) == 50, query


@pytest.mark.parametrize("who", ["crew", "dispatcher"])
def test_transition(who: str) -> None:
    city = small_city()
    client = client_of(who, city)
    made = submitted(client, city)
    with at_most(9):
        response = move(client, made["number"], {"to": "acknowledged", "text": "On our list."})
    assert response.status_code == 200


@pytest.mark.parametrize("who", ["guest", "resident"])
def test_transition_by_the_reporter(who: str) -> None:
    city = small_city()
    client = client_of(who, city)
    made = submitted(client, city)
    with at_most(9):
        response = move(client, made["id"], {"to": "withdrawn"})
    assert response.status_code == 200


@pytest.mark.parametrize("service", ["pothole", None])
def test_locate(service: str | None) -> None:
    city = small_city()
    client = client_of("crew", city)
    place: dict[str, Any] = dict(zip(("latitude", "longitude"), city.point_in("west"), strict=True))
    if service:
        place["service"] = service
    with at_most(2):
        response = client.get(f"{API}/locate", place)
    assert response.status_code == 200


def test_timeline() -> None:
    city = small_city()
    client = client_of("crew", city)
    made = submitted(client, city)
    with at_most(4):
        response = client.get(f"{API}/requests/{made['number']}/events")
    assert response.status_code == 200


@pytest.mark.parametrize("who", ["crew", "dispatcher"])
def test_a_page_of_the_queue(who: str) -> None:
    city = small_city()
    client = client_of(who, city)
    for _ in range(51):
        submitted(client, city)
    place = {"latitude": "40.1", "longitude": "-99.95"}
    everything = {
        "status": "submitted,assigned",
        "service": "pothole",
        "area": "ward:west",
        "priority": "normal,high",
        "assignee": "none",
        "overdue": "false",
        "due_before": "2999-01-01T00:00:00Z",
        "q": "-",
    }
    for sort in ("due", "age", "priority", "distance"):
        with at_most(4):
            first = client.get(f"{API}/crew/queue", {"sort": sort, **place}).json()
        assert len(first["results"]) == 50
        with at_most(4):
            second = client.get(f"{API}/crew/queue", {"sort": sort, "cursor": first["next"], **place}).json()
        assert len(second["results"]) == 1
        with at_most(4):
            filtered = client.get(f"{API}/crew/queue", {"sort": sort, **place, **everything}).json()
        assert len(filtered["results"]) == 50
        with at_most(4):
            assert client.get(f"{API}/crew/queue", {"sort": sort, **place, "team": "none", "assignee": "me"}).json()


@pytest.mark.parametrize("who", ["crew", "dispatcher"])
def test_counts_of_the_queue(who: str) -> None:
    city = small_city()
    client = client_of(who, city)
    submitted(client, city)
    with at_most(4):
        response = client.get(f"{API}/crew/counts")
    assert response.json()["total"] == 1
