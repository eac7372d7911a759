"""Points of files: of what GDAL reads, of CSV, and what cannot be read."""

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
from django.contrib.gis.geos import Point as GEOSPoint

from geo.coordinate_systems import UnreadableFile
from geo.point_files import Point, open_points

PLACES = [(-99.95, 40.1), (-99.94, 40.11)]


def written(
    path: Path,
    places: Iterable[tuple[float, float]] = PLACES,
    *,
    crs: str = "EPSG:4326",
    layer: str | None = None,
    append: bool = False,
) -> Path:
    """A file of points with `code` and `height`, in any format."""
    geometries = [bytes(GEOSPoint(*place).wkb) for place in places]
    fields = [np.array([f"L{n}" for n in range(len(geometries))], dtype=object), np.full(len(geometries), 7.5)]
    pyogrio.raw.write(
        path, np.array(geometries, dtype=object), fields, ["code", "height"], geometry_type="Point", crs=crs,
        layer=layer, append=append,
    )  # fmt: skip
    return path


def read(path: Path, **options: str) -> list[Point]:
    with open_points(path, **options) as file:
        return list(file)


def csv_of(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def place(feature: Point) -> tuple[float, float]:
    assert feature.problem == ""
    return feature.longitude, feature.latitude


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.shp", "a.fgb"])
def test_formats(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name)
    with open_points(path) as file:
        assert (list(file.fields), file.total, file.where(2)) == (["code", "height"], 2, "feature 2")
    found = read(path)
    assert [feature.number for feature in found] == [1, 2]
    # FlatGeobuf keeps its features in the order of its index.
    first, second = sorted(found, key=lambda feature: str(feature.fields["code"]))
    assert first.fields == {"code": "L0", "height": 7.5}
    assert place(second) == pytest.approx(PLACES[1])


def test_another_coordinate_system(tmp_path: Path) -> None:
    path = written(tmp_path / "utm.gpkg", [(589_500.0, 4_439_500.0)], crs="EPSG:32614")
    assert place(read(path)[0]) == pytest.approx((-97.95, 40.1), abs=0.01)


def test_a_shapefile_without_prj(tmp_path: Path) -> None:
    path = written(tmp_path / "utm.shp", [(589_500.0, 4_439_500.0)], crs="EPSG:32614")
    (tmp_path / "utm.prj").unlink()
    with pytest.raises(UnreadableFile, match=r"does not say which coordinate system.*--crs EPSG:"):
        read(path)
    assert place(read(path, crs="EPSG:32614")[0]) == pytest.approx((-97.95, 40.1), abs=0.01)


def test_a_zipped_shapefile(tmp_path: Path) -> None:
    written(tmp_path / "a.shp")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for path in tmp_path.glob("a.*"):
            archive.write(path, path.name)
    assert place(read(tmp_path / "b.zip")[1]) == pytest.approx(PLACES[1])


@pytest.mark.parametrize("name", ["a.geojson", "a.csv"])
def test_only_fields_that_are_wanted(tmp_path: Path, name: str) -> None:
    path = (
        csv_of(tmp_path / name, "code,height,x,y", "L0,7.5,-99.95,40.1")
        if name == "a.csv"
        else written(tmp_path / name)
    )
    with open_points(path) as file:
        assert list(file.fields) == ["code", "height"]
        file.read_only(["code"])
        assert next(iter(file)).fields == {"code": "L0"}


def test_layers(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gpkg", layer="lights")
    written(path, PLACES[:1], layer="trees", append=True)
    with pytest.raises(UnreadableFile, match=r"has 2 layers \(lights, trees\); choose one with --layer"):
        read(path)
    with pytest.raises(UnreadableFile, match="has no layer 'signs'; it has lights, trees"):
        read(path, layer="signs")
    assert len(read(path, layer="trees")) == 1


def test_a_feature_without_a_place(tmp_path: Path) -> None:
    feature = {"type": "Feature", "properties": {"code": "1"}, "geometry": None}
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    [found] = read(path)
    assert (found.number, found.problem) == (1, "has no geometry")


def test_dates_are_text(tmp_path: Path) -> None:
    feature = {
        "type": "Feature",
        "properties": {"d": "2026-11-24", "t": "2026-11-24T10:00:00", "list": ["a", "b"], "none": None},
        "geometry": {"type": "Point", "coordinates": PLACES[0]},
    }
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    [found] = read(path)
    assert found.fields["d"] == "2026-11-24"
    assert found.fields["t"].startswith("2026-11-24T10:00:00")
    assert found.fields["none"] is None
    json.dumps(found.fields)


@pytest.mark.parametrize(
    ("crs", "given", "place"),
    [("EPSG:4326", "", (-99.95, 95.0)), ("EPSG:32614", "", (1e30, 1e30)), ("EPSG:32614", "EPSG:4326", (5e5, 4e6))],
)
def test_places_that_are_nowhere(tmp_path: Path, crs: str, given: str, place: tuple[float, float]) -> None:
    path = written(tmp_path / "a.gpkg", [place], crs=crs)
    [found] = read(path, crs=given)
    assert "--crs EPSG:" in found.problem or "not numbers" in found.problem


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.geojson", b"{", "GDAL cannot read it"),
        ("a.shp", b"PK", "GDAL cannot read it"),
        ("a.xyz", b"\0\1", "GDAL cannot read it"),
        ("a.csv", b"", "is empty"),
        ("a.csv", b"code,name\n1,x\n", r"none of the columns longitude.*--longitude-field"),
        ("a.csv", b"x" * 100_001, "line 1 is longer than 100,000 bytes"),
        ("a.csv", b"\xff,x,y\n", "line 1 is not UTF-8"),
    ],
)
def test_files_that_are_none(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=why):
        read(path)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no such file"):
        read(tmp_path / "a.gpkg")


@pytest.mark.parametrize("crs", ["EPSG:1", "nonsense", "/etc/passwd", "http://example.org/crs"])
def test_no_such_coordinate_system(tmp_path: Path, crs: str) -> None:
    with pytest.raises(UnreadableFile, match="is no coordinate system; give a code such as EPSG:4326"):
        read(written(tmp_path / "a.gpkg"), crs=crs)


def test_columns_are_for_csv(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="only a CSV has columns"):
        read(written(tmp_path / "a.gpkg"), longitude_field="x")


def test_a_file_that_breaks_off(tmp_path: Path) -> None:
    """What GDAL passes over in silence would be half a file."""
    path = written(tmp_path / "a.fgb", [PLACES[0]] * 2000)
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(UnreadableFile):
        read(path)


class TestCSV:
    def test_usual_columns(self, tmp_path: Path) -> None:
        path = csv_of(tmp_path / "a.csv", "\ufeffcode;Lon;LAT", "1;-99.95;40.1", "", '"2;3"; -99.94 ;40.11')
        with open_points(path) as file:
            assert (list(file.fields), file.total, file.where(2)) == (["code"], path.stat().st_size, "line 2")
        first, second = read(path)
        assert (first.number, first.fields, place(first)) == (2, {"code": "1"}, PLACES[0])
        assert (second.number, second.fields, place(second)) == (4, {"code": "2;3"}, PLACES[1])

    def test_columns_by_name_in_another_system(self, tmp_path: Path) -> None:
        path = csv_of(tmp_path / "a.csv", "code,east,north", "1,589500,4439500")
        [found] = read(path, longitude_field="east", latitude_field="north", crs="EPSG:32614")
        assert place(found) == pytest.approx((-97.95, 40.1), abs=0.01)
        with pytest.raises(UnreadableFile, match="no column 'easting'; name the right one by --longitude-field"):
            read(path, longitude_field="easting", latitude_field="north")

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            (b"1,a,40", "its coordinates are not numbers: 'a', '40'"),
            (b"1,nan,40", "its coordinates are not numbers"),
            (b"1,,", "its coordinates are not numbers: '', ''"),
            (b"1,-99", "has 2 columns, not 3"),
            (b"1,589500,4439500", "are not WGS 84 degrees; say by --crs"),
            (b"\xff,-99,40", "is not UTF-8"),
            (b"\0,-99,40", "holds a NUL byte"),
            (b"x" * 250_000, "is longer than 100,000 bytes"),
            (b'1,"-99"x,40', "expected after"),
        ],
    )
    def test_a_line_that_is_wrong_and_the_next(self, tmp_path: Path, line: bytes, problem: str) -> None:
        path = tmp_path / "a.csv"
        path.write_bytes(b"code,lon,lat\n" + line + b"\n2,-99.94,40.11\n")
        wrong, right = read(path)
        assert wrong.number == 2
        assert problem in wrong.problem
        assert (right.number, place(right)) == (3, PLACES[1])


def test_gdals_errors_go_nowhere_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.geojson").write_text("{")
    with pytest.raises(UnreadableFile), open_points(tmp_path / "a.geojson"):
        pass
    assert not caplog.records
