"""GET /map/heat"""

import json
from collections import Counter
from typing import Any

import pytest
from django.contrib.gis.geos import GEOSGeometry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from requests311.map import counts
from requests311.map.heat import heat
from requests311.map.hexagons import EDGE, RESOLUTIONS
from requests311.map.world import Box
from requests311.models import Jurisdiction, ServiceRequest
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity
from tests.requests311.map_rows import features, put, put_all, several

pytestmark = pytest.mark.django_db

BOX = "-100.1,39.9,-99.7,40.3"


def ask(client: APIClient, bbox: str = BOX, **query: Any) -> dict[str, Any]:
    response = client.get(f"{API}/map/heat", {"bbox": bbox, **query})
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/geo+json"
    found: dict[str, Any] = response.json()
    return found


def counts_by_postgis(resolution: int) -> Counter[tuple[int, int]]:
    """What ST_HexagonGrid itself says, point by point."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT hexagon.i, hexagon.j, count(*)
            FROM requests311_servicerequest r, ST_Transform(location, 3857) place,
                 ST_HexagonGrid(%(edge)s, ST_Expand(place, 1)) hexagon
            WHERE visibility = 'public' AND ST_Intersects(hexagon.geom, place)
            GROUP BY 1, 2
            """,
            {"edge": EDGE / 2**resolution},
        )
        return Counter({(i, j): n for i, j, n in cursor.fetchall()})


@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_hexagons_hold_what_postgis_says(client: APIClient, city: SmallCity, resolution: int) -> None:
    put_all(several(city, 500, seed=resolution))
    expected = counts_by_postgis(resolution)
    assert sum(expected.values()) == ServiceRequest.objects.filter(visibility="public").count()
    for _ in range(2):
        # The smallest box of the city that such hexagons fit into.
        answer = ask(client, "-100,40,-99.8,40.2", resolution=resolution)
        assert answer["resolution"] == resolution
        shown = sorted(feature["properties"]["count"] for feature in answer["features"])
        assert shown == sorted(n for n in expected.values() if n >= 5)
        assert answer["withheld"] == sum(n < 5 for n in expected.values())
        while counts.fold():
            pass


def test_a_point_lies_in_its_hexagon(client: APIClient, city: SmallCity) -> None:
    rows = [put(city, -99.95, 40.1) for _ in range(5)]
    for resolution in RESOLUTIONS:
        [feature] = ask(client, "-99.96,40.09,-99.94,40.11", resolution=resolution)["features"]
        shape = GEOSGeometry(json.dumps(feature["geometry"]))
        assert shape.contains(rows[0].location)
        assert feature["properties"] == {"count": 5}


def test_few_are_withheld(client: APIClient, city: SmallCity) -> None:
    for _ in range(4):
        put(city, -99.95, 40.1)
    put(city, -99.95, 40.1, visibility="private")
    assert ask(client)["features"] == []
    assert ask(client)["withheld"] == 1
    Jurisdiction.objects.update(heat_minimum=4)
    assert [f["properties"]["count"] for f in ask(client)["features"]] == [4]
    Jurisdiction.objects.update(heat_minimum=9)
    assert ask(client)["features"] == []


def test_a_hexagon_counts_whole_wherever_the_box_cuts_it(client: APIClient, city: SmallCity) -> None:
    for shift in (0, 0, 0.001, 0.001, 0.001):
        put(city, -99.95 + shift, 40.1)
    for bbox in ("-99.96,40.09,-99.9495,40.11", "-99.9495,40.09,-99.94,40.11"):
        counted = [f["properties"]["count"] for f in ask(client, bbox, resolution=0)["features"]]
        assert counted == [5]


def test_a_hidden_one_counts_no_more(client: APIClient, city: SmallCity) -> None:
    rows = [put(city, -99.95, 40.1) for _ in range(6)]
    counts.fold()
    ServiceRequest.objects.filter(pk=rows[0].pk).update(visibility="private")
    assert [f["properties"]["count"] for f in ask(client)["features"]] == [5]


def test_over_the_antimeridian(client: APIClient, city: SmallCity) -> None:
    for longitude in (179.9, -179.9):
        for _ in range(5):
            put(city, longitude, -16.5)
    assert len(ask(client, "179,-17,-179,-16")["features"]) == 2
    # Nearly the whole world round, its two parts meeting within one hexagon.
    Jurisdiction.objects.update(heat_minimum=1)
    put(city, 10.0, 0.01)
    shown = features(heat(Box.parts(10.001, 0, 9.999, 0.1), 0))
    assert [f["properties"]["count"] for f in shown] == [1]


def test_the_resolution_fits_the_box(client: APIClient, city: SmallCity) -> None:
    found = [ask(client, f"-100,40,{-100 + size},{40 + size}")["resolution"] for size in (0.02, 0.1, 0.5, 2)]
    assert found == sorted(found, reverse=True)
    assert found[0] == RESOLUTIONS[-1]
    assert found[-1] == 0


def test_one_statement_and_kept_for_a_moment(client: APIClient, city: SmallCity) -> None:
    with CaptureQueriesContext(connection) as counted:
        response = client.get(f"{API}/map/heat", {"bbox": BOX})
    assert len(counted) == 1
    assert response["Cache-Control"] == "public, max-age=30"
    again = client.get(f"{API}/map/heat", {"bbox": BOX}, headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"bbox": "-100,41,-99,40"}, "/bbox"),
        ({"bbox": "-180,-90,180,90"}, "/bbox"),
        ({}, "/bbox"),
        ({"bbox": BOX, "resolution": "6"}, "/resolution"),
        ({"bbox": BOX, "resolution": "-1"}, "/resolution"),
        ({"bbox": BOX, "resolution": "x"}, "/resolution"),
        ({"bbox": "-101,39,-99,41", "resolution": "5"}, "/resolution"),
        ({"bbox": BOX, "service": "pothole"}, "/service"),
        ({"bbox": BOX, "k": "1"}, "/k"),
    ],
)
def test_wrong_input_is_named(client: APIClient, query: dict[str, str], pointer: str) -> None:
    refused(client.get(f"{API}/map/heat", query), 422, "invalid", pointer)


def test_a_resolution_that_there_is_not_is_told_what_one_is(client: APIClient) -> None:
    body = refused(client.get(f"{API}/map/heat", {"bbox": BOX, "resolution": "6"}), 422, "invalid", "/resolution")
    assert "0 to 5" in body["errors"][0]["detail"]
    assert "metres" in body["errors"][0]["detail"]


def test_too_fine_a_resolution_names_one_that_fits(client: APIClient, city: SmallCity) -> None:
    query = {"bbox": "-101,39,-99,41", "resolution": "5"}
    body = refused(client.get(f"{API}/map/heat", query), 422, "invalid", "/resolution")
    named = body["errors"][0]["detail"].split("Take ")[1].split(",")[0]
    assert ask(client, query["bbox"], resolution=named)["resolution"] == int(named)
