"""Files of areas: every format, every coordinate system, and what is refused with its row."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from django.conf import settings

from geo.area_files import VERTICES_AT_MOST, AreaFile, Row
from geo.coordinate_systems import UnreadableFile
from tests.geo.files import geojson, square, write_areas

WEST, EAST = ("w", "West", square(-100.0, 40.0, -99.9, 40.2)), ("e", "East", square(-99.9, 40.0, -99.8, 40.2))
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


def read(path: Path, **options: str) -> list[Row]:
    return list(AreaFile(path, **{"code_field": "code", "name_field": "label", **options}))


def refused(path: Path, **options: str) -> str:
    with pytest.raises(UnreadableFile) as info:
        read(path, **options)
    return str(info.value)


def is_west_and_east(rows: list[Row]) -> bool:
    assert [(row.number, row.code, row.name, row.repaired) for row in rows] == [
        (1, "w", "West", ""),
        (2, "e", "East", ""),
    ]
    for row, (*_, shape) in zip(rows, (WEST, EAST), strict=True):
        found = shapely.from_wkb(bytes(row.boundary.wkb))
        assert found.symmetric_difference(shape).area < 1e-8
        assert row.boundary.srid == 4326
    return True


class TestFormats:
    @pytest.mark.parametrize("ending", ["geojson", "gpkg", "shp", "fgb"])
    def test_it_is_read(self, tmp_path: Path, ending: str) -> None:
        # FlatGeobuf packs its rows by place unless it is told not to.
        more = {"SPATIAL_INDEX": "NO"} if ending == "fgb" else {}
        assert is_west_and_east(read(write_areas(tmp_path / f"a.{ending}", [WEST, EAST], **more)))

    @pytest.mark.parametrize("folder", ["", "districts/2026/"])
    def test_a_zipped_shapefile(self, tmp_path: Path, folder: str) -> None:
        write_areas(tmp_path / "a.shp", [WEST, EAST])
        with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
            for path in tmp_path.glob("a.*"):
                archive.write(path, folder + path.name)
            archive.writestr("__MACOSX/a.shp", b"")
        assert is_west_and_east(read(tmp_path / "b.zip"))

    @pytest.mark.parametrize("ending", ["gpkg", "shp"])
    @pytest.mark.parametrize(
        ("crs", "x", "y", "longitude", "latitude"),
        [
            # The central meridian of a zone has the false easting; New Zealand and Germany write north first.
            ("EPSG:32614", 500_000, 4_427_757.2, -99, 40),
            ("EPSG:2193", 1_600_000, 5_461_242.9, 173, -41),
            ("EPSG:31467", 3_500_074.5, 5_540_407.1, 9, 50),
            ("EPSG:2263", 984_250, 212_521.9, -74, 40.75),  # US survey feet
            ("EPSG:4269", -100, 40, -100, 40),
        ],
    )
    def test_any_coordinate_system(
        self, tmp_path: Path, ending: str, crs: str, x: float, y: float, longitude: float, latitude: float
    ) -> None:
        half = 0.01 if crs == "EPSG:4269" else 500
        path = write_areas(
            tmp_path / f"a.{ending}", [("1", "A", square(x - half, y - half, x + half, y + half))], crs=crs
        )
        [row] = read(path)
        centre = row.boundary.centroid
        assert (centre.x, centre.y) == pytest.approx((longitude, latitude), abs=2e-5)

    def test_one_of_several_layers(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.gpkg", [WEST, EAST], layer="wards")
        write_areas(path, [EAST], layer="schools", append=True)
        assert "has 2 layers (wards, schools); choose one with --layer" in refused(path)
        assert "has no layer 'parks'; it has wards, schools" in refused(path, layer="parks")
        assert is_west_and_east(read(path, layer="wards"))
        assert [row.code for row in read(path, layer="schools")] == ["e"]

    def test_codes_that_are_numbers(self, tmp_path: Path) -> None:
        path = geojson(
            tmp_path / "a.geojson", [({"code": 301.0, "label": 7}, SQUARE), ({"code": 2, "label": 8}, SQUARE)]
        )
        assert [(row.code, row.name) for row in read(path)] == [("301", "7"), ("2", "8")]

    def test_a_broken_polygon_is_repaired_and_said(self, tmp_path: Path) -> None:
        bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
        [row] = read(geojson(tmp_path / "a.geojson", [({"code": "1", "label": "A"}, bow_tie)]))
        assert row.repaired.startswith("Self-intersection")
        assert row.boundary.valid
        assert row.boundary.area == pytest.approx(0.5)


class TestCoordinateSystem:
    def test_a_shapefile_without_prj(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.shp", [WEST, EAST])
        (tmp_path / "a.prj").unlink()
        text = refused(path)
        assert "has no .prj beside it" in text
        assert "--crs EPSG:" in text
        assert is_west_and_east(read(path, crs="EPSG:4326"))

    def test_another_file_that_does_not_say(self, tmp_path: Path) -> None:
        with pytest.warns(UserWarning, match="crs"):
            path = write_areas(tmp_path / "a.fgb", [WEST, EAST], crs=None, SPATIAL_INDEX="NO")
        assert "does not say which coordinate system it is in" in refused(path)
        assert is_west_and_east(read(path, crs="EPSG:4326"))

    def test_one_that_is_not_known(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.shp", [WEST])
        (tmp_path / "a.prj").unlink()
        for crs in ("EPSG:999999", "nonsense"):
            assert f"{crs!r} is no coordinate system" in refused(path, crs=crs)

    def test_two_opinions(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.shp", [WEST])
        assert "leave --crs out" in refused(path, crs="EPSG:2263")

    def test_metres_taken_for_degrees(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.shp", [("1", "A", square(913000, 120000, 914000, 121000))])
        assert "row 1 (1): its coordinates (913000, 120000) are not WGS 84 degrees" in refused(path)


class TestRefusedRows:
    @pytest.mark.parametrize(
        ("shape", "reason"),
        [
            ({"type": "Point", "coordinates": [0, 0]}, "is a Point; areas are polygons"),
            ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, "is a LineString; areas are polygons"),
            ({"type": "GeometryCollection", "geometries": [SQUARE]}, "is a GeometryCollection; areas are polygons"),
            (None, "has no geometry"),
            ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}, "is not a boundary"),
            ({"type": "Polygon", "coordinates": []}, "is not a boundary"),
        ],
    )
    def test_no_polygon(self, tmp_path: Path, shape: Any, reason: str) -> None:
        rows = [({"code": "1", "label": "A"}, SQUARE), ({"code": "2", "label": "B"}, shape)]
        text = refused(geojson(tmp_path / "a.geojson", rows))
        assert "row 2 (2)" in text
        assert reason in text

    @pytest.mark.parametrize(
        ("code", "label", "reason"),
        [
            ("", "A", "row 2: 'code' is empty"),
            (None, "A", "row 2: 'code' is empty"),
            ("2", " ", "row 2 (2): 'label' is empty"),
            ("x" * 61, "A", "'code' is over 60 characters long"),
            ("2", "x" * 201, "'label' is over 200 characters long"),
        ],
    )
    def test_code_and_name(self, tmp_path: Path, code: str | None, label: str, reason: str) -> None:
        rows: list[Any] = [({"code": "1", "label": "A"}, SQUARE), ({"code": code, "label": label}, SQUARE)]
        assert reason in refused(geojson(tmp_path / "a.geojson", rows))

    @pytest.mark.parametrize("ending", ["gpkg", "shp"])
    def test_more_vertices_than_an_area_may_have(self, tmp_path: Path, ending: str) -> None:
        turns = np.linspace(0, 2 * np.pi, VERTICES_AT_MOST, endpoint=False)
        circle = shapely.Polygon(np.column_stack([np.cos(turns), np.sin(turns)]))
        path = write_areas(tmp_path / f"a.{ending}", [EAST, ("c", "Circle", circle)])
        text = refused(path)
        assert f"row 2 (c): has {shapely.get_num_coordinates(circle):,} vertices, 250,000 is the most" in text

    def test_a_row_of_geojson_that_gdal_would_need_half_a_gigabyte_for(self, tmp_path: Path) -> None:
        ring = [[i / 1e6, 0.0] for i in range(1_000_000)] + [[1.0, 1.0], [0.0, 0.0]]
        rows: list[Any] = [({"code": "1", "label": "A"}, SQUARE)]
        rows.append(({"code": "2", "label": "B"}, {"type": "Polygon", "coordinates": [ring]}))
        assert "line 3, character" in (text := refused(geojson(tmp_path / "a.geojson", rows)))
        assert "250,000 vertices are the most" in text


class TestRefusedFiles:
    def test_no_such_file(self, tmp_path: Path) -> None:
        assert "no such file" in refused(tmp_path / "a.gpkg")

    def test_no_file_of_areas(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("Dear city")
        assert "GDAL cannot read it" in refused(tmp_path / "a.txt")

    def test_a_file_that_ends_early(self, tmp_path: Path) -> None:
        path = geojson(tmp_path / "a.geojson", [({"code": "1", "label": "A"}, SQUARE)] * 50)
        path.write_text(path.read_text()[:-200])
        assert refused(path)

    def test_what_gdal_passes_over_is_no_end(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.fgb", [WEST] * 500)
        path.write_bytes(path.read_bytes()[:-20_000])
        assert "a.fgb: " in refused(path)

    def test_a_field_that_is_not_there(self, tmp_path: Path) -> None:
        path = write_areas(tmp_path / "a.gpkg", [WEST])
        assert "has no field 'ward'; it has code, label" in refused(path, code_field="ward")

    def test_a_zip_with_nothing_or_too_much(self, tmp_path: Path) -> None:
        (tmp_path / "torn.zip").write_bytes(b"PK\x03\x04")
        assert "is not a zip file" in refused(tmp_path / "torn.zip")
        for names, reason in (["readme.txt"], "holds none of .shp"), (["a.shp", "b.gpkg"], "holds a.shp, b.gpkg"):
            with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
                for name in names:
                    archive.writestr(name, b"")
            assert reason in refused(tmp_path / "a.zip")


MEASURE = """
import os, sys, resource
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
import django
django.setup()
from pathlib import Path
from geo.area_files import AreaFile
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(1 for row in AreaFile(Path(sys.argv[1]), code_field="code", name_field="label"))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("ending", ["geojson", "shp"])
def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path, ending: str) -> None:
    """1,000 rows of 12 or of 1,000 vertices: kept, they would be 16 MB as numbers alone and 40 MB as text."""

    def kilobytes(vertices: int) -> int:
        turns = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
        ring = np.column_stack([np.cos(turns), np.sin(turns)]) / 100
        rows = [(str(n), "A", shapely.Polygon(ring + np.array([n % 40, n // 40]))) for n in range(1000)]
        path = write_areas(tmp_path / f"a{vertices}.{ending}", rows)
        shown = subprocess.run(
            [sys.executable, "-c", MEASURE, str(path)],
            cwd=settings.BASE_DIR,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=True,
        )
        count, grown = map(int, shown.stdout.split()[-2:])
        assert count == 1000
        return grown

    assert kilobytes(1000) - kilobytes(12) < 10_000
