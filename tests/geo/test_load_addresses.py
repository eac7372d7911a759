"""`manage.py load_addresses`: what it brings in, what a second run changes, what it refuses, what it leaves."""

import os
import re
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy
import pyogrio
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.db import connection

from geo.models import Address, Street
from tests.factories.addresses import HEADER, Line, write_csv
from tests.factories.cities import SmallCity, small_city
from tests.processes import ROOT, database_url

pytestmark = pytest.mark.django_db

MAIN = Line("12", "Main Street", -99.95, 40.1)
OAK = Line("1", "Oak Ave", -99.94, 40.11, unit="Apt 2")


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def load(file: Path, **options: Any) -> str:
    out = StringIO()
    call_command("load_addresses", file, jurisdiction="smallville", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def refusal(file: Path, **options: Any) -> str:
    with pytest.raises(CommandError) as refused:
        load(file, **options)
    assert refused.value.returncode == 1
    assert "othing was written" in str(refused.value)
    return str(refused.value)


def labels() -> list[str]:
    return sorted(Address.objects.values_list("label", flat=True))


class TestWhatItBringsIn:
    def test_openaddresses_as_it_is(self, city: SmallCity, tmp_path: Path) -> None:
        said = load(write_csv(tmp_path / "a.csv", [MAIN, OAK]))
        assert "2 addresses of Smallville: 2 new, 0 changed, 0 removed." in said
        assert labels() == ["1 Oak Ave Apt 2, Smallville, KS 66002", "12 Main Street, Smallville, KS 66002"]
        address = Address.objects.select_related("street").get(number="12")
        assert (address.place.x, address.place.y, address.place.srid) == (-99.95, 40.1, 4326)
        street = address.street
        assert (street.search, street.core) == ("main st smallville ks 66002", "main")
        with connection.cursor() as cursor:
            cursor.execute("SELECT cardinality(show_trgm(%s))", [street.search])
            assert cursor.fetchone() == (street.trigrams,)

    def test_other_csv_by_naming_the_fields(self, city: SmallCity, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_bytes('\ufeffid;X;Y;hnr;strasse\r\n7;-11126383.1;4880484.7;5;"Lange Gasse"\r\n'.encode())
        load(file, number_field="hnr", street_field="strasse", code_field="ID", crs="EPSG:3857",
             label="{street} {number}, {postcode} {city}")  # fmt: skip
        address = Address.objects.get()
        assert (address.code, address.label) == ("7", "Lange Gasse 5")
        assert [address.place.x, address.place.y] == pytest.approx([-99.95, 40.1], abs=1e-4)

    def test_geojson_that_gdal_reads(self, city: SmallCity, tmp_path: Path) -> None:
        file = tmp_path / "a.geojson"
        point = '{"type": "Point", "coordinates": [-99.95, 40.1]}'
        file.write_text(
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": ' + point + ","
            '"properties": {"number": 12.0, "street": "Caña", "postcode": null}}]}'
        )
        load(file)
        assert labels() == ["12 Caña"]

    def test_a_shapefile_in_metres(self, city: SmallCity, tmp_path: Path) -> None:
        load(shapefile(tmp_path))
        place = Address.objects.get().place
        assert [place.x, place.y] == pytest.approx([-99.95, 40.1], abs=1e-4)

    def test_without_prj_the_system_is_asked_for(self, city: SmallCity, tmp_path: Path) -> None:
        file = shapefile(tmp_path)
        file.with_suffix(".prj").unlink()
        assert "--crs" in refusal(file)
        load(file, crs="EPSG:3857")
        assert labels() == ["12 Main St"]

    def test_the_same_address_twice_is_one(self, city: SmallCity, tmp_path: Path) -> None:
        assert "1 new" in (said := load(write_csv(tmp_path / "a.csv", [MAIN, MAIN])))
        assert "1 repeat another" in said


def shapefile(folder: Path) -> Path:
    file = folder / "a.shp"
    pyogrio.raw.write(
        file,
        geometry=numpy.array([shapely.to_wkb(shapely.Point(-11126383.1, 4880484.7))], dtype=object),
        field_data=[numpy.array(["12"], dtype=object), numpy.array(["Main St"], dtype=object)],
        fields=["NUMBER", "STREET"],
        geometry_type="Point",
        crs="EPSG:3857",
        driver="ESRI Shapefile",
    )
    return file


class TestASecondRun:
    def test_changes_nothing_and_says_so(self, city: SmallCity, tmp_path: Path) -> None:
        file = write_csv(tmp_path / "a.csv", [MAIN, OAK])
        load(file)
        before = list(Address.objects.order_by("pk").values())
        assert "0 new, 0 changed, 0 removed" in load(file)
        assert list(Address.objects.order_by("pk").values()) == before

    def test_takes_away_what_is_gone_with_its_street(self, city: SmallCity, tmp_path: Path) -> None:
        load(write_csv(tmp_path / "a.csv", [MAIN, OAK]))
        elm = Line("3", "Elm St")
        assert "1 new, 0 changed, 1 removed" in load(write_csv(tmp_path / "a.csv", [MAIN, elm]))
        assert sorted(Street.objects.values_list("name", flat=True)) == ["Elm St", "Main Street"]

    def test_by_the_sources_id_an_address_is_changed(self, city: SmallCity, tmp_path: Path) -> None:
        load(write_csv(tmp_path / "a.csv", [Line("12", "Main St", id="a")]), code_field="ID")
        [before] = Address.objects.all()
        said = load(write_csv(tmp_path / "a.csv", [Line("14", "Main St", -99.9, 40.2, id="a")]), code_field="ID")
        assert "0 new, 1 changed, 0 removed" in said
        [after] = Address.objects.all()
        assert (after.pk, after.number, after.number_search, after.place.x) == (before.pk, "14", "14", -99.9)

    def test_leaves_another_jurisdiction_alone(self, city: SmallCity, tmp_path: Path) -> None:
        small_city("otherton", origin=(-90.0, 40.0))
        file = write_csv(tmp_path / "a.csv", [MAIN])
        call_command("load_addresses", file, jurisdiction="otherton", stdout=StringIO(), stderr=StringIO())
        load(file)
        load(write_csv(tmp_path / "a.csv", [OAK]))
        assert Address.objects.filter(jurisdiction__code="otherton").count() == 1

    def test_a_dry_run_counts_and_writes_nothing(self, city: SmallCity, tmp_path: Path) -> None:
        load(write_csv(tmp_path / "a.csv", [MAIN]))
        said = load(write_csv(tmp_path / "a.csv", [OAK]), dry_run=True)
        assert "1 new, 0 changed, 1 removed; nothing was written (dry run)" in said
        assert labels() == ["12 Main Street, Smallville, KS 66002"]


class TestWhatItRefuses:
    def test_every_wrong_row_with_its_line(self, city: SmallCity, tmp_path: Path) -> None:
        load(write_csv(tmp_path / "before.csv", [OAK]))
        file = tmp_path / "a.csv"
        good = ",".join(MAIN.cells()).encode()
        lines = [
            ",".join(HEADER).encode(),
            good,
            b"-99.95,40.1,12,,,,,,,,",
            b"-99.95,40.1,12,---,,,,,,,",
            b"east,40.1,12,Main St,,,,,,,",
            b"nan,40.1,12,Main St,,,,,,,",
            b"-11126583,4881011,12,Main St,,,,,,,",
            b"-99.95,40.1,12,Main St",
            b"-99.95,40.1,12,Ma\xffn St,,,,,,,",
            b"-99.95,40.1,12,Ma\0n St,,,,,,,",
            b"-99.95,40.1,12," + b"x" * 201 + b",,,,,,,",
            b"-99.95,40.1,12," + b"x" * 300_000 + b",,,,,,,",
            b'-99.95,40.1,12,"Main" St,,,,,,,',
            b'-99.95,40.1,12,"Main\nStreet",,,,,,,',
            good,
            b'-99.95,40.1,12,"Main St,,,,,,,',
        ]
        file.write_bytes(b"\n".join(lines) + b"\n")
        said = refusal(file)
        expected = {
            3: "has no street",
            4: "neither letter nor digit",
            5: "not numbers",
            6: "not numbers",
            7: "not WGS 84 degrees",
            8: "4 columns, not 11",
            9: "not UTF-8 (byte 18",
            10: "NUL",
            11: "street is longer than 200",
            12: "longer than 100,000 bytes",
            13: "expected after",
            17: "unexpected end of data",
        }
        for line, reason in expected.items():
            assert re.search(rf"a\.csv: line {line}: .*{re.escape(reason)}", said), (line, said)
        assert said.count(": line ") == len(expected)
        assert f"{len(expected)} rows are wrong of 15" in said
        assert labels() == ["1 Oak Ave Apt 2, Smallville, KS 66002"], "nothing of it, and nothing gone"

    def test_many_are_counted(self, city: SmallCity, tmp_path: Path) -> None:
        said = refusal(write_csv(tmp_path / "a.csv", [Line("1", "")] * 1234))
        assert said.count(": line ") == 20
        assert "and 1,214 more" in said
        assert "1,234 rows are wrong of 1,234" in said

    def test_one_id_for_two_addresses(self, city: SmallCity, tmp_path: Path) -> None:
        file = write_csv(tmp_path / "a.csv", [Line("1", "Oak Ave", id="a"), MAIN, Line("2", "Oak Ave", id="a")])
        said = refusal(file, code_field="ID")
        assert "'a'" in said
        assert re.search("line 2 and line 4|line 4 and line 2", said)
        assert "1 row is wrong of 3" in said

    @pytest.mark.parametrize(
        ("name", "content", "options", "says"),
        [
            ("a.csv", b"", {}, "is empty"),
            ("a.csv", b"a,b\n1,2\n", {}, "--longitude-field"),
            ("a.csv", b"\xff\xfe,b\n", {}, "line 1 is not UTF-8"),
            ("a.csv", b"LON,LAT,STREET\n", {"street_field": "road"}, "no field 'road' (--street-field); it has STREET"),
            ("a.csv", b"LON,LAT,STREET\n1,1,a\n", {"crs": "EPSG:0"}, "is no coordinate system"),
            ("a.csv", b"LON,LAT,STREET\n1,1,a\n", {"label": "{house} {street}"}, "{house}"),
            ("a.csv", b"LON,LAT,STREET\n1,1,a\n", {"label": "{street.__class__}"}, "write {street}"),
            ("a.gpkg", b"not a geopackage", {}, "GDAL cannot read it"),
            ("a.geojson", b'{"type": "FeatureCollection", "features": [', {}, "a.geojson"),
        ],
    )
    def test_a_file_that_cannot_be_read(
        self, city: SmallCity, tmp_path: Path, name: str, content: bytes, options: dict[str, str], says: str
    ) -> None:
        (tmp_path / name).write_bytes(content)
        assert says in refusal(tmp_path / name, **options)

    def test_no_file_and_no_jurisdiction(self, city: SmallCity, tmp_path: Path) -> None:
        assert "no such file" in refusal(tmp_path / "none.csv")
        with pytest.raises(CommandError, match="no jurisdiction 'nowhere' is loaded; there is smallville"):
            call_command("load_addresses", tmp_path / "none.csv", jurisdiction="nowhere")

    def test_a_polygon_and_no_place(self, city: SmallCity, tmp_path: Path) -> None:
        file = tmp_path / "a.geojson"
        feature = '{"type": "Feature", "properties": {"street": "Main St"}, "geometry": %s}'
        ring = '{"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,0]]]}'
        far = '{"type": "Point", "coordinates": [400, 40]}'
        file.write_text(
            '{"type": "FeatureCollection", "features": ['
            + ",".join(feature % shape for shape in (ring, "null", far))
            + "]}"
        )
        said = refusal(file)
        assert "feature 1: is a Polygon, not a point" in said
        assert "feature 2: has no geometry" in said
        assert "feature 3: its coordinates (400, 40) are not WGS 84 degrees" in said


@pytest.mark.django_db(transaction=True)
class TestALongFile:
    ROWS = 30_000

    def file(self, folder: Path, rows: int, last: str = "Main St") -> Path:
        lines = (Line(str(n % 900), f"{n % 700} Street", -99.9 + n * 1e-6) for n in range(rows))
        return write_csv(folder / f"{rows}.csv", [*lines, Line("1", last)])

    def program(self, file: Path, *options: str) -> "subprocess.Popen[str]":
        """The command as a process of its own, which says its greatest memory at the end."""
        code = (
            "import sys; from django.core.management import execute_from_command_line\n"
            "try: execute_from_command_line(sys.argv)\n"
            "finally: print(open('/proc/self/status').read(), flush=True)"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, "load_addresses", str(file), "--jurisdiction", "smallville", *options],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def test_a_wrong_row_at_its_end_leaves_nothing_and_memory_does_not_grow(
        self, city: SmallCity, tmp_path: Path
    ) -> None:
        greatest = []
        for rows in (100, self.ROWS):
            out, err = (program := self.program(self.file(tmp_path, rows, last=""))).communicate(timeout=100)
            assert program.returncode == 1
            assert f"line {rows + 2}: has no street" in err
            [kilobytes] = re.findall(r"VmHWM:\s+(\d+) kB", out)
            greatest.append(int(kilobytes))
        assert not Address.objects.exists()
        assert not Street.objects.exists()
        # Kept in memory, thirty thousand rows are fifty megabytes.
        assert greatest[1] - greatest[0] < 15_000

    def test_ctrl_c_leaves_what_was(self, city: SmallCity, tmp_path: Path) -> None:
        load(write_csv(tmp_path / "a.csv", [MAIN]))
        program = self.program(self.file(tmp_path, self.ROWS))
        assert program.stderr is not None
        assert "Reading addresses" in program.stderr.readline()
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=100)
        assert program.returncode == 130, err
        assert "Interrupted; nothing was written." in err
        assert labels() == ["12 Main Street, Smallville, KS 66002"]
