"""`manage.py load_assets`: all of a file, or nothing and every reason why."""

import gc
import json
import threading
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from geo import asset_loading
from geo.asset_loading import AssetFields, load_assets
from geo.loading_command import INTERRUPTED
from geo.models import Asset
from geo.point_files import Point, PointFile, open_points
from requests311.actions.submit import submit
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import report

Row = tuple[str, float, float]
#: Two lights in the west ward: code, longitude, latitude.
ROWS: list[Row] = [("1", -99.95, 40.1), ("2", -99.94, 40.11)]


def lights(path: Path, rows: Sequence[Row] = ROWS, **more: Any) -> Path:
    """A GeoJSON file; `more` are further properties of every light."""
    features = [
        {
            "type": "Feature",
            "properties": {"pole": code, "street": f"{code} Main Street", **more},
            "geometry": {"type": "Point", "coordinates": [x, y]},
        }
        for code, x, y in rows
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def load(file: Path, *options: str, kind: str = "street_light") -> tuple[str, str]:
    """(stdout, stderr)."""
    out, err = StringIO(), StringIO()
    given = ["--jurisdiction", "smallville", "--kind", kind, "--code-field", "pole", *options]
    call_command("load_assets", str(file), *given, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def refusal(file: Path, *options: str, **more: Any) -> str:
    before = list(Asset.objects.order_by("pk").values())
    with pytest.raises(CommandError) as info:
        load(file, *options, **more)
    assert info.value.returncode == 1
    assert list(Asset.objects.order_by("pk").values()) == before
    return str(info.value)


@pytest.mark.django_db
class TestLoading:
    @pytest.fixture(autouse=True)
    def city(self) -> SmallCity:
        made = small_city()
        asks_for(made, "optional")
        return made

    def test_all_of_a_file(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson", dept="parks", watts=40, lamp=None)
        out, err = load(file, "--name-field", "street", "--owner-field", "dept")
        assert out == f"{file}: 2 new.\n"
        assert err == "Reading …\n"
        asset = Asset.objects.get(code="1")
        assert (asset.kind, asset.name, asset.owner) == ("street_light", "1 Main Street", "parks")
        assert asset.attributes == {"watts": 40}
        assert asset.place.tuple == (-99.95, 40.1)
        assert asset.retired_at is None
        assert asset.jurisdiction.code == "smallville"

    def test_again_touches_nothing(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson")
        load(file)
        before = list(Asset.objects.order_by("pk").values())
        assert load(file)[0] == f"{file}: 2 as they were.\n"
        assert list(Asset.objects.order_by("pk").values()) == before

    def test_what_differs_is_changed_and_what_is_gone_retired(self, city: SmallCity, tmp_path: Path) -> None:
        hydrant = light(city, kind="hydrant")
        load(lights(tmp_path / "a.geojson"))
        ids = dict(Asset.objects.values_list("code", "pk"))
        submit(by=guest(), service="pothole", asset=ids["2"])
        file = lights(tmp_path / "b.geojson", [("1", -99.951, 40.1), ("3", -99.94, 40.1)])
        assert load(file)[0] == f"{file}: 1 new, 1 changed, 1 retired.\n"
        assert Asset.objects.get(code="1").pk == ids["1"]
        assert Asset.objects.get(code="1").place.x == -99.951
        assert Asset.objects.get(code="2").retired_at is not None
        hydrant.refresh_from_db()
        assert hydrant.retired_at is None
        back = lights(tmp_path / "c.geojson", [("2", -99.94, 40.11), ("3", -99.94, 40.1)])
        assert load(back)[0] == f"{back}: 1 back, 1 retired, 1 as they were.\n"
        assert Asset.objects.get(pk=ids["2"]).retired_at is None

    def test_each_city_has_its_own(self, tmp_path: Path) -> None:
        other = small_city("otherton", origin=(-90.0, 40.0))
        light(other, "1")
        light(other, "9")
        load(lights(tmp_path / "a.geojson"))
        assert Asset.objects.filter(jurisdiction=other.areas["boundary"], retired_at=None).count() == 2

    def test_a_dry_run_says_it_and_writes_nothing(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson")
        assert load(file, "--dry-run")[0] == f"{file}: 2 new; nothing was written (dry run).\n"
        assert not Asset.objects.exists()

    def test_a_csv_and_one_owner_of_all(self, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_text("pole,lon,lat\n 007 ,-99.95,40.1\n")
        load(file, "--owner", "roads")
        asset = Asset.objects.get()
        assert (asset.code, asset.owner, asset.attributes) == ("007", "roads", {})

    def test_numbers_are_codes_too(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson", n=4711.0)
        load(lights(tmp_path / "a.geojson", ROWS[:1], n=4711.0), "--owner-field", "n")
        assert (Asset.objects.get().owner, file.exists()) == ("4711", True)

    def test_a_multipoint_of_one(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson", ROWS[:1])
        point, points = '"Point", "coordinates": [-99.95, 40.1]', '"MultiPoint", "coordinates": [[-99.95, 40.1]]'
        file.write_text(file.read_text().replace(point, points))
        load(file)
        assert Asset.objects.get().place.tuple == (-99.95, 40.1)

    def test_what_will_surprise_somebody_is_said(self, city: SmallCity, tmp_path: Path) -> None:
        # A kilometre west of the boundary: a light on a bridge.
        file = lights(tmp_path / "a.geojson", [*ROWS, ("3", -100.01, 40.1)], dept="nobody")
        err = load(file, "--owner-field", "dept", kind="sign")[1]
        assert "Owner 'nobody' of 3 is no active department of Smallville: reports of those go where" in err
        assert "1 lie outside the boundary of Smallville" in err
        assert "No service of Smallville asks for a sign yet" in err


@pytest.mark.django_db
class TestRefusals:
    @pytest.fixture(autouse=True)
    def city(self) -> SmallCity:
        made = small_city()
        light(made, "there already")
        return made

    def test_every_bad_row_is_named(self, tmp_path: Path) -> None:
        file = lights(
            tmp_path / "a.geojson",
            [("1", -99.95, 40.1), ("", -99.95, 40.1), ("1", -99.9, 40.1), ("x" * 61, -99.95, 40.1),
             ("5", 40.1, -99.95 + 20), ("6", 40.1, -79.9), ("7", 2.35, 48.85)],
        )  # fmt: skip
        text = refusal(file)
        assert "feature 2: 'pole' is empty" in text
        assert "feature 3: has the code '1', which feature 1 has already" in text
        assert "feature 4: 'pole' is over 60 characters long" in text
        assert "feature 7: its place (2.35, 48.85) is over 5 km outside Smallville; is it of another city" in text
        assert text.endswith(f"{file} is refused: 6 problems; nothing was written.")

    def test_the_wrong_way_round(self, tmp_path: Path) -> None:
        small_city("otherton", origin=(30.0, 40.0))
        file = tmp_path / "a.csv"
        file.write_text("pole,lon,lat\n1,40.1,30.1\n")
        out = StringIO()
        with pytest.raises(CommandError, match="longitude and latitude are the wrong way round"):
            call_command("load_assets", str(file), "--jurisdiction=otherton", "--kind=sign", "--code-field=pole",
                         stdout=out, stderr=out)  # fmt: skip

    def test_lines_of_a_csv_are_named(self, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_text("pole,lon,lat\n1,-99.95,40.1\n2,here,there\n")
        assert "line 3: its coordinates are not numbers: 'here', 'there'" in refusal(file)

    def test_mixed_geometry(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson")
        point, line = (
            '"Point", "coordinates": [-99.94, 40.11]',
            '"LineString", "coordinates": [[-99.94, 40.11], [-99, 40]]',
        )
        file.write_text(file.read_text().replace(point, line))
        text = refusal(file)
        assert "feature 2: is a LineString, not a point" in text
        assert "1 problem; nothing" in text

    def test_it_stops_at_so_many(self, tmp_path: Path) -> None:
        file = lights(tmp_path / "a.geojson", [("", -99.95, 40.1)] * 9)
        text = refusal(file, "--problems", "3")
        assert text.count("is empty") == 3
        assert "3 problems, and reading stopped there (--problems); nothing was written." in text

    def test_an_empty_file_retires_nothing(self, tmp_path: Path) -> None:
        file = tmp_path / "a.csv"
        file.write_text("pole,lon,lat\n")
        assert "holds no feature" in refusal(file)

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            (["--name-field", "nme"], "has no field 'nme' (--name-field); it has pole, street"),
            (["--owner-field", "dept"], "has no field 'dept' (--owner-field)"),
            (["--crs", "EPSG:0"], "is no coordinate system"),
            (["--layer", "trees"], "has no layer 'trees'"),
            (["--owner", "x" * 61], "--owner has at most 60 characters"),
            (["--problems", "0"], "--problems is at least 1"),
            (["--jurisdiction", "atlantis"], "no jurisdiction 'atlantis' is loaded; there is smallville"),
            (["--kind", "street light"], "--kind: 'street light': letters, digits"),
        ],
    )
    def test_wrong_options(self, tmp_path: Path, options: list[str], why: str) -> None:
        assert why in refusal(lights(tmp_path / "a.geojson"), *options)

    def test_ctrl_c(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*_: Any, **__: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(asset_loading, "_text", interrupted)
        with pytest.raises(CommandError) as info:
            load(lights(tmp_path / "a.geojson"))
        assert info.value.returncode == INTERRUPTED == 130
        assert Asset.objects.count() == 1


@pytest.mark.django_db
def test_fifty_thousand_and_no_more_than_one_at_a_time(tmp_path: Path) -> None:
    """What is kept of a file does not grow with it: neither rows nor, in PostgreSQL, work by pairs of them."""
    city = small_city()
    file = tmp_path / "a.csv"
    with file.open("w") as out:
        out.write("pole,lon,lat,height\n")
        out.writelines(
            f"{n},{-99.99 + n % 250 * 0.0007:.6f},{40.01 + n // 250 * 0.0009:.6f},7.5\n" for n in range(50_000)
        )
    # What earlier tests left in the tracebacks of their refusals is none of this loading's. By `type`: a weak proxy
    # that has outlived its object cannot even be asked for its class.
    gc.collect()
    before = {id(thing) for thing in gc.get_objects() if issubclass(type(thing), Point)}
    alive: list[int] = []

    def watched(opened: PointFile) -> Iterator[Point]:
        for point in opened:
            if point.number % 10_000 == 0:
                alive.append(
                    sum(issubclass(type(thing), Point) and id(thing) not in before for thing in gc.get_objects())
                )
            yield point

    def bounded(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # What compares every row with every other one takes minutes on any machine. The COPY before goes at the
        # pace of this process.
        if "ON incoming_asset (code)" in sql:
            execute("SET LOCAL statement_timeout = '30s'", None, False, context)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(bounded), open_points(file) as opened:
        loaded = load_assets(
            opened,
            root=city.areas["boundary"],
            kind="street_light",
            fields=AssetFields(code="pole"),
            progress=watched,
        )
    assert (loaded.new, loaded.outside, Asset.objects.count()) == (50_000, 0, 50_000)
    assert len(alive) == 5
    assert max(alive) <= 2


@pytest.mark.django_db(transaction=True)
def test_readers_and_reports_do_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a loading, with everything written and not yet committed."""
    city = small_city()
    asks_for(city, "optional")
    load(lights(tmp_path / "a.geojson"))
    known = Asset.objects.get(code="1")
    written, done = threading.Event(), threading.Event()
    store = asset_loading._store

    def slow(*args: Any) -> Any:
        loaded = store(*args)
        written.set()
        assert done.wait(30)
        return loaded

    monkeypatch.setattr(asset_loading, "_store", slow)
    failed: list[BaseException] = []

    def loading() -> None:
        try:
            load(lights(tmp_path / "b.geojson", [("1", -99.951, 40.1), ("3", -99.94, 40.1)]))
        except BaseException as error:
            failed.append(error)
            written.set()
        finally:
            connections.close_all()

    thread = threading.Thread(target=loading)
    thread.start()
    try:
        assert written.wait(30)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        assert set(Asset.objects.filter(retired_at=None).values_list("code", flat=True)) == {"1", "2"}
        row = report(city, guest(), asset=known.pk)
        assert row.location.tuple == (-99.95, 40.1)
    finally:
        done.set()
        thread.join(30)
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert not failed
    assert set(Asset.objects.filter(retired_at=None).values_list("code", flat=True)) == {"1", "3"}
