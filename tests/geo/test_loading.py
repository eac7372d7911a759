"""Shapes as they come, and areas as they are kept."""

from typing import Any

import pytest
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db import connection

from geo.loading import VERTICES_PER_PIECE, BrokenShape, as_multipolygon, save_area
from geo.models import Area, AreaPiece
from tests.geo.shapes import flower

SQUARE = "POLYGON((0 0, 1 0, 1 1, 0 1, 0 0))"


def shape(wkt: str, srid: int | None = 4326) -> MultiPolygon:
    return as_multipolygon(GEOSGeometry(wkt, srid=srid))


class TestShapes:
    @pytest.mark.parametrize("srid", [None, 4326])
    def test_a_polygon(self, srid: int | None) -> None:
        found = shape(SQUARE, srid)
        assert (found.geom_type, found.srid, found.num_geom, found.area) == ("MultiPolygon", 4326, 1, 1)

    def test_a_multipolygon_with_a_hole(self) -> None:
        found = shape("MULTIPOLYGON(((0 0,9 0,9 9,0 9,0 0),(1 1,2 1,2 2,1 2,1 1)),((20 0,21 0,21 1,20 1,20 0)))")
        assert (found.num_geom, found.area) == (2, 81)

    def test_a_bow_tie_is_repaired(self) -> None:
        found = shape("POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))")
        assert found.valid
        assert found.area == pytest.approx(0.5)

    def test_lines_and_points_beside_an_area_are_left_out(self) -> None:
        found = shape(f"GEOMETRYCOLLECTION(POINT(5 5), LINESTRING(0 0, 5 5), GEOMETRYCOLLECTION({SQUARE}))")
        assert (found.geom_type, found.area) == ("MultiPolygon", 1)

    def test_parts_that_overlap_become_one(self) -> None:
        found = shape(f"GEOMETRYCOLLECTION({SQUARE}, POLYGON((0.5 0, 1.5 0, 1.5 1, 0.5 1, 0.5 0)))")
        assert found.valid
        assert (found.num_geom, found.area) == (1, 1.5)

    def test_heights_are_left_out(self) -> None:
        found = shape("POLYGON Z((0 0 7, 1 0 7, 1 1 7, 0 1 7, 0 0 7))")
        assert (found.hasz, found.area, found.srid) == (False, 1, 4326)

    @pytest.mark.parametrize(
        "wkt",
        [
            "POINT(0 0)",
            "LINESTRING(0 0, 1 1)",
            "POLYGON EMPTY",
            "MULTIPOLYGON EMPTY",
            "GEOMETRYCOLLECTION EMPTY",
            "GEOMETRYCOLLECTION(POINT(1 1))",
            "POLYGON((0 0, 1 1, 2 2, 0 0))",
        ],
    )
    def test_no_area(self, wkt: str) -> None:
        with pytest.raises(BrokenShape, match="is not a boundary"):
            shape(wkt)

    @pytest.mark.parametrize(
        "wkt",
        [
            "POLYGON((0 0, 181 0, 181 1, 0 1, 0 0))",
            "POLYGON((0 0, 1 0, 1 91, 0 91, 0 0))",
            "POLYGON((913000 120000, 914000 120000, 914000 121000, 913000 121000, 913000 120000))",
        ],
    )
    def test_no_degrees(self, wkt: str) -> None:
        with pytest.raises(BrokenShape, match="not WGS 84"):
            shape(wkt)

    @pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
    def test_no_numbers(self, wrong: float) -> None:
        with pytest.raises(BrokenShape):
            as_multipolygon(Polygon([(0, 0), (wrong, 0), (1, 1), (0, 0)], srid=4326))

    def test_metres_near_the_origin_are_not_taken_for_degrees(self) -> None:
        with pytest.raises(BrokenShape, match="SRID 3857"):
            shape(SQUARE, 3857)


def save(boundary: MultiPolygon, **fields: Any) -> tuple[Area, bool]:
    return save_area(
        **{"parent": None, "kind": "jurisdiction", "code": "a", "name": "A", "boundary": boundary, **fields}
    )


def pieces_of(area: Area) -> set[int]:
    return set(AreaPiece.objects.filter(area=area).values_list("pk", flat=True))


@pytest.mark.django_db
class TestSaveArea:
    def test_it_is_measured_and_cut(self) -> None:
        area, changed = save(flower(vertices=600))
        assert changed
        with connection.cursor() as cursor:
            cursor.execute("SELECT ST_Area(boundary::geography) FROM geo_area")
            [metres] = cursor.fetchone()
            assert area.square_metres == pytest.approx(metres)
            cursor.execute("SELECT count(*), max(ST_NPoints(shape)), sum(ST_Area(shape)) FROM geo_areapiece")
            count, vertices, square_degrees = cursor.fetchone()
        assert count > 4
        assert vertices <= VERTICES_PER_PIECE
        assert square_degrees == pytest.approx(area.boundary.area, rel=1e-12)

    def test_the_same_again_touches_nothing(self) -> None:
        area, _ = save(flower(vertices=600))
        pieces = pieces_of(area)
        again, changed = save(flower(vertices=600))
        assert (again, changed, pieces_of(again)) == (area, False, pieces)

    def test_a_new_name_keeps_the_pieces(self) -> None:
        area, _ = save(flower(vertices=600))
        pieces = pieces_of(area)
        again, changed = save(flower(vertices=600), name="B")
        assert (again, changed, pieces_of(again)) == (area, True, pieces)
        assert Area.objects.get().name == "B"

    def test_a_new_shape_has_new_pieces(self) -> None:
        area, _ = save(flower(vertices=600))
        pieces, size = pieces_of(area), area.square_metres
        again, changed = save(flower(vertices=700, radius=0.2))
        assert (again, changed) == (area, True)
        assert not pieces_of(again) & pieces
        stored = Area.objects.get()
        assert stored.square_metres == again.square_metres > size
        assert stored.boundary.equals_exact(flower(vertices=700, radius=0.2))

    def test_one_code_in_two_kinds_and_two_parents(self) -> None:
        root, _ = save(flower(vertices=40))
        other, _ = save(flower(vertices=40), code="b")
        made = {
            save(flower(vertices=40), parent=parent, kind=kind, code="1")[0].pk
            for parent in (root, other)
            for kind in ("ward", "district")
        }
        assert len(made) == 4
