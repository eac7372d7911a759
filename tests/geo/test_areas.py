"""Point in area: pieces answer as the whole polygon does, on borders too, and by the index."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Point
from django.db import connection

from geo.loading import as_multipolygon, save_area
from geo.models import Area, AreaPiece
from tests.geo.shapes import both_sides, flower, jagged_border, points_on, random_points

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 21)
BALTIMORE = Path(settings.BASE_DIR).parent / "shared" / "data" / "baltimore" / "neighborhoods.geojson"


def saved(code: str, boundary: MultiPolygon, parent: Area | None = None) -> Area:
    kind = "ward" if parent else Area.JURISDICTION
    area, _ = save_area(parent=parent, kind=kind, code=code, name=code.title(), boundary=boundary)
    return area


def codes(point: Point) -> list[str]:
    return sorted(Area.objects.covering(point, on=TODAY).values_list("code", flat=True))


def analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE geo_area, geo_areapiece")


def in_bulk(points: list[Point], condition: str, table: str) -> list[set[int]]:
    """For each point the ids that `condition` finds, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n, array(SELECT DISTINCT id FROM (SELECT"
            f" {table}, {condition} AS holds FROM {'geo_areapiece' if 'area_id' in table else 'geo_area'} g) x"
            " WHERE holds)"
            " FROM unnest(%s::float8[], %s::float8[]) WITH ORDINALITY AS p(x, y, n) ORDER BY n",
            [[point.x for point in points], [point.y for point in points]],
        )
        return [set(ids) for _, ids in cursor.fetchall()]


def by_pieces(points: list[Point]) -> list[set[int]]:
    return in_bulk(points, "ST_DWithin(shape, ST_SetSRID(ST_MakePoint(p.x, p.y), 4326), 1e-9)", "area_id AS id")


def by_polygons(points: list[Point]) -> list[set[int]]:
    return in_bulk(points, "ST_Covers(boundary, ST_SetSRID(ST_MakePoint(p.x, p.y), 4326))", "id")


@pytest.mark.parametrize("vertices", [20, 300, 900])
def test_pieces_answer_as_the_polygon_does(vertices: int) -> None:
    area = saved("flower", flower(vertices=vertices))
    points = random_points(vertices, 2000, (-100.2, 39.8, -99.8, 40.2))
    inside = [bool(ids) for ids in by_polygons(points)]
    assert 200 < sum(inside) < 1800
    assert [bool(ids) for ids in by_pieces(points)] == inside
    # And the query of the program is that query.
    for point, expected in list(zip(points, inside, strict=True))[:60]:
        assert codes(point) == (["flower"] if expected else [])
    assert (area.pieces.count() > 1) == (vertices > 128)


def test_a_hole_is_outside_but_its_edge_is_not() -> None:
    ring = "POLYGON((0 0, 4 0, 4 4, 0 4, 0 0), (1 1, 3 1, 3 3, 1 3, 1 1))"
    saved("ring", as_multipolygon(GEOSGeometry(ring, srid=4326)))
    assert codes(Point(2, 2, srid=4326)) == []
    assert codes(Point(0.5, 2, srid=4326)) == codes(Point(1, 2, srid=4326)) == codes(Point(4, 4, srid=4326)) == ["ring"]


@pytest.mark.parametrize("seed", range(4))
def test_a_point_on_an_odd_border_is_found_on_both_sides(seed: int) -> None:
    """Hundreds of vertices, so that ST_Subdivide cuts across the border and rounds."""
    border = jagged_border(seed, x=-100.0, south=39.9, north=40.1, vertices=300)
    west, east = both_sides(border, west=-100.2, east=-99.8)
    areas = {saved("west", west).pk, saved("east", east).pk}
    assert AreaPiece.objects.count() > 6
    on_it = points_on(border, seed, 700)
    assert all(ids == areas for ids in by_pieces(on_it))
    assert codes(on_it[17]) == codes(on_it[-1]) == ["east", "west"]


def test_beside_a_border_there_is_one_side() -> None:
    """A centimetre is no border: the tolerance is a tenth of a millimetre."""
    west, east = both_sides([(-100.0, 39.9), (-100.0, 40.1)], west=-100.2, east=-99.8)
    saved("west", west)
    saved("east", east)
    centimetre = 1.2e-7
    assert codes(Point(-100.0 - centimetre, 40.0, srid=4326)) == ["west"]
    assert codes(Point(-100.0 + centimetre, 40.0, srid=4326)) == ["east"]


def test_no_gap_along_the_cuts() -> None:
    """Points on the lines that ST_Subdivide cut are inside, as any other."""
    saved("flower", flower(vertices=900))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_X(p), ST_Y(p) FROM (SELECT (ST_DumpPoints(ST_Segmentize(ST_Boundary(shape), 0.001))).geom AS p"
            " FROM geo_areapiece) x, geo_area a WHERE ST_Contains(a.boundary, p)"
        )
        points = [Point(x, y, srid=4326) for x, y in cursor.fetchall()]
    assert len(points) > 100
    assert all(by_pieces(points))


def plan_of(query: Any) -> str:
    return "\n".join(json.dumps(node) for node in json.loads(query.explain(format="json")))


def test_the_index_is_used_and_one_statement_is_enough(django_assert_num_queries: Any) -> None:
    """80 × 80 squares, 6,400 pieces."""
    root = saved("root", flower(vertices=20, radius=2))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO geo_area (parent_id, kind, code, name, boundary, square_metres)"
            " SELECT %s, 'ward', x || '-' || y, 'Ward', ST_Multi(ST_MakeEnvelope(x, y, x + 1, y + 1, 4326)), 1"
            " FROM generate_series(-40, 39) x, generate_series(-40, 39) y",
            [root.pk],
        )
        cursor.execute(
            "INSERT INTO geo_areapiece (area_id, shape)"
            " SELECT id, ST_GeometryN(boundary, 1) FROM geo_area WHERE kind = 'ward'"
        )
    analyse()
    query = Area.objects.covering(Point(10.5, 10.5, srid=4326), on=TODAY).defer("boundary")
    plan = plan_of(query)
    assert "geo_areapiece_shape" in plan
    assert '"Seq Scan"' not in plan
    with django_assert_num_queries(1):
        assert [area.code for area in query] == ["10-10"]


class TestNearestRoot:
    def test_none_is_loaded(self) -> None:
        assert Area.objects.nearest_root(Point(0, 0, srid=4326)) is None

    def test_parts_are_not_asked(self) -> None:
        root = saved("far", flower(vertices=20, centre=(0.0, 10.0)))
        saved("part", flower(vertices=20, centre=(0.0, 0.0)), parent=root)
        assert Area.objects.nearest_root(Point(0, 0.5, srid=4326)) == root

    def test_metres_decide_and_not_degrees(self) -> None:
        """At 60° north a degree of longitude is half as long; seven cities are nearer by degrees."""
        for number in range(7):
            saved(f"north-{number}", flower(vertices=20, radius=0.001, centre=(10 + number / 1000, 60.10)))
        east = saved("east", flower(vertices=20, radius=0.001, centre=(10.15, 60.0)))
        found = Area.objects.nearest_root(Point(10.0, 60.0, srid=4326))
        assert found == east


@pytest.mark.skipif(not BALTIMORE.is_file(), reason="../shared/data is not here")
def test_baltimore() -> None:
    """278 real neighbourhoods, 10,000 points: the pieces find what the polygons hold."""
    root = saved("baltimore", flower(vertices=20, radius=1))
    for feature in json.loads(BALTIMORE.read_text(encoding="utf-8"))["features"]:
        shape = as_multipolygon(GEOSGeometry(json.dumps(feature["geometry"])))
        code = f"{feature['properties']['cartodb_id']}"
        save_area(parent=root, kind="neighbourhood", code=code, name=feature["properties"]["name"], boundary=shape)
    assert Area.objects.filter(kind="neighbourhood").count() == 278
    analyse()
    points = random_points(11, 10_000, (-76.72, 39.19, -76.52, 39.38))
    assert by_pieces(points) == by_polygons(points)
