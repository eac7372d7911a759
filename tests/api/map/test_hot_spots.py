"""GET /map/clusters"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from tests.api.asking import API, refused
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in
from tests.requests311.map_rows import put

pytestmark = pytest.mark.django_db

#: About 50 metres, degrees of latitude.
STEP = 0.00045


def ask(client: APIClient, **query: Any) -> list[dict[str, Any]]:
    response = client.get(f"{API}/map/clusters", query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/geo+json"
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Vary"] == "Authorization"
    found: list[dict[str, Any]] = response.json()["features"]
    return found


def test_many_of_one_service_close_together(city: SmallCity, dispatcher: APIClient) -> None:
    rows = [
        put(city, -99.95, 40.1 + number * STEP, service="streetlight", days=number / 10, status=status)
        for number, status in enumerate(["submitted", "closed", "submitted", "submitted", "acknowledged"])
    ]
    put(city, -99.95, 40.1, service="graffiti")
    put(city, -99.9, 40.1, service="streetlight")
    [spot] = ask(dispatcher)
    properties = spot["properties"]
    assert parse_datetime(properties.pop("first_at")) == rows[-1].submitted_at
    assert parse_datetime(properties.pop("last_at")) == rows[0].submitted_at
    # Two steps from the middle to the end, on the ellipsoid.
    assert properties.pop("radius_metres") == pytest.approx(100, abs=1)
    assert spot["geometry"]["coordinates"] == pytest.approx([-99.95, 40.1 + 2 * STEP], abs=1e-5)
    assert properties == {
        "jurisdiction": "smallville",
        "service": "streetlight",
        "service_name": "Street light out",
        "group": "Streets",
        "count": 5,
        "open": 4,
        "numbers": [row.number for row in rows],
    }


@pytest.mark.parametrize("longitude_too", [False, True])
def test_distance_is_in_metres_both_ways(city: SmallCity, dispatcher: APIClient, longitude_too: bool) -> None:
    """At 40° a degree of longitude is three quarters of one of latitude."""
    for number in range(5):
        step = number * STEP
        put(city, -99.95 + (step / 0.7649 if longitude_too else 0), 40.1 + (0 if longitude_too else step))
    assert len(ask(dispatcher, distance="52")) == 1
    assert ask(dispatcher, distance="48") == []


def test_how_many_and_since_when(city: SmallCity, dispatcher: APIClient) -> None:
    for number in range(6):
        put(city, -99.95, 40.1, days=number / 2)
    assert ask(dispatcher, reports="7") == []
    assert [spot["properties"]["count"] for spot in ask(dispatcher, reports="6")] == [6]
    since = (timezone.now() - timedelta(days=1.75)).isoformat()
    assert [spot["properties"]["count"] for spot in ask(dispatcher, since=since, reports="3")] == [4]
    assert ask(dispatcher, service="graffiti") == []
    assert len(ask(dispatcher, service="pothole,graffiti")) == 1


def test_a_long_pause_ends_one(city: SmallCity, dispatcher: APIClient) -> None:
    for days in (0, 0.1, 0.2, 5, 5.1, 5.2, 5.3):
        put(city, -99.95, 40.1, days=days)
    counted = [spot["properties"]["count"] for spot in ask(dispatcher, reports="3")]
    assert counted == [4, 3]
    assert [spot["properties"]["count"] for spot in ask(dispatcher, reports="3", pause="200")] == [7]


def test_private_ones_count_and_withdrawn_ones_do_not(city: SmallCity, dispatcher: APIClient) -> None:
    for _ in range(5):
        put(city, -99.95, 40.1, service="heating", visibility="private")
        put(city, -99.95, 40.1, status="withdrawn")
    [spot] = ask(dispatcher)
    assert spot["properties"]["service"] == "heating"


def test_old_ones_are_not_looked_at_unless_asked_for(city: SmallCity, dispatcher: APIClient) -> None:
    for _ in range(5):
        put(city, -99.95, 40.1, days=20)
    assert ask(dispatcher) == []
    assert len(ask(dispatcher, since=(timezone.now() - timedelta(days=25)).date().isoformat())) == 1


@pytest.mark.parametrize(
    ("role", "department", "seen"),
    [
        ("dispatcher", None, 1),
        ("auditor", None, 1),
        ("admin", None, 1),
        ("manager", "roads", 1),
        ("manager", "parks", 0),
    ],
)
def test_only_where_they_work(city: SmallCity, role: str, department: str | None, seen: int) -> None:
    for _ in range(5):
        put(city, -99.95, 40.1)
    other = small_city("otherton", origin=(-90.0, 40.0))
    for _ in range(5):
        put(other, -89.95, 40.1)
    client = signed_in(person(role=role, city=city, department=department))
    assert [spot["properties"]["jurisdiction"] for spot in ask(client)] == ["smallville"] * seen


def test_nobody_and_residents_and_crews_are_refused(
    client: APIClient, phone: APIClient, stranger: APIClient, crew: APIClient
) -> None:
    refused(client.get(f"{API}/map/clusters"), 401, "not_authenticated")
    for who in (phone, stranger, crew):
        refused(who.get(f"{API}/map/clusters"), 403, "not_allowed")


def test_a_past_dispatcher_is_refused(city: SmallCity) -> None:
    user = person(role="dispatcher", city=city)
    user.memberships.update(valid_to=timezone.now())
    refused(signed_in(user).get(f"{API}/map/clusters"), 403, "not_allowed")


def test_three_statements_at_most(city: SmallCity, dispatcher: APIClient) -> None:
    with CaptureQueriesContext(connection) as counted:
        ask(dispatcher, service="pothole")
    assert len(counted) <= 3


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"since": "2020-01-01"}, "/since"),
        ({"since": "soon"}, "/since"),
        ({"distance": "9"}, "/distance"),
        ({"distance": "1001"}, "/distance"),
        ({"distance": "nan"}, "/distance"),
        ({"reports": "2"}, "/reports"),
        ({"pause": "0"}, "/pause"),
        ({"pause": "745"}, "/pause"),
        ({"service": ""}, "/service"),
        ({"bbox": "0,0,1,1"}, "/bbox"),
    ],
)
def test_wrong_input_is_named(dispatcher: APIClient, query: dict[str, str], pointer: str) -> None:
    refused(dispatcher.get(f"{API}/map/clusters", query), 422, "invalid", pointer)
