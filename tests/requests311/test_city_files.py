"""Every way in which a city's files can be wrong is found, all at once, with file, line and reason."""

import shutil
from pathlib import Path

import pytest

from requests311.city.problems import BrokenCity
from requests311.city.reading import read_city
from tests.factories.cities import SAMPLES


@pytest.fixture
def town(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES / "riverbend", tmp_path / "town"))


def problems(folder: Path) -> list[str]:
    """'file:line: reason' with the folder's name cut off."""
    with pytest.raises(BrokenCity) as refused:
        read_city(folder)
    return [str(problem).removeprefix(f"{folder}/") for problem in refused.value.problems]


JURISDICTION = "jurisdiction.yaml"
DEPARTMENTS = "departments.yaml"
SERVICES = "services.yaml"
ROUTING = "routing.yaml"

#: file, what is replaced, by what (its line that holds "<<" marks the expected line), the reason
CASES: dict[str, tuple[str, str, str, str]] = {
    "unknown key": (JURISDICTION, "reopen_days: 30", "reopen: 30  # <<", "unknown key 'reopen'"),
    "missing key": (JURISDICTION, "name: Town of Riverbend\n", "", "3: the key 'name' is missing"),
    "time zone": (
        JURISDICTION,
        "America/Denver",
        "America/Riverbend  # <<",
        "'America/Riverbend' is not an IANA time zone.",
    ),
    "language": (JURISDICTION, "[en, fr]", "[en, fr, french]  # <<", "'french' is not a BCP 47 language tag"),
    "language twice": (JURISDICTION, "[en, fr]", "[en, fr, en]  # <<", "en is in the list twice"),
    "country": (JURISDICTION, "country: US", "country: ZZ", "no public holidays are known for country 'ZZ'"),
    "country by three letters": (JURISDICTION, "country: US", "country: USA", "country 'USA' (ISO 3166-1"),
    "subdivision": (JURISDICTION, "subdivision: CO", "subdivision: QQ", "subdivision 'QQ' of US (ISO 3166-2)"),
    "weekday": (JURISDICTION, "thursday]", "thirstday]  # <<", "'thirstday' is not a weekday"),
    "time of day": (JURISDICTION, '"07:00"', "7am  # <<\n ", "'7am' is not a time of day such as '08:00'"),
    "a day too long": (JURISDICTION, 'to: "17:30"}', 'to: "24:00"}  # <<', "'24:00' is not a time of day"),
    "closed before it opens": (JURISDICTION, '"17:30"}', '"07:00"}  # <<', "'from' must be before 'to'"),
    "hours without an end": (JURISDICTION, ', to: "17:30"}', "}  # <<", "the key 'to' is missing"),
    "date": (JURISDICTION, "2026-12-31]", "tomorrow]  # <<", "1: Input should be a valid date"),
    "impossible date": (JURISDICTION, "2026-12-31", "2026-02-31", "holds a value that cannot be read: day is out"),
    "code": (JURISDICTION, "code: riverbend", "code: river bend  # <<", "'river bend' is not a code"),
    "no boundary": (JURISDICTION, "{file: boundary.geojson}", "{}  # <<", "needs one of 'union_of', 'file'"),
    "absent file": (JURISDICTION, "boundary.geojson}", "b.geojson}  # <<", "b.geojson: no such file"),
    "absent package": (
        JURISDICTION,
        "file: boundary.geojson}",
        "package: no_such_package, resource: a.geojson}  # <<",
        "the Python package 'no_such_package' is not installed",
    ),
    "absent resource": (
        JURISDICTION,
        "file: boundary.geojson}",
        "package: holidays, resource: ../../x}  # <<",
        "the Python package 'holidays' has no file '../../x'",
    ),
    "no polygons": (JURISDICTION, "boundary.geojson}", "services.yaml}  # <<", "services.yaml: "),
    "union of nothing": (JURISDICTION, "{file: boundary.geojson}", "{union_of: borough}  # <<", "of kind 'borough'"),
    "absent field": (JURISDICTION, "name_field: name", "name_field: title", "has no field 'title'"),
    "reserved kind": (JURISDICTION, "kind: ward", "kind: jurisdiction", "is the boundary itself"),
    "a step of nothing": (JURISDICTION, "percent: 80", "percent: 0", "percent: Input should be greater than or equal"),
    "a step too far": (
        JURISDICTION,
        "percent: 80",
        "percent: 1001",
        "percent: Input should be less than or equal to 1",
    ),
    "a step that tells nobody": (
        JURISDICTION,
        "tells: lead",
        "tells: mayor",
        "tells: Input should be 'lead', 'manager'",
    ),
    "step without a word": (JURISDICTION, ", tells: lead}", "}", "the key 'tells' is missing"),
    "step twice": (JURISDICTION, "tells: director", "tells: manager", "is in the list twice"),
    "unknown key of a step": (JURISDICTION, "tells: lead", "tells: lead, after: 2", "unknown key 'after'"),
    "reason twice": (
        JURISDICTION,
        "code: unclear",
        "code: county_road  # <<",
        "the rejection reason 'county_road' stands in line",
    ),
    "reason without a text": (
        JURISDICTION,
        "    text: We could not find out what is meant.\n",
        "",
        "'text' is missing",
    ),
    "reason too long": (JURISDICTION, "We could not", "x" * 501, "text: String should have at most 500 characters"),
    "reason's code": (JURISDICTION, "code: unclear", "code: not clear  # <<", "'not clear' is not a code"),
    "reason's language": (
        JURISDICTION,
        "{fr: Nous",
        "{es: Nous",
        "no other language of the jurisdiction 'es'",
    ),
    "responsible and not named": (
        JURISDICTION,
        "    names_responsible: true\n",
        "",
        "stands only with 'names_responsible: true'",
    ),
    "responsible and not reached": (
        JURISDICTION,
        '    contact: "+1 719 555 0199"\n',
        "",
        "needs 'responsible' together with 'contact' or 'link'",
    ),
    "reached and not named": (JURISDICTION, "    responsible: Riverbend County Roads\n", "", "or none of them"),
    "link": (
        JURISDICTION,
        '    contact: "+1 719 555 0199"',
        "    link: roads.example  # <<",
        "'roads.example' is not a web address",
    ),
    "team twice": (
        DEPARTMENTS,
        "[{code: gravel, name: Gravel Crew}]",
        "[{code: gravel, name: Gravel Crew}, {code: gravel, name: Other}]  # <<",
        "the team of public-works-south 'gravel' stands in line",
    ),
    "people of a team": (DEPARTMENTS, "Gravel Crew}", "Gravel Crew, lead: me@example.org}", "unknown key 'lead'"),
    "team without a name": (
        DEPARTMENTS,
        "{code: gravel, name: Gravel Crew}",
        "{code: gravel}",
        "'name' is missing",
    ),
    "priority": (
        SERVICES,
        "priority: urgent",
        "priority: soon  # <<",
        "'soon' is not a priority: urgent, high, normal",
    ),
    "priority as a number": (SERVICES, "priority: urgent", "priority: 1  # <<", "1 is not a priority: urgent, high"),
    "resolution": (
        SERVICES,
        "resolutions: [fixed, temporary_repair, nothing_found]",
        "resolutions: [mended]  # <<",
        "Input should be 'fixed', 'temporary_repair'",
    ),
    "resolution twice": (SERVICES, "[fixed, temporary_repair,", "[fixed, fixed,", "fixed is in the list twice"),
    "completion photo": (
        SERVICES,
        "completion_photo: true",
        "completion_photo: maybe  # <<",
        "completion_photo: Input",
    ),
    "no desk": (DEPARTMENTS, ", dispatch_desk: true", "", "1: no department is the dispatch desk"),
    "two desks": (
        DEPARTMENTS,
        "name: Riverbend Parks,",
        "name: Riverbend Parks, dispatch_desk: true,  # <<\n   ",
        "there is one dispatch desk already, in line 2",
    ),
    "department twice": (
        DEPARTMENTS,
        "code: public-works-south",
        "code: public-works",
        "the department 'public-works' stands in line 3 already",
    ),
    "units of a unit": (DEPARTMENTS, "North Yard}", "North Yard, units: []}  # <<", "unknown key 'units'"),
    "e-mail": (DEPARTMENTS, "hall@riverbend.example", "hall", "'hall' is not an e-mail address"),
    "name too long": (DEPARTMENTS, "Town Marshal", "x" * 201, "name: String should have at most 200 characters"),
    "service twice": (SERVICES, "code: other", "code: pothole  # <<", "the service 'pothole' stands in line"),
    "group": (SERVICES, "group: Animals", "group: Beasts  # <<", "no group 'Beasts'"),
    "due": (SERVICES, "due: 12 hours", "due: soon  # <<", "'soon' is not a time such as '3 working_days'"),
    "first response": (SERVICES, "response: 2 hours", "response: 2 workhours  # <<", "'24 hours' or '4 working_hours'"),
    "photo policy": (SERVICES, "photo: none", "photo: maybe  # <<", "photo: Input should be 'none', 'optional'"),
    "datatype": (SERVICES, "datatype: number", "datatype: integer  # <<", "datatype: Input should be 'string'"),
    "list without values": (SERVICES, "datatype: text", "datatype: singlevaluelist", "needs 'values'"),
    "values without a list": (
        SERVICES,
        "datatype: singlevaluelist",
        "datatype: string",
        "the datatype string has no 'values'",
    ),
    "translated value": (SERVICES, "gravel: Gravier}", "sand: Sable}", "no value 'sand'"),
    "translation's language": (
        SERVICES,
        "fr: {name: Congère sur une route}",
        "es: {name: Nieve}  # <<",
        "no other language of the jurisdiction 'es'",
    ),
    "area of a service": (SERVICES, "code: south}", "code: sotuh}", "no ward 'sotuh'; did you mean 'south'?"),
    "kind of area": (SERVICES, "kind: ward", "kind: parish", "no kind of area 'parish'"),
    "dependency": (
        SERVICES,
        "      - code: length_metres",
        "      - {code: a, datatype: string, description: A, depends_on: {attribute: b, value: c}}  # <<\n"
        "      - code: length_metres",
        "no earlier attribute 'b'",
    ),
    "dependency's value": (
        SERVICES,
        "  - code: snow_drift",
        "      - {code: a, datatype: string, description: A, depends_on: {attribute: surface, value: ice}}  # <<\n"
        "  - code: snow_drift",
        "no value of surface 'ice'",
    ),
    "rule's department": (ROUTING, "department: parks", "department: park  # <<", "no department 'park'"),
    "rule's department by area": (
        ROUTING,
        "north: public-works-north",
        "north: public-works-nort",
        "did you mean 'public-works-north'?",
    ),
    "rule's area": (ROUTING, "{north:", "{nort:", "no ward 'nort'; did you mean 'north'?"),
    "rule's kind of area": (ROUTING, "by: ward", "by: borough", "no kind of area 'borough'"),
    "rule's service": (ROUTING, "[pothole]", "[potholes]  # <<", "no service 'potholes'"),
    "rule's group": (ROUTING, "[Outdoors]", "[Indoors]  # <<", "no group 'Indoors'"),
    "rule's attribute": (ROUTING, "attribute: surface", "attribute: size", "no attribute of pothole 'size'"),
    "rule's value": (ROUTING, "value: gravel", "value: sand", "no value of surface of pothole 'sand'"),
    "rule about nothing": (ROUTING, "  - groups: [Animals]\n    department", "  - department", "exactly one of"),
    "rule for nobody": (ROUTING, "\n    department: parks", "", "needs either 'department'"),
    "asset without a kind": (SERVICES, "{kind: street_light}", "{required: true}", "the key 'kind' is missing"),
    "asset kind": (SERVICES, "{kind: street_light}", "{kind: street light}  # <<", "'street light' is not a code"),
    "rule's asset kind": (
        ROUTING,
        "  - groups: [Animals]\n",
        "  - groups: [Animals]\n    asset_kind: street_lamp  # <<\n",
        "no asset kind of a service 'street_lamp'",
    ),
    "asset kind of another service": (
        ROUTING,
        "  - groups: [Animals]\n",
        "  - services: [loose_dog]\n    asset_kind: street_light  # <<\n",
        "no asset kind of loose_dog 'street_light'",
    ),
    "tie of things": (
        ROUTING,
        "  - groups: [Animals]",
        "  - groups: [Outdoors]\n    asset_kind: street_light\n    department: marshal\n"
        "  - groups: [Outdoors]  # <<\n    asset_kind: street_light\n    department: parks\n  - groups: [Animals]",
        "Outdoors about a street_light and Outdoors about a street_light both fit the same report",
    ),
    "answer of a group": (
        ROUTING,
        "    department: parks",
        "    when: {attribute: a, value: b}\n    department: parks",
        "so it needs 'services'",
    ),
    "dates": (
        ROUTING,
        "    department: parks",
        "    valid_from: 2026-02-02\n    valid_to: 2026-02-01\n    department: parks",
        "'valid_to' is before 'valid_from'",
    ),
    "tie": (
        ROUTING,
        "  - groups: [Animals]",
        "  - groups: [Outdoors]  # <<\n    department: marshal\n  - groups: [Animals]",
        "ties with line 9: Outdoors and Outdoors both fit the same report",
    ),
    "not YAML": (ROUTING, "[Animals]", "[Animals", "is not YAML: "),
    "too short a period": (JURISDICTION, "keep_messages_days: 90", "keep_messages_days: 7  # <<", "30"),
    "no period": (JURISDICTION, "keep_events_days: null", "keep_events_days: ever  # <<", "keep_events_days"),
    "key twice": (JURISDICTION, "reopen_days: 30", "reopen_days: 30\nreopen_days: 31  # <<", "is not YAML: found dup"),
    "empty": (ROUTING, "rules:", "#", "1: must be a mapping"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_fault_is_found_with_file_line_and_reason(town: Path, case: tuple[str, str, str, str]) -> None:
    name, old, new, reason = case
    text = (town / name).read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    if name == ROUTING and new == "#":
        text = ""
    (town / name).write_text(text, encoding="utf-8")
    marked = [number for number, line in enumerate(text.splitlines(), start=1) if "<<" in line]
    found = problems(town)
    where = f"{name}:{marked[0]}: " if marked else f"{name}:"
    assert any(problem.startswith(where) and reason in problem for problem in found), found


def test_all_problems_of_all_files_are_found_in_one_go(town: Path) -> None:
    for name, old, new in (
        (JURISDICTION, "America/Denver", "Denver"),
        (JURISDICTION, "reopen_days: 30", "reopen_days: 300000"),
        (DEPARTMENTS, "code: marshal", "code: parks"),
        (SERVICES, "due: 12 hours", "due: 12"),
        (SERVICES, "photo: none", "photo: 7"),
        (ROUTING, "department: marshal", "department: sheriff"),
    ):
        text = (town / name).read_text(encoding="utf-8")
        (town / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = [problem.split(":")[0] for problem in problems(town)]
    assert found == [DEPARTMENTS, JURISDICTION, JURISDICTION, ROUTING, SERVICES, SERVICES], problems(town)


def test_a_missing_and_a_misspelt_file(town: Path) -> None:
    (town / SERVICES).rename(town / "service.yml")
    assert problems(town) == [
        "service.yml:1: is not one of jurisdiction.yaml, departments.yaml, services.yaml, routing.yaml",
        "services.yaml:1: is missing",
    ]


def test_a_file_that_is_not_utf_8(town: Path) -> None:
    (town / DEPARTMENTS).write_bytes("# Straße".encode("latin-1"))
    assert problems(town)[0].startswith("departments.yaml:1: is not UTF-8: ")


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        ('{"type": "Point", "coordinates": [-106, 38.8]}', "feature 3: a Point without an area is not a boundary"),
        ("null", "feature 3: has no geometry"),
        (
            '{"type": "Polygon", "coordinates": [[[500000, 4300000], [500001, 4300000], [500001, 4300001],'
            " [500000, 4300000]]]}",
            "feature 3: coordinates are not WGS 84 degrees",
        ),
    ],
)
def test_a_broken_shape_names_the_feature(town: Path, feature: str, reason: str) -> None:
    wards = (town / "wards.geojson").read_text().rstrip().removesuffix("]}")
    third = f',{{"type": "Feature", "properties": {{"ward": "3", "name": "Third"}}, "geometry": {feature}}}]}}'
    (town / "wards.geojson").write_text(wards + third)
    [problem] = problems(town)
    assert problem.startswith("jurisdiction.yaml:16: wards.geojson, ")
    assert reason in problem


def test_two_areas_of_one_code(town: Path) -> None:
    text = (town / "wards.geojson").read_text().replace('"ward": "south"', '"ward": "north"')
    (town / "wards.geojson").write_text(text)
    assert problems(town) == ["jurisdiction.yaml:16: wards.geojson: the ward 'north' is there twice"]


def test_two_answers_to_a_list_of_many_tie(town: Path) -> None:
    """A resident may tick both, and then neither rule is more specific."""
    services = (town / SERVICES).read_text(encoding="utf-8")
    (town / SERVICES).write_text(services.replace("singlevaluelist", "multivaluelist", 1), encoding="utf-8")
    with (town / ROUTING).open("a", encoding="utf-8") as file:
        file.write("  - {services: [pothole], when: {attribute: surface, value: paved}, department: parks}\n")
    [problem] = problems(town)
    assert problem.startswith("routing.yaml:13: ties with line 6: ")


def test_a_higher_rank_or_other_dates_break_a_tie(town: Path) -> None:
    with (town / ROUTING).open("a", encoding="utf-8") as file:
        file.write("  - {groups: [Outdoors], department: marshal, rank: 1, valid_to: 2026-12-31}\n")
        file.write("  - {groups: [Outdoors], department: town-hall, rank: 1, valid_from: 2027-01-01}\n")
        file.write("  - {every_service: true, area: {kind: jurisdiction, code: riverbend}, department: town-hall}\n")
    assert len(read_city(town).rules) == 8


def test_codes_may_be_written_as_numbers(town: Path) -> None:
    (town / "wards.geojson").write_text(
        (town / "wards.geojson")
        .read_text()
        .replace('"ward": "north"', '"ward": 1')
        .replace('"ward": "south"', '"ward": 2')
    )
    for name, old, new in (
        (ROUTING, "{north: public-works-north, south:", "{1: public-works-north, 2:"),
        (SERVICES, "code: south}", "code: 2}"),
    ):
        text = (town / name).read_text(encoding="utf-8")
        (town / name).write_text(text.replace(old, new), encoding="utf-8")
    assert [area.code for area in read_city(town).areas] == ["riverbend", "1", "2"]
