"""GET /map/areas and GET /map/areas/tiles/{z}/{x}/{y}.mvt"""

import json
import math
from datetime import timedelta
from typing import Any

import pytest
import shapely
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from rest_framework.test import APIClient

from geo import outlines
from geo.loading import save_area
from geo.models import AreaVersion
from requests311.areas import today_in
from requests311.queries import boundaries
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db

URL = f"{API}/map/areas"
BOX = "-100.5,39.5,-99.5,40.5"


@pytest.fixture
def city(db: None) -> SmallCity:
    made = small_city()
    for kind in ("ward", "jurisdiction"):
        outlines.draw(made.areas["boundary"].pk, kind)
    return made


def ask(client: APIClient, **query: str) -> Any:
    return client.get(URL, {"kind": "ward", "bbox": BOX, "zoom": "12", **query})


def codes(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [feature["properties"]["code"] for feature in response.json()["features"]]


def tile_of(longitude: float, latitude: float, z: int) -> str:
    x = int((longitude + 180) / 360 * 2**z)
    y = int((1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * 2**z)
    return f"{URL}/tiles/{z}/{x}/{y}.mvt"


class TestCollection:
    def test_boundaries_of_a_kind(self, client: APIClient, city: SmallCity) -> None:
        response = ask(client)
        assert response["Content-Type"] == "application/json"
        body = response.json()
        assert body["type"] == "FeatureCollection"
        east, west = body["features"]
        assert (east["id"], west["id"]) == ("smallville/ward/east", "smallville/ward/west")
        assert west["properties"] == {
            "jurisdiction": "smallville",
            "kind": "ward",
            "code": "west",
            "name": "West Ward",
            "square_metres": city.areas["west"].square_metres,
            "valid_from": None,
        }
        shapes = [shapely.from_geojson(json.dumps(feature["geometry"])) for feature in (west, east)]
        assert shapely.coverage_is_valid(shapes)
        assert shapely.union_all(shapes).equals(shapely.box(-100.0, 40.0, -99.8, 40.2))

    def test_it_is_public_cacheable_and_has_a_tag(self, client: APIClient, city: SmallCity) -> None:
        first = ask(client)
        assert first["Cache-Control"] == "public, max-age=300"
        again = client.get(URL, {"kind": "ward", "bbox": BOX, "zoom": "12"}, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
        save_area(
            parent=city.areas["boundary"], kind="ward", code="west", name="New", boundary=city.areas["west"].boundary
        )
        assert ask(client)["ETag"] != first["ETag"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"bbox": "-100.5,39.5,-99.95,40.5"}, ["west"]),
            ({"bbox": "-98,39.5,-97,40.5"}, []),
            ({"kind": "jurisdiction"}, ["smallville"]),
            ({"kind": "parish"}, []),
            ({"jurisdiction": "smallville"}, ["east", "west"]),
            ({"jurisdiction": "elsewhere"}, []),
            # Across the antimeridian, with and without the city.
            ({"bbox": "170,39.5,-99.95,40.5"}, ["west"]),
            ({"bbox": "-99.85,39.5,-100.5,40.5"}, ["east"]),
            ({"bbox": "170,39.5,-170,40.5"}, []),
        ],
    )
    def test_what_is_asked_for(
        self, client: APIClient, city: SmallCity, query: dict[str, str], expected: list[str]
    ) -> None:
        assert codes(ask(client, **query)) == expected

    def test_only_what_is_in_force(self, client: APIClient, city: SmallCity) -> None:
        today = today_in(city.jurisdiction)
        [west] = AreaVersion.objects.filter(area__code="west")
        AreaVersion.objects.filter(pk=west.pk).update(valid_to=today + timedelta(days=2))
        outlines.draw(city.areas["boundary"].pk, "ward")
        assert codes(ask(client)) == ["east", "west"]
        AreaVersion.objects.filter(pk=west.pk).update(valid_from=today - timedelta(days=9), valid_to=today)
        outlines.draw(city.areas["boundary"].pk, "ward")
        assert codes(ask(client)) == ["east"]
        AreaVersion.objects.filter(pk=west.pk).update(valid_from=today + timedelta(days=2), valid_to=None)
        outlines.draw(city.areas["boundary"].pk, "ward")
        assert codes(ask(client)) == ["east"]

    def test_one_statement(self, client: APIClient, city: SmallCity, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            ask(client)

    def test_more_than_an_answer_can_hold(
        self, client: APIClient, city: SmallCity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(boundaries, "VERTICES_AT_MOST", 9)
        body = refused(ask(client), 422, "invalid", "/bbox")
        assert body["errors"][0]["code"] == "too_detailed"
        assert "10 points at zoom 12" in body["errors"][0]["detail"]
        assert "/map/areas/tiles/" in body["errors"][0]["detail"]

    @pytest.mark.parametrize(
        ("query", "pointer"),
        [
            ({"bbox": "-100.5,40.5,-99.5,39.5"}, "/bbox"),  # inside out
            ({"bbox": "-100,40,-100,41"}, "/bbox"),
            ({"bbox": "180,40,-180,41"}, "/bbox"),
            ({"bbox": "-100,40,-99"}, "/bbox"),
            ({"bbox": "-100,40,-99,nan"}, "/bbox"),
            ({"bbox": "-181,40,-99,41"}, "/bbox"),
            ({"bbox": "-100,40,-99,91"}, "/bbox"),
            ({"bbox": "-100,40,-99,1e400"}, "/bbox"),
            ({"bbox": ""}, "/bbox"),
            ({"zoom": "40"}, "/zoom"),
            ({"zoom": "-1"}, "/zoom"),
            ({"zoom": "1.5"}, "/zoom"),
            ({"kind": ""}, "/kind"),
            ({"kind": "x" * 41}, "/kind"),
            ({"kind": "a\u0000"}, "/kind"),
            ({"colour": "red"}, "/colour"),
        ],
    )
    def test_wrong_input_is_named(self, client: APIClient, query: dict[str, str], pointer: str) -> None:
        refused(ask(client, **query), 422, "invalid", pointer)

    def test_what_is_missing_is_named(self, client: APIClient) -> None:
        refused(client.get(URL), 422, "invalid", "/kind", "/bbox", "/zoom")


class TestTile:
    def test_a_tile(self, client: APIClient, city: SmallCity) -> None:
        response = client.get(tile_of(-99.9, 40.1, 12), {"kind": "ward"})
        assert response.status_code == 200
        assert response["Content-Type"] == "application/vnd.mapbox-vector-tile"
        assert response["Cache-Control"] == "public, max-age=300"
        for text in (b"areas", b"West Ward", b"east", b"smallville", b"code", b"name", b"jurisdiction"):
            assert text in response.content

    @pytest.mark.parametrize("accept", ["application/vnd.mapbox-vector-tile", "application/x-protobuf", "*/*"])
    def test_what_maps_accept(self, client: APIClient, city: SmallCity, accept: str) -> None:
        assert client.get(tile_of(-99.9, 40.1, 12), {"kind": "ward"}, headers={"Accept": accept}).status_code == 200

    def test_not_modified(self, client: APIClient, city: SmallCity) -> None:
        url = tile_of(-99.9, 40.1, 12)
        tag = client.get(url, {"kind": "ward"})["ETag"]
        again = client.get(url, {"kind": "ward"}, headers={"If-None-Match": tag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)

    @pytest.mark.parametrize("query", [{"kind": "parish"}, {"kind": "ward", "jurisdiction": "elsewhere"}])
    def test_nothing_there(self, client: APIClient, city: SmallCity, query: dict[str, str]) -> None:
        response = client.get(tile_of(-99.9, 40.1, 12), query)
        assert (response.status_code, response.content) == (204, b"")
        assert "Content-Type" not in response
        assert response["Cache-Control"] == "public, max-age=300"
        assert client.get(tile_of(10.0, 50.0, 12), {"kind": "ward"}).status_code == 204

    @pytest.mark.parametrize("z", range(21))
    def test_every_zoom(self, client: APIClient, city: SmallCity, z: int) -> None:
        """Also the whole Earth in one tile."""
        response = client.get(tile_of(-99.95, 40.1, z), {"kind": "ward"})
        # From so far away that a city is less than a point there may be nothing.
        assert response.status_code in ({200, 204} if z < 4 else {200})

    @pytest.mark.parametrize("z", [0, 3, 9])
    def test_the_pole(self, client: APIClient, city: SmallCity, z: int) -> None:
        shape = MultiPolygon(Polygon.from_bbox((-170, 50, -10, 90)), srid=4326)
        save_area(parent=city.areas["boundary"], kind="world", code="w", name="W", boundary=shape)
        outlines.draw(city.areas["boundary"].pk, "world")
        assert client.get(f"{URL}/tiles/{z}/{2**z // 4}/0.mvt", {"kind": "world"}).status_code == 200

    @pytest.mark.parametrize(
        ("tile", "pointers"),
        [
            ("40/0/0", ["/z"]),
            ("21/0/0", ["/z"]),
            ("-1/0/0", ["/z"]),
            ("a/0/0", ["/z"]),
            ("3/8/0", ["/x"]),
            ("3/0/8", ["/y"]),
            ("3/-1/99999999999", ["/x", "/y"]),
            ("3/1.5/0", ["/x"]),
            ("3/٣/0", ["/x"]),
        ],
    )
    def test_no_such_tile(self, client: APIClient, tile: str, pointers: list[str]) -> None:
        refused(client.get(f"{URL}/tiles/{tile}.mvt", {"kind": "ward"}), 422, "invalid", *pointers)

    @pytest.mark.parametrize(
        ("query", "pointer"), [({}, "/kind"), ({"kind": ""}, "/kind"), ({"kind": "ward", "zoom": "3"}, "/zoom")]
    )
    def test_wrong_input_is_named(self, client: APIClient, query: dict[str, str], pointer: str) -> None:
        refused(client.get(tile_of(-99.9, 40.1, 12), query), 422, "invalid", pointer)

    def test_one_statement(self, client: APIClient, city: SmallCity, django_assert_num_queries: Any) -> None:
        with django_assert_num_queries(1):
            client.get(tile_of(-99.9, 40.1, 12), {"kind": "ward"})


@pytest.fixture
def many(city: SmallCity) -> SmallCity:
    """10,000 precincts in a chequered square, drawn for zoom 10."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO geo_area (parent_id, kind, code, name, boundary, square_metres)"
            " SELECT %s, 'precinct', x || '-' || y, 'Precinct ' || md5(x || '-' || y), ST_Multi(ST_MakeEnvelope("
            " -100 + x * 0.002, 40 + y * 0.002, -99.998 + x * 0.002, 40.002 + y * 0.002, 4326)), 37900"
            " FROM generate_series(0, 99) x, generate_series(0, 99) y",
            [city.areas["boundary"].pk],
        )
        cursor.execute(
            "INSERT INTO geo_areaversion (area_id, name, boundary, square_metres)"
            " SELECT id, name, boundary, square_metres FROM geo_area WHERE kind = 'precinct'"
        )
        cursor.execute(
            "INSERT INTO geo_areaoutline (version_id, zoom, vertices, shape)"
            " SELECT v.id, z, 5, v.boundary FROM geo_areaversion v JOIN geo_area a ON a.id = v.area_id,"
            " unnest(ARRAY[10, 14]) z WHERE kind = 'precinct'"
        )
        cursor.execute("ANALYZE geo_area, geo_areaversion, geo_areaoutline")
    return city


def test_a_tile_is_never_over_100_kb(client: APIClient, many: SmallCity) -> None:
    for z in (9, 10, 13):
        response = client.get(tile_of(-99.9, 40.1, z), {"kind": "precinct"})
        assert response.status_code in {200, 204}, z
        assert len(response.content) <= 100_000, z
    assert b"Precinct" in response.content  # of zoom 13


def test_the_index_finds_what_a_tile_holds(many: SmallCity) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (FORMAT JSON) SELECT version_id FROM geo_areaoutline o"
            " WHERE o.zoom = 14 AND o.shape && ST_MakeEnvelope(-99.9, 40.1, -99.89, 40.11, 4326)"
        )
        plan = json.dumps(cursor.fetchall())
    assert "area_outline_place" in plan
    assert '"Seq Scan"' not in plan
