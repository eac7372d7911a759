"""GET /assets"""

from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone
from rest_framework.test import APIClient

from geo.models import Asset
from requests311.models import ServiceRequest
from requests311.queries.assets import assets_near
from tests.api.asking import API, refused, submitted
from tests.api.test_statement_counts import at_most
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db

URL = f"{API}/assets"


def ask(client: APIClient, place: tuple[float, float], **more: Any) -> Any:
    return client.get(URL, {"latitude": place[0], "longitude": place[1], **more})


def codes(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [entry["code"] for entry in response.json()["results"]]


def test_the_nearest_first_with_metres(client: APIClient, city: SmallCity) -> None:
    far = light(city, "far", north=90)
    near = light(city, "near", north=-30, name="Main Street")
    light(city, "too far", north=101)
    latitude, longitude = city.point_in("west")

    response = ask(client, (latitude, longitude))

    assert response["Cache-Control"] == "public, max-age=30"
    first, second = response.json()["results"]
    assert (first["id"], second["id"]) == (str(near.pk), str(far.pk))
    assert first["distance"] == pytest.approx(30, abs=0.3)
    assert second["distance"] == pytest.approx(90, abs=0.6)
    del first["distance"]
    assert first == {
        "id": str(near.pk),
        "jurisdiction": "smallville",
        "kind": "street_light",
        "code": "near",
        "name": "Main Street",
        "location": {"latitude": near.place.y, "longitude": near.place.x},
        "open_requests": 0,
    }


def test_metres_and_not_degrees_decide(client: APIClient, city: SmallCity) -> None:
    """A degree of longitude is shorter than one of latitude: here the nearer by metres is the farther by degrees."""
    latitude, longitude = city.point_in("west")
    light(city, "north", place=Point(longitude, latitude + 0.0010, srid=4326))
    light(city, "east", place=Point(longitude + 0.0012, latitude, srid=4326))
    assert codes(ask(client, (latitude, longitude), radius=500, limit=1)) == ["east"]


def test_of_a_kind_within_a_radius(client: APIClient, city: SmallCity) -> None:
    light(city, "1")
    light(city, "2", north=400)
    light(city, "3", kind="hydrant")
    here = city.point_in("west")
    assert codes(ask(client, here, kind="hydrant")) == ["3"]
    assert codes(ask(client, here, kind="street_light", radius=500)) == ["1", "2"]
    assert codes(ask(client, here, kind="tree")) == []
    assert len(codes(ask(client, here, radius=500, limit=2))) == 2


def test_what_is_gone_is_not_there(client: APIClient, city: SmallCity) -> None:
    light(city, retired_at=timezone.now())
    assert codes(ask(client, city.point_in("west"))) == []


def test_of_a_neighbour_too(client: APIClient, city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    light(other)
    [entry] = ask(client, other.point_in("west")).json()["results"]
    assert entry["jurisdiction"] == "otherton"


def test_open_public_reports_are_counted(client: APIClient, phone: APIClient, city: SmallCity) -> None:
    asset = light(city)
    asks_for(city, "optional")
    asks_for(city, "optional", service="heating")
    done = submitted(phone, city, asset=str(asset.pk))
    submitted(phone, city, asset=str(asset.pk))
    submitted(phone, city, asset=str(asset.pk), service="heating")
    submitted(phone, city)
    ServiceRequest.objects.filter(pk=done["id"]).update(
        status="resolved", resolution="fixed", resolved_at=timezone.now()
    )
    [entry] = ask(client, city.point_in("west")).json()["results"]
    assert entry["open_requests"] == 1


def test_one_statement_whatever_is_found(client: APIClient, city: SmallCity) -> None:
    for number in range(30):
        light(city, str(number))
    with at_most(1):
        assert len(codes(ask(client, city.point_in("west"), limit=100))) == 30


def test_the_index_gives_the_nearest(city: SmallCity) -> None:
    from django.db import connection

    now = timezone.now()
    Asset.objects.bulk_create(
        Asset(
            jurisdiction=city.areas["boundary"],
            kind="tree",
            code=str(number),
            place=Point(city.origin[0] + number % 100 * 0.002, city.origin[1] + number // 100 * 0.004, srid=4326),
            loaded_at=now,
        )
        for number in range(5000)
    )
    latitude, longitude = city.point_in("west")
    here = Point(longitude, latitude, srid=4326)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE geo_asset")
    plan: list[str] = []

    def explained(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.connection.execute("SELECT 1")
            with cursor.connection.cursor() as bare:
                bare.execute(f"EXPLAIN {sql}", params)
                plan.extend(row[0] for row in bare.fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explained):
        assets_near(here, radius=1000, limit=5, kind="tree")
    text = "\n".join(plan)
    assert "asset_place" in text, text
    assert "Seq Scan on geo_asset" not in text, text


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"latitude": None, "longitude": None}, ["/latitude", "/longitude"]),
        ({"latitude": "91"}, ["/latitude"]),
        ({"radius": "0"}, ["/radius"]),
        ({"radius": "1001"}, ["/radius"]),
        ({"radius": "nan"}, ["/radius"]),
        ({"limit": "0"}, ["/limit"]),
        ({"limit": "101"}, ["/limit"]),
        ({"kind": "street light"}, ["/kind"]),
        ({"kind": ""}, ["/kind"]),
        ({"kind": "x" * 41}, ["/kind"]),
        ({"owner": "roads"}, ["/owner"]),
    ],
)
def test_wrong_input_is_named(client: APIClient, db: None, query: dict[str, Any], pointers: list[str]) -> None:
    whole = {"latitude": "40", "longitude": "-100", **query}
    given = {name: value for name, value in whole.items() if value is not None}
    refused(client.get(URL, given), 422, "invalid", *pointers)
