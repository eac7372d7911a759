"""`manage.py load_city`: what it writes, what a second run finds, what it takes away, what it refuses."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import time
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.gis.geos import Point
from django.core.management import CommandError, call_command
from django.db import connection

from geo.models import Area
from requests311.city import loading
from requests311.city.loading import load_city
from requests311.city.problems import BrokenCity
from requests311.models import (
    Attribute,
    Department,
    EscalationStep,
    Jurisdiction,
    RejectionReason,
    RoutingRule,
    Service,
    ServiceArea,
    Team,
)
from requests311.statuses import Priority
from tests.factories.cities import SAMPLES, person

TABLES = (
    "geo_area",
    "geo_areapiece",
    "requests311_jurisdiction",
    "requests311_escalationstep",
    "requests311_rejectionreason",
    "requests311_department",
    "requests311_team",
    "requests311_service",
    "requests311_servicearea",
    "requests311_attribute",
    "requests311_routingrule",
)


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A copy of samples/riverbend that a test may change."""
    return Path(shutil.copytree(SAMPLES / "riverbend", tmp_path / "town"))


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def run(folder: Path, *options: str) -> str:
    """What the command prints on stdout."""
    out = StringIO()
    call_command("load_city", str(folder), *options, stdout=out, stderr=StringIO())
    return out.getvalue()


def row_versions() -> list[tuple[str, str, str]]:
    """Where every row lies and which transaction wrote it: an UPDATE, even to the same values, moves it."""
    with connection.cursor() as cursor:
        found: list[tuple[str, str, str]] = []
        for table in TABLES:
            cursor.execute(f"SELECT %s, ctid::text, xmin::text FROM {table} ORDER BY ctid", [table])
            found += cursor.fetchall()
    return found


@pytest.mark.django_db
class TestLoading:
    def test_a_city_is_loaded(self, town: Path) -> None:
        assert run(town) == f"{town}: 34 new, 0 changed, 0 removed.\n"

        city = Jurisdiction.objects.get(code="riverbend")
        assert (city.name, city.time_zone, city.languages) == ("Town of Riverbend", "America/Denver", ["en", "fr"])
        assert city.working_days == [1, 2, 3, 4]
        assert (city.opens_at, city.closes_at) == (time(7), time(17, 30))
        assert (city.holidays_country, city.holidays_subdivision, city.reopen_days) == ("US", "CO", 30)
        assert (city.keep_events_days, city.keep_messages_days) == (None, 90)
        assert [day.isoformat() for day in city.closure_days] == ["2026-12-24", "2026-12-31"]
        assert city.boundary.kind == "jurisdiction"
        assert city.boundary.code == "riverbend"
        assert {(area.kind, area.code, area.name) for area in city.boundary.parts.all()} == {
            ("ward", "north", "North Ward"),
            ("ward", "south", "South Ward"),
        }

    def test_departments_have_units_and_one_desk(self, town: Path) -> None:
        load_city(town)
        yard = Department.objects.get(code="public-works-north")
        assert yard.parent is not None
        assert yard.parent.code == "public-works"
        desk = Department.objects.get(is_dispatch_desk=True)
        assert (desk.code, desk.email, desk.phone) == ("town-hall", "hall@riverbend.example", "+1 719 555 0100")

    def test_services_have_translations_attributes_and_places(self, town: Path) -> None:
        load_city(town)
        pothole = Service.objects.get(code="pothole")
        assert (pothole.photo, pothole.due_after, pothole.due_unit) == ("required", 10, "calendar_days")
        assert (pothole.first_response_after, pothole.first_response_unit) == (8, "working_hours")
        assert pothole.translations["fr"]["name"] == "Nid-de-poule"
        assert pothole.translations["fr"]["group"] == "Routes"
        surface = Attribute.objects.get(service=pothole)
        assert surface.values == [
            {"key": "paved", "name": "Asphalt or concrete"},
            {"key": "gravel", "name": "Gravel"},
        ]
        assert surface.translations == {
            "fr": {
                "description": "De quoi est faite la route ?",
                "values": {"paved": "Goudron ou béton", "gravel": "Gravier"},
            }
        }
        assert Service.objects.get(code="loose_dog").visibility == "private"
        assert Service.objects.get(code="other").due_after is None
        assert [row.area.code for row in ServiceArea.objects.filter(service__code="ditch_blocked")] == ["south"]

    def test_opening_hours_and_first_responses_come_and_go(self, town: Path) -> None:
        load_city(town)
        edit(town / "jurisdiction.yaml", 'opening_hours: {from: "07:00", to: "17:30"}\n', "")
        edit(town / "services.yaml", "    first_response: 8 working_hours\n", "")
        edit(town / "services.yaml", "due: 12 hours\n    first_response: 2 hours", "due: 9 working_hours")
        text = run(town)
        assert "    opens_at: 07:00:00 → 08:00:00\n    closes_at: 17:30:00 → 17:00:00\n" in text
        assert "~ service pothole\n    first_response_after: 8 → nothing\n" in text
        city = Jurisdiction.objects.get()
        assert (city.opens_at, city.closes_at) == (time(8), time(17))
        drift = Service.objects.get(code="snow_drift")
        assert (drift.due_after, drift.due_unit, drift.first_response_after) == (9, "working_hours", None)
        assert run(town) == f"{town}: nothing to change.\n"

    def test_a_service_asks_for_a_thing_and_a_rule_is_about_it(self, town: Path) -> None:
        rule = "  - services: [street_light]\n    asset_kind: street_light\n    department: parks\n"
        edit(town / "routing.yaml", "rules:\n", f"rules:\n{rule}")
        load_city(town)
        light, pothole = (Service.objects.get(code=code) for code in ("street_light", "pothole"))
        assert (light.asset, light.asset_kind) == ("optional", "street_light")
        assert (pothole.asset, pothole.asset_kind) == ("none", "")
        stored = RoutingRule.objects.get(service=light)
        assert stored.asset_kind == "street_light"
        stored.full_clean()
        edit(town / "services.yaml", "{kind: street_light}", "{kind: street_light, required: true}")
        assert "~ service street_light\n" in run(town)
        light.refresh_from_db()
        assert light.asset == "required"
        assert run(town) == f"{town}: nothing to change.\n"

    def test_who_is_told_when_time_runs_out(self, town: Path) -> None:
        load_city(town)
        steps = EscalationStep.objects.values_list("jurisdiction__code", "percent", "tells").order_by("percent", "pk")
        told = [(80, "lead"), (100, "manager"), (100, "director")]
        assert list(steps) == [("riverbend", *step) for step in told]
        version = Jurisdiction.objects.get().catalogue_version
        edit(town / "jurisdiction.yaml", "{percent: 100, tells: director}", "{percent: 150, tells: director}")
        text = run(town, "-v", "2")
        assert "- escalation step 100 % → director (deleted)\n" in text
        assert "+ escalation step 150 % → director\n" in text
        assert text.endswith("1 new, 0 changed, 1 removed.\n")
        assert Jurisdiction.objects.get().catalogue_version > version
        assert EscalationStep.objects.count() == 3
        assert run(town) == f"{town}: nothing to change.\n"

    def test_reasons_for_a_rejection_come_change_and_go(self, town: Path) -> None:
        load_city(town)
        reason = RejectionReason.objects.get(code="county_road")
        reason.full_clean()
        assert (reason.text, reason.translations) == (
            "This road belongs to the county.",
            {"fr": "Cette route appartient au comté."},
        )
        assert (reason.names_responsible, reason.responsible) == (True, "Riverbend County Roads")
        assert (reason.contact, reason.link, reason.active) == ("+1 719 555 0199", "", True)

        file = town / "jurisdiction.yaml"
        edit(file, "  - code: unclear", "  - code: not_clear")
        edit(file, "appartient au comté", "est au comté")
        edit(file, '    contact: "+1 719 555 0199"\n', "    link: https://roads.example/\n")
        text = run(town, "-v", "2")
        assert "- rejection reason unclear (no longer given)\n" in text
        assert "+ rejection reason not_clear\n" in text
        assert (
            "~ rejection reason county_road\n"
            "    translations.fr: 'Cette route appartient au comté.' → 'Cette route est au comté.'\n"
            "    contact: '+1 719 555 0199' → nothing\n"
            "    link: nothing → 'https://roads.example/'\n"
        ) in text
        assert not RejectionReason.objects.get(code="unclear").active
        assert run(town) == f"{town}: nothing to change.\n"
        edit(file, "  - code: not_clear", "  - code: unclear")
        assert "~ rejection reason unclear\n    active: False → True\n" in run(town)

    def test_teams_keep_their_people(self, town: Path) -> None:
        load_city(town)
        assert set(Team.objects.values_list("department__code", "code", "name")) == {
            ("public-works-south", "gravel", "Gravel Crew"),
            ("parks", "trails", "Trail Crew"),
        }
        gravel, somebody = Team.objects.get(code="gravel"), person("somebody@example.org")
        gravel.members.add(somebody)
        gravel.lead = somebody
        gravel.save()
        assert run(town) == f"{town}: nothing to change.\n"

        edit(town / "departments.yaml", "name: Gravel Crew", "name: Grader Crew")
        edit(town / "departments.yaml", ", teams: [{code: trails, name: Trail Crew}]", "")
        text = run(town)
        assert "~ team public-works-south.gravel\n    name: 'Gravel Crew' → 'Grader Crew'\n" in text
        assert "- team parks.trails (no longer active)\n" in text
        assert not Team.objects.get(code="trails").active
        gravel.refresh_from_db()
        assert (gravel.name, gravel.lead, list(gravel.members.all())) == ("Grader Crew", somebody, [somebody])
        assert run(town) == f"{town}: nothing to change.\n"

    def test_the_teams_of_a_department_that_goes_go_with_it(self, town: Path) -> None:
        load_city(town)
        edit(town / "departments.yaml", "parks, name: Riverbend Parks, teams", "parkland, name: Parkland, teams")
        edit(town / "routing.yaml", "department: parks", "department: parkland")
        text = run(town, "-v", "2")
        assert "- team parks.trails (no longer active)\n" in text
        assert "+ team parkland.trails 'Trail Crew'\n" in text
        assert Team.objects.get(active=True, code="trails").department.code == "parkland"

    def test_how_a_service_is_worked_on(self, town: Path) -> None:
        load_city(town)
        pothole, bear, dog = (Service.objects.get(code=code) for code in ("pothole", "bear_sighting", "loose_dog"))
        assert (pothole.resolutions, pothole.completion_photo) == (["fixed", "temporary_repair", "nothing_found"], True)
        assert (pothole.priority, bear.priority) == (Priority.NORMAL, Priority.URGENT)
        assert (dog.priority, dog.resolutions, dog.completion_photo) == (Priority.NORMAL, [], False)

        edit(town / "services.yaml", "    resolutions: [fixed, temporary_repair, nothing_found]\n", "")
        edit(town / "services.yaml", "    completion_photo: true\n", "    priority: high\n")
        assert (
            "~ service pothole\n"
            "    priority: 'normal' → 'high'\n"
            "    resolutions: ['fixed', 'temporary_repair', 'nothing_found'] → []\n"
            "    completion_photo: True → False\n"
        ) in run(town)
        pothole.refresh_from_db()
        assert (pothole.priority, pothole.resolutions, pothole.completion_photo) == (Priority.HIGH, [], False)
        assert run(town) == f"{town}: nothing to change.\n"

    def test_every_stored_rule_is_clean(self, town: Path) -> None:
        """The files' own check and the model's agree."""
        load_city(town)
        assert RoutingRule.objects.count() == 5
        for rule in RoutingRule.objects.all():
            rule.full_clean()

    def test_a_second_run_touches_no_row(self, town: Path) -> None:
        run(town)
        before = row_versions()
        assert run(town) == f"{town}: nothing to change.\n"
        assert row_versions() == before

    def test_polygons_in_another_coordinate_system_become_wgs84(self, town: Path) -> None:
        """A square of 1 km in UTM zone 13 north, whose middle (500 km, 4,303 km) is at 105° west."""
        box = "[[[499500,4302500],[500500,4302500],[500500,4303500],[499500,4303500],[499500,4302500]]]"
        crs = '{"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32613"}}'
        (town / "boundary.geojson").write_text(
            f'{{"type": "FeatureCollection", "crs": {crs}, "features": [{{"type": "Feature", "properties": {{}},'
            f' "geometry": {{"type": "Polygon", "coordinates": {box}}}}}]}}'
        )
        load_city(town)
        boundary = Area.objects.get(parent=None)
        assert boundary.boundary.contains(Point(-105.0, 38.874, srid=4326))
        assert boundary.square_metres == pytest.approx(1_000_000, rel=0.002)


@pytest.mark.django_db
class TestDifference:
    def test_a_dry_run_says_what_a_run_does_and_writes_nothing(self, town: Path) -> None:
        promised = run(town, "--dry-run")
        assert not Area.objects.exists()
        assert not Jurisdiction.objects.exists()
        assert "+ jurisdiction riverbend 'Town of Riverbend'\n" in promised
        assert "+ rule Roads in North Ward → Public Works – North Yard\n" in promised
        assert promised.endswith("34 new, 0 changed, 0 removed; nothing was written (dry run).\n")

        done = run(town, "-v", "2")
        assert done.splitlines()[:-1] == promised.splitlines()[:-1]

    def test_a_dry_run_over_a_loaded_city_changes_no_row(self, town: Path) -> None:
        run(town)
        edit(town / "services.yaml", "name: Hole in the road", "name: Pothole")
        before = row_versions()
        assert "~ service pothole\n    name: 'Hole in the road' → 'Pothole'\n" in run(town, "--dry-run")
        assert Service.objects.get(code="pothole").name == "Hole in the road"
        assert len(row_versions()) == len(before)

    def test_changed_fields_are_named_with_old_and_new(self, town: Path) -> None:
        run(town)
        version = Jurisdiction.objects.get().catalogue_version
        edit(town / "jurisdiction.yaml", "reopen_days: 30", "reopen_days: 21")
        edit(town / "departments.yaml", "Town Marshal", "Sheriff")
        edit(town / "services.yaml", "fr: {name: Congère sur une route}", "fr: {name: Congère}")
        edit(town / "services.yaml", "due: 12 hours", "due: 1 working_day")
        edit(town / "routing.yaml", "department: marshal", "department: parks")
        text = run(town)
        assert "~ jurisdiction riverbend\n    reopen_days: 30 → 21\n" in text
        assert "~ department marshal\n    name: 'Town Marshal' → 'Sheriff'\n" in text
        assert "    translations.fr.name: 'Congère sur une route' → 'Congère'\n" in text
        assert "    due_after: 12 → 1\n    due_unit: 'hours' → 'working_days'\n" in text
        assert "~ rule Animals\n    department: marshal → parks\n" in text
        assert text.endswith("0 new, 4 changed, 0 removed.\n")
        assert Jurisdiction.objects.get().catalogue_version > version

    def test_what_the_files_no_longer_name_goes_out_of_use(self, town: Path) -> None:
        run(town)
        services = (town / "services.yaml").read_text(encoding="utf-8")
        start, end = services.index("  - code: snow_drift"), services.index("  - code: ditch_blocked")
        services = services[:start] + services[end:]
        start, end = services.index("    attributes:\n      - code: length_metres"), services.index("  - code: bear")
        (town / "services.yaml").write_text(services[:start] + services[end:], encoding="utf-8")
        edit(town / "departments.yaml", "  - {code: marshal, name: Town Marshal}\n", "")
        edit(town / "routing.yaml", "  - groups: [Animals]\n    department: marshal\n", "")
        text = run(town)
        assert "- service snow_drift (no longer offered)\n" in text
        assert "- attribute trail_damage.length_metres (deleted)\n" in text
        assert "- department marshal (no longer active)\n" in text
        assert "- rule Animals → Town Marshal (deleted)\n" in text
        assert text.endswith("0 new, 0 changed, 4 removed.\n")
        assert not Service.objects.get(code="snow_drift").active
        assert not Department.objects.get(code="marshal").active
        assert run(town) == f"{town}: nothing to change.\n"

        shutil.copytree(SAMPLES / "riverbend", town, dirs_exist_ok=True)
        assert "~ department marshal\n    active: False → True\n" in run(town)
        assert Service.objects.get(code="snow_drift").active

    def test_areas_are_deleted_redrawn_and_renamed(self, town: Path) -> None:
        run(town)
        version = Jurisdiction.objects.get().catalogue_version
        edit(town / "routing.yaml", "departments: {north: public-works-north, south: ", "departments: {south: ")
        wards = (town / "wards.geojson").read_text().splitlines()
        (town / "wards.geojson").write_text("\n".join([wards[0], *wards[2:]]).replace("South Ward", "The Ward"))
        text = run(town)
        assert "~ ward south\n    name: 'South Ward' → 'The Ward'\n" in text
        assert "- ward north (deleted)\n" in text
        assert Jurisdiction.objects.get().catalogue_version > version

        edit(town / "wards.geojson", "[-105.92, 38.805]", "[-105.92, 38.806]")
        pieces = Area.objects.get(code="south").pieces.first()
        assert "~ ward south\n    boundary: redrawn" in run(town)
        assert Area.objects.get(code="south").pieces.first() != pieces

    def test_the_dispatch_desk_can_move(self, town: Path) -> None:
        run(town)
        edit(town / "departments.yaml", ", dispatch_desk: true", "")
        edit(town / "departments.yaml", "{code: parks, name", "{code: parks, dispatch_desk: true, name")
        run(town)
        assert Department.objects.get(is_dispatch_desk=True).code == "parks"
        edit(town / "departments.yaml", "dispatch_desk: true, ", "")
        edit(
            town / "departments.yaml",
            "  - {code: town-hall",
            "  - {code: new-desk, name: New, dispatch_desk: true}\n  - {code: town-hall",
        )
        run(town)
        assert Department.objects.get(is_dispatch_desk=True).code == "new-desk"

    def test_questions_can_change_their_order(self, town: Path) -> None:
        edit(
            town / "services.yaml",
            "      - code: surface\n",
            "      - {code: size, datatype: string, description: Size}\n      - code: surface\n",
        )
        run(town)
        edit(town / "services.yaml", "      - {code: size, datatype: string, description: Size}\n", "")
        edit(
            town / "services.yaml",
            "  - code: snow_drift",
            "      - {code: size, datatype: string, description: Size}\n\n  - code: snow_drift",
        )
        run(town)
        codes = Attribute.objects.filter(service__code="pothole").order_by("order").values_list("code", flat=True)
        assert list(codes) == ["surface", "size"]


@pytest.mark.django_db
class TestRefusal:
    def test_a_broken_city_writes_nothing_and_says_everything(self, town: Path) -> None:
        run(town)
        before = row_versions()
        edit(town / "departments.yaml", "Town Marshal", "Sheriff")
        edit(town / "services.yaml", "group: Outdoors", "group: Outdors")
        edit(town / "routing.yaml", "department: parks", "department: park")
        with pytest.raises(CommandError) as refused:
            run(town)
        assert refused.value.returncode == 1
        text = str(refused.value)
        assert f"{town}/services.yaml:41: no group 'Outdors'; did you mean 'Outdoors'?" in text
        assert f"{town}/routing.yaml:10: no department 'park'; did you mean 'parks'?" in text
        assert text.endswith(f"{town} is refused: 2 problems; nothing was written.")
        assert row_versions() == before

    def test_a_parent_must_be_loaded_and_not_lie_within(self, town: Path, tmp_path: Path) -> None:
        edit(town / "jurisdiction.yaml", "code: riverbend\n", "code: riverbend\nparent: county\n")
        with pytest.raises(BrokenCity, match=r"jurisdiction.yaml:4: no jurisdiction 'county' is loaded"):
            load_city(town)
        assert not Area.objects.exists()

        county = Path(shutil.copytree(SAMPLES / "riverbend", tmp_path / "county"))
        edit(county / "jurisdiction.yaml", "code: riverbend", "code: county")
        load_city(county)
        load_city(town)
        parent = Jurisdiction.objects.get(code="riverbend").parent
        assert parent is not None
        assert parent.code == "county"

        edit(county / "jurisdiction.yaml", "code: county\n", "code: county\nparent: riverbend\n")
        with pytest.raises(BrokenCity, match="'riverbend' lies within this one"):
            load_city(county)

    def test_ctrl_c_leaves_nothing_half_done(self, town: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(*args: object) -> None:
            assert Service.objects.exists()
            raise KeyboardInterrupt

        monkeypatch.setattr(loading, "store_rules", interrupted)
        with pytest.raises(CommandError, match="Interrupted; nothing was written") as stopped:
            run(town)
        assert stopped.value.returncode == 130
        assert not Area.objects.exists()

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="no such folder"):
            run(tmp_path / "nowhere")


@pytest.mark.django_db(transaction=True)
def test_two_loadings_of_one_city_take_turns(town: Path) -> None:
    barrier = threading.Barrier(2)

    def load() -> int:
        barrier.wait()
        try:
            return len(load_city(town).changes)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        counts = sorted(future.result() for future in [pool.submit(load), pool.submit(load)])
    assert counts == [0, 34]
