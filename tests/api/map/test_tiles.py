"""GET /map/tiles/{z}/{x}/{y}.mvt"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from requests311.map import counts
from requests311.map.filters import Filters
from requests311.map.tiles import POINTS, tile
from requests311.map.world import Tile
from requests311.models import Service, ServiceRequest
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity
from tests.requests311.map_rows import put, put_all, row_at, several, tile_of, unpacked

pytestmark = pytest.mark.django_db

#: The middle of the west ward.
HERE = (-99.95, 40.1)


def url(place: Tile) -> str:
    return f"{API}/map/tiles/{place.z}/{place.x}/{place.y}.mvt"


def ask(client: APIClient, z: int, /, at: tuple[float, float] = HERE, **query: str) -> dict[str, list[dict[str, Any]]]:
    response = client.get(url(tile_of(*at, z)), query)
    assert response.status_code in {200, 204}, response.content
    return unpacked(response.content)


@pytest.mark.parametrize("z", [14, 16, 17, 20])
def test_points_say_what_they_are(client: APIClient, city: SmallCity, z: int) -> None:
    row = put(city, *HERE, service="streetlight", status="on_hold", days=3.5)
    place = tile_of(*HERE, z)
    response = client.get(url(place))
    assert response["Content-Type"] == "application/vnd.mapbox-vector-tile"
    layers = unpacked(response.content)
    assert list(layers) == ["requests"]
    [feature] = layers["requests"]
    x, _ = feature.pop("at")
    assert feature == {
        "id": str(row.pk),
        "number": row.number,
        "status": "on_hold",
        "service": "streetlight",
        "group": "Streets",
        "age": 3,
    }
    # Back to degrees, within a pixel of a phone: 4096 units a tile.
    assert (place.x + x / 4096) / 2**z * 360 - 180 == pytest.approx(HERE[0], abs=360 / 2**z / 4000)


@pytest.mark.parametrize("z", [0, 7, 12, 13])
def test_clusters_say_how_many(client: APIClient, city: SmallCity, z: int) -> None:
    for number in range(3):
        put(city, HERE[0] + number / 1e6, HERE[1], service="pothole")
    put(city, *HERE, service="graffiti", status="closed")
    put(city, *HERE, visibility="private")
    for _ in range(2):
        layers = ask(client, z)
        assert list(layers) == ["clusters"]
        [feature] = layers["clusters"]
        place = feature.pop("at")
        assert feature == {"count": 4, "open": 3, "closed": 1, "group": "Streets", "group_count": 3}
        assert all(0 <= unit <= 4096 for unit in place)
        counts.fold()


def test_a_cluster_lies_in_the_middle_of_its_points(client: APIClient, city: SmallCity) -> None:
    for shift in (0, 0, 0, 0.001):
        put(city, HERE[0] + shift, HERE[1])
    single = ask(client, 12, at=HERE)["clusters"]
    assert sum(feature["count"] for feature in single) == 4
    for z in (6, 9):
        [feature] = ask(client, z)["clusters"]
        place = tile_of(*HERE, z)
        longitude = (place.x + feature["at"][0] / 4096) / 2**z * 360 - 180
        assert longitude == pytest.approx(HERE[0] + 0.00025, abs=360 / 2**z / 4000)


@pytest.mark.parametrize("z", [11, 14, 18])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 4),
        ({"status": "closed"}, 1),
        ({"status": "closed,submitted"}, 4),
        ({"status": "rejected"}, 0),
        ({"service": "graffiti"}, 1),
        ({"service": "graffiti,streetlight"}, 2),
        ({"service": "unknown"}, 0),
        ({"group": "Streets"}, 3),
        ({"group": "Streets", "service": "graffiti"}, 0),
        ({"group": "Nowhere"}, 0),
    ],
)
def test_filters(client: APIClient, city: SmallCity, z: int, query: dict[str, str], found: int) -> None:
    for service in ("pothole", "streetlight", "graffiti"):
        put(city, *HERE, service=service)
    put(city, *HERE, status="closed", days=100)
    layers = ask(client, z, HERE, **query)
    if z < 14:
        assert sum(feature["count"] for feature in layers.get("clusters", [])) == found
    else:
        assert len(layers.get("requests", [])) == found
        assert "clusters" not in layers


@pytest.mark.parametrize("z", [3, 13, 15, 19])
def test_since(client: APIClient, city: SmallCity, z: int) -> None:
    for days in (1, 10, 100, 1000):
        put(city, *HERE, days=days)
    counts.fold()
    for back, seen in ((0.5, 0), (2, 1), (11, 2), (101, 3), (1001, 4)):
        at = timezone.now() - timedelta(days=back)
        layers = ask(client, z, since=at.isoformat())
        assert sum(f.get("count", 1) for layer in layers.values() for f in layer) == seen
    day = (timezone.now() - timedelta(days=10)).date().isoformat()
    assert ask(client, z, since=day) == ask(client, z, since=f"{day}T00:00:00Z") != {}


@pytest.mark.parametrize("z", [14, 15, 16, 17])
def test_what_does_not_fit_is_in_clusters(client: APIClient, city: SmallCity, z: int) -> None:
    rows = [row_at(city, *HERE, days=number / 10, status="submitted") for number in range(POINTS + 40)]
    rows += [row_at(city, *HERE, days=500, service="graffiti", status="closed") for _ in range(60)]
    put_all(rows)
    for _ in range(2):
        layers = ask(client, z)
        assert len(layers["requests"]) == POINTS
        assert max(feature["age"] for feature in layers["requests"]) <= POINTS / 10
        [rest] = layers["clusters"]
        del rest["at"]
        assert rest == {"count": 100, "open": 40, "closed": 60, "group": "Cleanliness", "group_count": 60}
        assert "clusters" not in ask(client, z, service="graffiti")
        counts.fold()


def test_never_over_100_kilobytes(client: APIClient, city: SmallCity) -> None:
    """As many services as points, each with the longest of names, four bytes a character."""
    services = Service.objects.bulk_create(
        Service(
            jurisdiction=city.jurisdiction,
            code=f"{number:04d}" + "x" * 56,
            name="x",
            group=f"{number:04d}" + "\U0001f6b2" * 76,
        )
        for number in range(POINTS + 100)
    )
    rows = several(city, len(services), seed=1)
    for number, (row, service) in enumerate(zip(rows, services, strict=True)):
        row.service, row.visibility = service, "public"
        row.location.x, row.location.y = -99.9 + (number % 25) * 0.0008, 40.1 + number // 25 * 0.0006
    put_all(rows)
    sizes = []
    for z in (0, 9, 11, 13, 14, 15, 17):
        data = tile(tile_of(-99.895, 40.105, z), Filters())
        sizes.append(len(data))
        assert 0 < len(data) <= 100_000
    assert max(sizes) > 60_000
    layers = unpacked(tile(tile_of(-99.895, 40.105, 14), Filters()))
    assert layers["requests"]
    assert layers["clusters"]


def test_the_usual_tile_shows_all_it_may(client: APIClient, city: SmallCity) -> None:
    put_all([row_at(city, *HERE) for _ in range(POINTS)])
    response = client.get(url(tile_of(*HERE, 14)))
    assert len(unpacked(response.content)["requests"]) == POINTS
    assert len(response.content) < 60_000


def test_private_ones_are_in_none(client: APIClient, city: SmallCity, dispatcher: APIClient) -> None:
    row = put(city, *HERE)
    assert all(ask(client, z) for z in range(21))
    ServiceRequest.objects.filter(pk=row.pk).update(visibility="private")
    for who in (client, dispatcher):
        for z in range(21):
            response = who.get(url(tile_of(*HERE, z)))
            assert (response.status_code, response.content) == (204, b"")


def test_it_may_be_kept_for_a_moment_and_asked_for_again(client: APIClient, city: SmallCity) -> None:
    put(city, *HERE)
    address = url(tile_of(*HERE, 12))
    first = client.get(address)
    assert first["Cache-Control"] == "public, max-age=30"
    assert "Authorization" not in first.get("Vary", "")
    again = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert again["Cache-Control"] == first["Cache-Control"]
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    put(city, *HERE)
    changed = client.get(address, headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_nothing_is_204(client: APIClient, city: SmallCity) -> None:
    response = client.get(f"{API}/map/tiles/0/0/0.mvt")
    assert (response.status_code, response.content) == (204, b"")
    assert "Content-Type" not in response
    assert response["Cache-Control"] == "public, max-age=30"


@pytest.mark.parametrize("accept", ["*/*", "application/x-protobuf", "application/vnd.mapbox-vector-tile"])
def test_whatever_a_map_library_accepts(client: APIClient, city: SmallCity, accept: str) -> None:
    put(city, *HERE)
    assert client.get(url(tile_of(*HERE, 12)), headers={"Accept": accept}).status_code == 200
    refused(client.get(f"{API}/map/tiles/40/0/0.mvt", headers={"Accept": accept}), 422, "invalid", "/z")


@pytest.mark.parametrize("z", [0, 13, 14, 20])
@pytest.mark.parametrize("query", [{}, {"since": "2020-01-01", "service": "pothole", "group": "Streets"}])
def test_one_statement(client: APIClient, city: SmallCity, z: int, query: dict[str, str]) -> None:
    with CaptureQueriesContext(connection) as counted:
        client.get(url(tile_of(*HERE, z)), query)
    assert len(counted) == 1


def test_it_has_a_limit_of_its_own(client: APIClient, city: SmallCity) -> None:
    assert client.get(f"{API}/map/tiles/0/0/0.mvt")["RateLimit-Policy"].startswith('"map"')


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("40/0/0", ["/z"]),
        ("21/0/0", ["/z"]),
        ("-1/0/0", ["/z"]),
        ("1.0/0/0", ["/z"]),
        ("٣/0/0", ["/z"]),
        ("99999999999999999999/0/0", ["/z"]),
        ("3/8/0", ["/x"]),
        ("3/0/8", ["/y"]),
        ("3/-1/9", ["/x", "/y"]),
        ("0/1/1", ["/x", "/y"]),
        ("20/1048576/0", ["/x"]),
        ("3/x/0", ["/x"]),
        ("3/nan/0", ["/x"]),
    ],
)
def test_a_tile_of_no_map(client: APIClient, path: str, pointers: list[str]) -> None:
    refused(client.get(f"{API}/map/tiles/{path}.mvt"), 422, "invalid", *pointers)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"status": "open"}, "/status"),
        ({"status": ""}, "/status"),
        ({"status": "closed,"}, "/status"),
        ({"service": ",".join(["a"] * 51)}, "/service"),
        ({"service": "a" * 61}, "/service"),
        ({"service": "a\u0000"}, "/service"),
        ({"group": "g" * 81}, "/group"),
        ({"group": ""}, "/group"),
        ({"since": "yesterday"}, "/since"),
        ({"since": "2026-02-30"}, "/since"),
        ({"since": "2026-11-01T10:00:00"}, "/since"),
        ({"zoom": "3"}, "/zoom"),
        ({"status": ["closed", "open"]}, "/status"),
    ],
)
def test_wrong_filters_are_named(client: APIClient, query: dict[str, Any], pointer: str) -> None:
    refused(client.get(f"{API}/map/tiles/3/1/2.mvt", query), 422, "invalid", pointer)
