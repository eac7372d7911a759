"""GET /map/requests"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from requests311.models import ServiceRequest
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity
from tests.requests311.map_rows import put, put_all, several

pytestmark = pytest.mark.django_db

#: Small boxes are read cell by cell, large ones are not.
BOXES = ["-100,40,-99.8,40.2", "-99.96,40.09,-99.94,40.11", "-180,-90,180,90"]


def ask(client: APIClient, bbox: str = BOXES[0], **query: Any) -> dict[str, Any]:
    response = client.get(f"{API}/map/requests", {"bbox": bbox, **query})
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/geo+json"
    found: dict[str, Any] = response.json()
    return found


def ids(answer: dict[str, Any]) -> list[str]:
    return [feature["id"] for feature in answer["features"]]


@pytest.mark.parametrize("bbox", BOXES)
def test_a_feature(client: APIClient, city: SmallCity, bbox: str) -> None:
    row = put(city, -99.95, 40.1, service="streetlight", address='5 "Main" \\ Street\n', days=2)
    put(city, -99.95, 40.1, visibility="private")
    answer = ask(client, bbox)
    assert (answer["type"], answer["truncated"]) == ("FeatureCollection", False)
    [feature] = answer["features"]
    for name in ("submitted_at", "updated_at"):
        assert parse_datetime(feature["properties"].pop(name)) == getattr(row, name)
    assert feature == {
        "type": "Feature",
        "id": str(row.pk),
        "geometry": {"type": "Point", "coordinates": [-99.95, 40.1]},
        "properties": {
            "number": row.number,
            "status": "submitted",
            "service": "streetlight",
            "service_name": "Street light out",
            "group": "Streets",
            "department": "Roads – West Yard",
            "address": '5 "Main" \\ Street\n',
        },
    }


@pytest.mark.parametrize("bbox", BOXES)
def test_newest_first_and_says_when_it_was_cut(client: APIClient, city: SmallCity, bbox: str) -> None:
    rows = [put(city, -99.95 + number / 1e4, 40.1, days=number) for number in range(6)]
    newest = [str(row.pk) for row in rows]
    assert ids(ask(client, bbox)) == newest
    for limit, cut in ((1, True), (5, True), (6, False), (1000, False)):
        answer = ask(client, bbox, limit=limit)
        assert (ids(answer), answer["truncated"]) == (newest[:limit], cut)


def test_a_hundred_unless_told_otherwise(client: APIClient, city: SmallCity) -> None:
    put_all([row for row in several(city, 300, seed=4) if row.visibility == "public"])
    answer = ask(client)
    assert (len(answer["features"]), answer["truncated"]) == (100, True)


@pytest.mark.parametrize("size", [0.004, 0.03, 0.2])
def test_a_box_holds_what_it_holds(client: APIClient, city: SmallCity, size: float) -> None:
    put_all(several(city, 400, seed=5))
    west, south = -99.93, 40.06
    east, north = west + size, south + size
    expected = {
        str(row.pk)
        for row in ServiceRequest.objects.filter(visibility="public", status__in=["submitted", "closed"])
        if west <= row.location.x <= east and south <= row.location.y <= north
    }
    answer = ask(client, f"{west},{south},{east},{north}", limit=1000, status="submitted,closed")
    assert set(ids(answer)) == expected
    assert len(ids(answer)) == len(expected)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "closed"}, ["old"]),
        ({"service": "graffiti,unknown"}, ["paint"]),
        ({"group": "Streets"}, ["hole", "old"]),
        ({"since": "2000-01-01"}, ["hole", "paint", "old"]),
        ({"service": "pothole", "group": "Streets", "status": "submitted"}, ["hole"]),
    ],
)
@pytest.mark.parametrize("bbox", BOXES)
def test_filters(client: APIClient, city: SmallCity, bbox: str, query: dict[str, str], found: list[str]) -> None:
    made = {
        "hole": put(city, -99.95, 40.1),
        "paint": put(city, -99.95, 40.1, service="graffiti", days=1),
        "old": put(city, -99.95, 40.1, status="closed", days=20),
    }
    assert ids(ask(client, bbox, **query)) == [str(made[name].pk) for name in found]
    since = (timezone.now() - timedelta(days=2)).isoformat()
    recent = [str(made[name].pk) for name in found if name != "old"]
    assert ids(ask(client, bbox, **{**query, "since": since})) == recent


def test_a_box_over_the_antimeridian_is_two(client: APIClient, city: SmallCity) -> None:
    east = put(city, -179.99, -16.5, days=1)
    west = put(city, 179.99, -16.5)
    put(city, 0, -16.5)
    assert ids(ask(client, "179.9,-17,-179.9,-16")) == [str(west.pk), str(east.pk)]
    assert ids(ask(client, "170,-17,-170,-16")) == [str(west.pk), str(east.pk)]
    assert ids(ask(client, "170,-17,-170,-16", limit=1)) == [str(west.pk)]
    assert ids(ask(client, "170,-17,180,-16")) == [str(west.pk)]


def test_private_ones_are_for_nobody(client: APIClient, city: SmallCity, dispatcher: APIClient) -> None:
    row = put(city, -99.95, 40.1)
    assert ids(ask(client))
    ServiceRequest.objects.filter(pk=row.pk).update(visibility="private")
    for who in (client, dispatcher):
        assert all(ids(ask(who, bbox)) == [] for bbox in BOXES)


def test_it_may_be_kept_for_a_moment(client: APIClient, city: SmallCity) -> None:
    put(city, -99.95, 40.1)
    first = client.get(f"{API}/map/requests", {"bbox": BOXES[0]})
    assert first["Cache-Control"] == "public, max-age=30"
    again = client.get(f"{API}/map/requests", {"bbox": BOXES[0]}, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("bbox", [*BOXES, "170,-17,-170,-16"])
def test_one_statement(client: APIClient, city: SmallCity, bbox: str) -> None:
    put(city, -99.95, 40.1)
    with CaptureQueriesContext(connection) as counted:
        ask(client, bbox, service="pothole", group="Streets", status="submitted", since="2020-01-01")
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "required"),
        ({"bbox": "-99,41,-98,40"}, "inside_out"),
        ({"bbox": "-99,40,-98,40"}, "inside_out"),
        ({"bbox": "-99,40,-99,41"}, "invalid"),
        ({"bbox": "-181,40,-98,41"}, "out_of_range"),
        ({"bbox": "-99,40,-98,91"}, "out_of_range"),
        ({"bbox": "-99,40,1e999,41"}, "invalid"),
        ({"bbox": "nan,40,-98,41"}, "invalid"),
        ({"bbox": "-inf,40,inf,41"}, "invalid"),
        ({"bbox": "-99,40,-98"}, "invalid"),
        ({"bbox": "-99,40,-98,41,5"}, "invalid"),
        ({"bbox": "a,b,c,d"}, "invalid"),
        ({"bbox": ""}, "blank"),
    ],
)
def test_a_box_that_is_none(client: APIClient, query: dict[str, str], code: str) -> None:
    body = refused(client.get(f"{API}/map/requests", query), 422, "invalid", "/bbox")
    assert body["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "1001"}, "/limit"),
        ({"limit": "9" * 500}, "/limit"),
        ({"limit": "1e2"}, "/limit"),
        ({"cursor": "x"}, "/cursor"),
        ({"status": "lost"}, "/status"),
        ({"since": "now"}, "/since"),
    ],
)
def test_wrong_input_is_named(client: APIClient, query: dict[str, str], pointer: str) -> None:
    refused(client.get(f"{API}/map/requests", {"bbox": BOXES[0], **query}), 422, "invalid", pointer)
