"""`manage.py load_areas`: versions over time, what is refused as a whole, and who waits for it (nobody)."""

import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import shapely
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F

from geo import outlines, versions
from geo.models import Area, AreaOutline, AreaPiece, AreaVersion
from requests311 import areas as areas_in_time
from requests311.actions.submit import submit
from requests311.areas import today_in
from requests311.city.loading import load_city
from requests311.models import Jurisdiction
from requests311.places import locate
from tests.factories.cities import SAMPLES, SmallCity, small_city
from tests.factories.people import guest
from tests.geo.files import square, write_areas
from tests.requests311.reporting import at

#: The small city is the square from (-100, 40) to (-99.8, 40.2).
WEST = ("w", "West", square(-100.0, 40.0, -99.9, 40.2))
EAST = ("e", "East", square(-99.9, 40.0, -99.8, 40.2))
#: The border moves east; `IN_BETWEEN` changes sides.
WEST_2 = ("w", "Far West", square(-100.0, 40.0, -99.85, 40.2))
EAST_2 = ("e", "East", square(-99.85, 40.0, -99.8, 40.2))
IN_BETWEEN = at((40.1, -99.87))
TOMORROW, YESTERDAY = timedelta(days=1), timedelta(days=-1)


@pytest.fixture
def city(db: None) -> SmallCity:
    return small_city()


@pytest.fixture
def write(tmp_path: Path) -> Any:
    count = iter(range(100))
    return lambda *features, **more: write_areas(tmp_path / f"{next(count)}.gpkg", features, **more)


def run(file: Path, *options: str, kind: str = "district") -> tuple[str, str]:
    """stdout and stderr"""
    out, err = StringIO(), StringIO()
    fields = ("--code-field=code", "--name-field=label")
    call_command(
        "load_areas",
        str(file),
        "--jurisdiction=smallville",
        f"--kind={kind}",
        *fields,
        *options,
        stdout=out,
        stderr=err,
    )
    return out.getvalue(), err.getvalue()


def refused(file: Path, *options: str) -> str:
    before = everything()
    with pytest.raises(CommandError) as info:
        run(file, *options)
    assert info.value.returncode == 1
    assert str(info.value).endswith("Nothing was written.")
    assert everything() == before
    return str(info.value)


def everything() -> list[Any]:
    with connection.cursor() as cursor:
        found: list[Any] = []
        for table in ("geo_area", "geo_areaversion", "geo_areapiece", "geo_areaoutline", "requests311_jurisdiction"):
            cursor.execute(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1")
            found.append((table, cursor.fetchall()))
    return found


def on(day: date, point: Any = IN_BETWEEN) -> list[str]:
    return sorted(Area.objects.covering(point, on=day).filter(kind="district").values_list("code", flat=True))


def located(city: SmallCity) -> list[tuple[str, str]]:
    areas = locate(IN_BETWEEN).areas[city.jurisdiction.pk]
    return [(area.code, area.name) for area in areas if area.kind == "district"]


def spans() -> dict[str, list[tuple[date | None, date | None]]]:
    found: dict[str, list[tuple[date | None, date | None]]] = {}
    rows = AreaVersion.objects.filter(area__kind="district").order_by(
        "area__code", F("valid_from").asc(nulls_first=True)
    )
    for row in rows.select_related("area"):
        found.setdefault(row.area.code, []).append((row.valid_from, row.valid_to))
    return found


class TestFirstLoading:
    def test_a_kind_that_is_new_is_so_since_ever(self, city: SmallCity, write: Any) -> None:
        version = city.jurisdiction.catalogue_version
        file = write(WEST, EAST)
        out, err = run(file)
        assert out == f"{file}: 2 new, 0 changed, 0 gone, 0 unchanged, 0 repaired; valid since ever.\n"
        assert "Reading rows …" in err
        assert spans() == {"e": [(None, None)], "w": [(None, None)]}
        assert located(city) == [("e", "East")]
        assert on(date(1900, 1, 1)) == ["e"]
        area = Area.objects.get(kind="district", code="w")
        assert (area.parent, area.name, area.dated) == (city.jurisdiction.boundary, "West", True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT ST_Area(boundary::geography) FROM geo_area WHERE id = %s", [area.pk])
            assert area.square_metres == pytest.approx(cursor.fetchone()[0])
        assert Jurisdiction.objects.get().catalogue_version > version

    def test_the_same_again_changes_nothing(self, city: SmallCity, write: Any) -> None:
        file = write(WEST, EAST)
        run(file)
        before = everything()
        assert run(file)[0] == f"{file}: nothing to change; 2 unchanged.\n"
        assert everything() == before

    def test_a_dry_run_says_it_and_writes_nothing(self, city: SmallCity, write: Any) -> None:
        before = everything()
        out, _ = run(write(WEST, EAST), "--dry-run")
        assert "+ district e 'East'\n+ district w 'West'\n" in out
        assert out.endswith("valid since ever; nothing was written (dry run).\n")
        assert everything() == before
        assert not Area.objects.filter(kind="district").exists()

    def test_repairs_are_said_with_their_rows(self, city: SmallCity, write: Any) -> None:
        bow_tie = shapely.Polygon([(-100, 40), (-99.9, 40.1), (-99.9, 40), (-100, 40.1)])
        out, _ = run(write(EAST, ("b", "Bow", bow_tie)))
        assert "repaired: row 2 (b): Self-intersection" in out
        assert "1 repaired" in out

    def test_a_kind_of_load_citys_gets_days_and_stays_load_areass(self, db: None, write: Any) -> None:
        folder = SAMPLES / "riverbend"
        load_city(folder)
        root = Area.objects.get(parent=None)
        north, south = Area.objects.filter(parent=root).order_by("code")
        shape = shapely.from_wkb(bytes(north.boundary.wkb))
        file = write(("north", "North Ward", shape), ("east", "East Ward", shapely.from_wkb(bytes(south.boundary.wkb))))
        options = ("--jurisdiction=riverbend", "--kind=ward", "--code-field=code", "--name-field=label")
        err = StringIO()
        call_command("load_areas", str(file), *options, stdout=StringIO(), stderr=err)
        # Rules and services that fall silent are said.
        assert "warning: ward south ends, and rule " in err.getvalue()
        assert "warning: ward south ends, and " in err.getvalue().split("rule ", 1)[1]
        assert south.versions.get().valid_to is not None
        # The city's own files neither bring it back nor delete what they do not know.
        assert not load_city(folder)
        assert Area.objects.filter(parent=root).count() == 3
        assert south.versions.get().valid_to is not None


class TestLaterLoading:
    def test_from_a_day_on(self, city: SmallCity, write: Any) -> None:
        day = today_in(city.jurisdiction) + 10 * TOMORROW
        run(write(WEST, EAST))
        made = submit(by=guest(), service="pothole", location=IN_BETWEEN).request
        out, _ = run(write(WEST_2, EAST_2), f"--valid-from={day}")
        assert "~ district w 'Far West'\n    name: 'West' → 'Far West'; boundary: redrawn (5 → 5 vertices)" in out
        assert spans() == {"e": [(None, day), (day, None)], "w": [(None, day), (day, None)]}
        assert on(day + YESTERDAY) == ["e"]
        assert on(day) == on(day + TOMORROW) == ["w"]
        # Today nothing has changed yet.
        assert located(city) == [("e", "East")]
        assert Area.objects.get(kind="district", code="w").name == "West"
        made.refresh_from_db()
        assert {"kind": "district", "code": "e", "name": "East"} in made.areas

    def test_without_a_day_it_is_today(self, city: SmallCity, write: Any) -> None:
        run(write(WEST, EAST))
        made = submit(by=guest(), service="pothole", location=IN_BETWEEN).request
        ids = set(Area.objects.values_list("pk", flat=True))
        run(write(WEST_2, EAST_2))
        today = today_in(city.jurisdiction)
        assert on(today + YESTERDAY) == ["e"]
        assert on(today) == ["w"]
        assert located(city) == [("w", "Far West")]
        # What rules and services point at is still the same row.
        assert set(Area.objects.values_list("pk", flat=True)) == ids
        # A request keeps the area it was made in.
        made.refresh_from_db()
        assert {"kind": "district", "code": "e", "name": "East"} in made.areas

    def test_an_area_that_is_gone_ends_and_may_come_back(self, city: SmallCity, write: Any) -> None:
        today = today_in(city.jurisdiction)
        run(write(WEST, EAST))
        out, _ = run(write(WEST))
        assert "- district e 'East'\n" in out
        assert Area.objects.filter(kind="district", code="e").exists()
        assert (on(today), on(today + YESTERDAY)) == ([], ["e"])
        assert located(city) == []
        day = today + 5 * TOMORROW
        out, _ = run(write(WEST, EAST), f"--valid-from={day}", "--verbosity=2")
        assert "+ district e 'East'\n    was there before" in out
        assert spans()["e"] == [(None, today), (day, None)]
        assert (on(day + YESTERDAY), on(day)) == ([], ["e"])

    def test_a_second_loading_for_a_day_replaces_the_first(self, city: SmallCity, write: Any) -> None:
        day = today_in(city.jurisdiction) + 10 * TOMORROW
        run(write(WEST, EAST))
        run(
            write(WEST_2, EAST_2, ("x", "X", square(-100, 40, -99.99, 40.01))),
            f"--valid-from={day}",
            "--allow-overlaps",
        )
        third = square(-99.88, 40.0, -99.8, 40.2), square(-100.0, 40.0, -99.88, 40.2)
        run(write(("w", "West", third[1]), ("e", "East", third[0])), f"--valid-from={day}")
        assert spans() == {"e": [(None, day), (day, None)], "w": [(None, day), (day, None)]}
        assert on(day) == ["e"]
        # The one that never was is known, and nowhere.
        assert not Area.objects.get(code="x").versions.exists()

    def test_history_is_not_rewritten(self, city: SmallCity, write: Any) -> None:
        day = today_in(city.jurisdiction) + 10 * TOMORROW
        run(write(WEST, EAST))
        run(write(WEST_2, EAST_2), f"--valid-from={day}")
        for options in ((), (f"--valid-from={day + YESTERDAY}",)):
            text = refused(write(WEST, EAST), *options)
            assert f"change on {day} already" in text
            assert f"--valid-from {day}" in text

    def test_pieces_and_outlines_have_the_days_of_their_versions(self, city: SmallCity, write: Any) -> None:
        today = today_in(city.jurisdiction)
        run(write(WEST, EAST))
        run(write(WEST_2, EAST_2), f"--valid-from={today + 3 * TOMORROW}")
        run(write(WEST_2), f"--valid-from={today + 7 * TOMORROW}")
        for piece in AreaPiece.objects.select_related("version"):
            assert piece.version is not None
            assert (piece.valid_from, piece.valid_to) == (piece.version.valid_from, piece.version.valid_to)
            assert piece.area_id == piece.version.area_id
        for number in range(10):
            day = today + number * TOMORROW
            held = set(
                AreaVersion.objects.filter(area__kind="district")
                .exclude(valid_from__gt=day)
                .exclude(valid_to__lte=day)
                .values_list("pk", flat=True)
            )
            drawn = AreaOutline.objects.filter(zoom=10, version__area__kind="district")
            drawn = drawn.exclude(valid_from__gt=day).exclude(valid_to__lte=day)
            assert set(drawn.values_list("version", flat=True)) == held

    def test_a_day_begins_where_the_city_is(self, db: None, write: Any) -> None:
        """25 hours lie between these clocks, so they never show the same day."""
        for code, zone, west in (("early", "Pacific/Kiritimati", -100.0), ("late", "Pacific/Pago_Pago", -99.0)):
            made = small_city(code, origin=(west, 40.0))
            Jurisdiction.objects.filter(pk=made.jurisdiction.pk).update(time_zone=zone)
        with connection.cursor() as cursor:
            cursor.execute("SELECT (now() AT TIME ZONE 'Pacific/Kiritimati')::date")
            [day] = cursor.fetchone()
        for code, west in (("early", -100.0), ("late", -99.0)):
            file = write(("d", "D", square(west, 40.0, west + 0.2, 40.2)))
            run(file, f"--valid-from={day}", f"--jurisdiction={code}")
        for west, there in ((-100.0, True), (-99.0, False)):
            [areas] = locate(at((40.1, west + 0.01))).areas.values()
            assert ("district" in {area.kind for area in areas}) is there


class TestTakingEffect:
    def test_names_and_sizes_follow_on_their_day(self, city: SmallCity, write: Any) -> None:
        from django.utils import timezone

        run(write(WEST, EAST))
        run(write(WEST_2, EAST_2), f"--valid-from={today_in(city.jurisdiction) + 3 * TOMORROW}")
        before = Jurisdiction.objects.get().catalogue_version
        assert areas_in_time.take_effect() == 0
        assert Jurisdiction.objects.get().catalogue_version == before
        size = Area.objects.get(kind="district", code="w").square_metres
        assert areas_in_time.take_effect(timezone.now() + 5 * TOMORROW) == 2
        area = Area.objects.get(kind="district", code="w")
        assert area.name == "Far West"
        assert area.square_metres / size == pytest.approx(1.5, rel=0.01)
        assert Jurisdiction.objects.get().catalogue_version > before
        assert areas_in_time.take_effect(timezone.now() + 5 * TOMORROW) == 0


class TestRefusals:
    def test_a_code_twice(self, city: SmallCity, write: Any) -> None:
        text = refused(write(WEST, EAST, ("w", "More", square(-100, 40.2, -99.9, 40.3))))
        assert "rows 1, 3: code 'w'" in text
        assert "Dissolve" in text

    def test_two_areas_on_one_place(self, city: SmallCity, write: Any) -> None:
        file = write(WEST, ("m", "Middle", square(-99.95, 40.0, -99.85, 40.2)))
        text = refused(file)
        assert "rows 1 (w) and 2 (m) overlap by " in text
        assert "50.0% of the smaller" in text
        _, err = run(file, "--allow-overlaps")
        assert "warning: rows 1 (w) and 2 (m) overlap" in err

    def test_slivers_are_said_and_taken(self, city: SmallCity, write: Any) -> None:
        _, err = run(write(WEST, ("e", "East", square(-99.9001, 40.0, -99.8, 40.2))))
        assert "warning: rows 1 (w) and 2 (e) overlap by 189," in err
        assert "0.1% of the smaller" in err

    def test_neighbours_that_touch_overlap_nowhere(self, city: SmallCity, write: Any) -> None:
        assert "overlap" not in run(write(WEST, EAST))[1]

    def test_the_file_of_another_place(self, city: SmallCity, write: Any) -> None:
        assert "no row lies within Smallville" in refused(write(("a", "A", square(0, 0, 1, 1))))

    def test_a_row_outside_is_said(self, city: SmallCity, write: Any) -> None:
        half_out = ("o", "Out", square(-99.81, 40.3, -99.7, 40.4))
        _, err = run(write(WEST, half_out, ("p", "Part", square(-99.82, 40.0, -99.72, 40.2))))
        assert "warning: row 2 (o) lies outside Smallville\n" in err
        assert "warning: row 3 (p) lies outside Smallville but for 20%" in err

    def test_an_empty_file(self, city: SmallCity, tmp_path: Path) -> None:
        (tmp_path / "a.geojson").write_text('{"type": "FeatureCollection", "features": []}')
        assert refused(tmp_path / "a.geojson")

    def test_a_bad_row_at_the_end_leaves_nothing(self, city: SmallCity, write: Any) -> None:
        run(write(WEST, EAST))
        assert "row 3: 'code' is empty" in refused(write(WEST_2, EAST_2, ("", "C", square(-99.9, 40, -99.8, 40.1))))

    def test_more_than_can_be_drawn(self, city: SmallCity, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outlines, "VERTICES_AT_MOST", 9)
        assert "together have 10 vertices, and 9 is the most" in refused(write(WEST, EAST))

    def test_a_jurisdiction_that_is_not_there(self, city: SmallCity, write: Any) -> None:
        with pytest.raises(CommandError, match="no jurisdiction 'nowhere' is loaded; there is smallville"):
            run(write(WEST), "--jurisdiction=nowhere")

    @pytest.mark.parametrize(
        ("option", "reason"),
        [
            ("--kind=a b", "letters, digits"),
            (f"--kind={'x' * 41}", "at most 40"),
            ("--kind=jurisdiction", "comes with load_city"),
            ("--valid-from=2026-02-30", "is no day"),
        ],
    )
    def test_options(self, city: SmallCity, write: Any, option: str, reason: str) -> None:
        with pytest.raises(CommandError, match=reason):
            run(write(WEST), option)

    def test_ctrl_c_leaves_nothing(self, city: SmallCity, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*args: object) -> None:
            assert Area.objects.filter(kind="district").count() == 2
            raise KeyboardInterrupt

        before = everything()
        monkeypatch.setattr(versions, "take_effect", interrupted)
        with pytest.raises(CommandError, match="Interrupted; nothing was written") as stopped:
            run(write(WEST, EAST))
        assert stopped.value.returncode == 130
        assert everything() == before


@pytest.mark.django_db(transaction=True)
class TestBesideOthers:
    def test_who_reads_does_not_wait(self, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """In the middle of a loading, with everything written, another connection asks and will not wait 50 ms."""
        from concurrent.futures import ThreadPoolExecutor

        city = small_city()
        run(write(WEST, EAST))
        seen: list[Any] = []

        def ask() -> None:
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '50ms'")
                    seen.append(located(city))
                    seen.append(submit(by=guest(), service="pothole", location=IN_BETWEEN).request.areas)
                    cursor.execute("SELECT count(*) FROM geo_areaoutline")
            finally:
                connection.close()

        draw = outlines.draw

        def meanwhile(root_id: int, kind: str) -> None:
            draw(root_id, kind)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(ask).result(timeout=30)

        monkeypatch.setattr(outlines, "draw", meanwhile)
        run(write(WEST_2, EAST_2))
        # The old areas, whole, until COMMIT.
        assert seen[0] == [("e", "East")]
        assert {"kind": "district", "code": "e", "name": "East"} in seen[1]
        assert located(city) == [("w", "Far West")]

    def test_ctrl_c_in_a_terminal(self, write: Any) -> None:
        """While it waits for another loading of the city, which this test is."""
        small_city()
        file = write(WEST, EAST)
        command = [sys.executable, "manage.py", "load_areas", str(file), "--jurisdiction=smallville", "--kind=district"]
        url = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format_map(settings.DATABASES["default"])
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('requests311.load_city.smallville', 0))")
            process = subprocess.Popen(
                [*command, "--code-field=code", "--name-field=label"],
                cwd=settings.BASE_DIR,
                env={**os.environ, "DATABASE_URL": url.replace(":@", "@")},
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            assert "waiting for it to end" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert "Interrupted; nothing was written." in said
        assert process.returncode == 130
        assert not Area.objects.filter(kind="district").exists()


BALTIMORE = Path(settings.BASE_DIR).parent / "shared" / "data" / "baltimore" / "neighborhoods.geojson"


@pytest.mark.django_db
@pytest.mark.skipif(not BALTIMORE.is_file(), reason="../shared/data is not here")
def test_baltimore() -> None:
    """278 real neighbourhoods, two of which cross themselves."""
    small_city(origin=(-76.72, 39.19))
    out, _ = run(BALTIMORE, "--code-field=cartodb_id", "--name-field=name")
    assert "278 new, 0 changed, 0 gone, 0 unchanged, 2 repaired" in out
    assert "repaired: row 4 (31): Ring Self-intersection" in out
    for zoom in (4, 12, 18):
        rows = AreaOutline.objects.filter(zoom=zoom, version__area__kind="district")
        shapes = [shapely.from_wkb(bytes(row.shape.wkb)) for row in rows]
        assert len(shapes) == 278
        assert shapely.coverage_is_valid(shapes)
