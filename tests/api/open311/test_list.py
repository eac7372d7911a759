"""GET requests: what is listed, in which order, and with which fields."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from requests311.models import Jurisdiction, ServiceRequest
from requests311.statuses import OPEN, Status
from tests.api.open311.making import ago, changed, in_status, reported, rows, said, times, w3c
from tests.api.open311.reading import REQUEST_FIELDS, W3C, Speaker, refused
from tests.factories.cities import SmallCity, small_city
from tests.requests311.reporting import at, photo, request_row

pytestmark = pytest.mark.django_db

CLOSED = [status for status in Status if status not in OPEN]


def entry_of(speak: Speaker, request: ServiceRequest, **query: str) -> dict[str, Any]:
    (entry,) = speak.get("requests", {"service_request_id": request.number, **query}).content
    found: dict[str, Any] = entry
    return found


# --- Fields ------------------------------------------------------------------------------------------


def test_every_field(speak: Speaker, city: SmallCity) -> None:
    due = ago(days=-1)
    request = reported(
        city,
        at=ago(days=2),
        description='Deep & "wide" <hole>\nby the wall – größer',
        address="12 Main Street",
        areas=[
            {"kind": "ward", "code": "west", "name": "West Ward"},
            {"kind": "zipcode", "code": "01234", "name": "01234"},
        ],
        due_at=due,
        updated_at=ago(days=1),
    )
    said(request, "A crew is on its way.")
    answer = speak.get("requests")
    assert answer.status == 200
    assert answer.root in {"", "service_requests"}
    (entry,) = answer.content
    latitude, longitude = city.point_in("west")
    assert entry == {
        "service_request_id": request.number,
        "status": "open",
        "status_notes": "A crew is on its way.",
        "service_name": "Pothole",
        "service_code": "pothole",
        "description": 'Deep & "wide" <hole>\nby the wall – größer',
        "agency_responsible": "Roads – West Yard",
        "service_notice": entry["service_notice"],
        "requested_datetime": request.submitted_at.isoformat(),
        "updated_datetime": request.updated_at.isoformat(),
        "expected_datetime": due.isoformat(),
        "address": "12 Main Street",
        "address_id": None,
        "zipcode": "01234",
        "lat": latitude,
        "long": longitude,
        "media_url": None,
    }
    assert set(entry) == REQUEST_FIELDS


def test_what_is_not_known_is_null(speak: Speaker, city: SmallCity) -> None:
    entry = entry_of(speak, reported(city))
    for name in ("status_notes", "description", "expected_datetime", "address", "address_id", "zipcode", "media_url"):
        assert entry[name] is None, name


def test_ids_codes_and_zipcodes_are_strings_and_coordinates_numbers(city: SmallCity) -> None:
    from django.test import Client

    zipcode = [{"kind": "zipcode", "code": "66002", "name": "66002"}]
    reported(city, areas=zipcode, location=at((40.0, -99.0)))
    (entry,) = Client().get("/open311/v2/requests.json").json()
    for name in ("service_request_id", "service_code", "zipcode"):
        assert isinstance(entry[name], str), name
    for name in ("lat", "long"):
        assert isinstance(entry[name], int | float), name
        assert not isinstance(entry[name], bool)


def test_times_have_a_zone_and_no_fractions(speak: Speaker, city: SmallCity) -> None:
    moment = timezone.now().replace(microsecond=123456) - timedelta(hours=1)
    entry = entry_of(speak, reported(city, at=moment, due_at=moment))
    for name in ("requested_datetime", "updated_datetime", "expected_datetime"):
        assert W3C.fullmatch(entry[name]), entry[name]


@pytest.mark.parametrize("status", Status.values)
def test_a_status_is_open_or_closed(speak: Speaker, city: SmallCity, status: str) -> None:
    request = in_status(city, status)
    meant = "open" if status in OPEN else "closed"
    assert entry_of(speak, request)["status"] == meant
    assert (speak.ids({"status": "open"}), speak.ids({"status": "closed"})) == (
        ([request.number], []) if meant == "open" else ([], [request.number])
    )


def test_a_closed_one_was_updated_when_it_was_closed(speak: Speaker, city: SmallCity) -> None:
    resolved = in_status(city, "resolved", at=ago(days=3), updated_at=ago(days=1))
    closed = in_status(city, "closed", at=ago(days=2), resolved_at=ago(days=5), updated_at=ago(days=1))
    rejected = in_status(city, "rejected", at=ago(days=4), updated_at=ago(days=1))
    assert resolved.resolved_at is not None
    assert closed.resolved_at is not None
    assert rejected.closed_at is not None
    assert entry_of(speak, resolved)["updated_datetime"] == resolved.resolved_at.isoformat()
    # Resolved first, closed later: for the standard the former is the end.
    assert entry_of(speak, closed)["updated_datetime"] == closed.resolved_at.isoformat()
    assert entry_of(speak, rejected)["updated_datetime"] == rejected.closed_at.isoformat()


def test_an_open_one_was_updated_when_it_changed(speak: Speaker, city: SmallCity) -> None:
    # Reopened: it was resolved once, and is not closed now.
    request = reported(city, at=ago(days=9), status="acknowledged", updated_at=ago(days=1))
    assert entry_of(speak, request)["updated_datetime"] == request.updated_at.isoformat()


def test_the_notes_are_the_last_public_words(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    said(request, "We saw it.")
    said(request, "Come on Monday.")
    said(request, "")
    said(request, "The reporter is a nuisance.", audience="staff")
    assert entry_of(speak, request)["status_notes"] == "Come on Monday."


def test_the_picture_is_one_that_the_public_may_see(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    photo(None, request=request)
    photo(None, request=request, state="rejected", reason="a face")
    assert entry_of(speak, request)["media_url"] is None
    ready = photo(None, request=request, state="ready", thumbnail="t.jpg", large="l.jpg")
    url = entry_of(speak, request)["media_url"]
    assert url.startswith("http://testserver/")
    assert str(ready.pk) in url
    assert "2026/11/21/photo.jpg" not in url


def test_no_foreign_fields_without_being_asked(speak: Speaker, city: SmallCity) -> None:
    reported(city, attributes={"depth_cm": 5})
    for query in ({}, {"extensions": "false"}, {"extensions": ""}):
        assert {name for entry in speak.get("requests", query).content for name in entry} == REQUEST_FIELDS


def test_what_people_write_stays_what_they_wrote(speak: Speaker, city: SmallCity) -> None:
    words = "]]> <!-- & &amp; \\ \" ' \t\U0001f573 e\u0301 ‮abc"
    assert entry_of(speak, reported(city, description=words))["description"] == words


def test_what_xml_cannot_write_is_left_out_of_it(city: SmallCity) -> None:
    from django.test import Client

    reported(city, description="a\x01b\x0bc\ufffed\x1fe")
    xml = Speaker("xml", Client())
    assert xml.get("requests").content[0]["description"] == "abcde"


# --- Which ---------------------------------------------------------------------------------------------


def test_the_newest_first(speak: Speaker, city: SmallCity) -> None:
    middle, newest, oldest = (reported(city, at=ago(hours=hours)) for hours in (2, 1, 3))
    assert speak.ids() == [newest.number, middle.number, oldest.number]


def test_nothing_is_an_empty_list(speak: Speaker, city: SmallCity) -> None:
    answer = speak.get("requests")
    assert (answer.status, answer.content) == (200, [])


def test_one_is_a_list(city: SmallCity) -> None:
    from django.test import Client

    reported(city)
    assert isinstance(Client().get("/open311/v2/requests.json").json(), list)


def test_private_ones_are_not_there(speak: Speaker, city: SmallCity) -> None:
    private = reported(city, visibility="private")
    assert speak.ids() == []
    assert speak.ids({"service_request_id": private.number}) == []


def test_each_jurisdiction_has_its_own(speak: Speaker, city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    here = reported(city)
    there = reported(
        other, service=other.services["pothole"], department=other.departments["roads"], jurisdiction=other.jurisdiction
    )
    assert speak.ids({"jurisdiction_id": "smallville"}) == [here.number]
    assert speak.ids({"jurisdiction_id": "otherton"}) == [there.number]
    assert speak.ids({"jurisdiction_id": "smallville", "service_request_id": there.number}) == []
    refused(speak.get("requests"), 400, "jurisdiction_id required")
    refused(speak.get("requests", {"jurisdiction_id": "atlantis"}), 404, "jurisdiction_id")


def test_by_id(speak: Speaker, city: SmallCity) -> None:
    first, second, _ = (reported(city, at=ago(hours=hours)) for hours in (1, 2, 3))
    assert speak.ids({"service_request_id": second.number}) == [second.number]
    assert set(speak.ids({"service_request_id": f"{first.number},{second.number}"})) == {first.number, second.number}
    assert set(speak.ids({"service_request_id": f" {first.number} , {second.number},"})) == {
        first.number,
        second.number,
    }


def test_an_id_in_any_spelling(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    plain = request.number.replace("-", "")
    numbers = (request.number, request.number.lower(), plain, plain.lower(), f"{plain[:4]} {plain[4:]}")
    for spelling in (*numbers, str(request.pk), str(request.pk).upper()):
        assert speak.ids({"service_request_id": spelling}) == [request.number], spelling


def test_ids_override_everything_else(speak: Speaker, city: SmallCity) -> None:
    request = in_status(city, "closed", at=ago(days=500))
    query = {
        "service_request_id": request.number,
        "service_code": "graffiti",
        "status": "open",
        "start_date": w3c(ago(days=5)),
        "q": "nothing like it",
        "page": "7",
    }
    assert speak.ids(query) == [request.number]


def test_unknown_ids_are_left_out(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    assert speak.ids({"service_request_id": f"0000-0000,{request.number},4711,x"}) == [request.number]
    assert speak.ids({"service_request_id": "4711"}) == []


def test_by_service(speak: Speaker, city: SmallCity) -> None:
    hole, tag, _ = (reported(city, service=city.services[code]) for code in ("pothole", "graffiti", "streetlight"))
    assert speak.ids({"service_code": "pothole"}) == [hole.number]
    assert set(speak.ids({"service_code": "pothole,graffiti"})) == {hole.number, tag.number}
    assert speak.ids({"service_code": "dragons"}) == []
    assert len(speak.ids({"service_code": ""})) == 3


def test_by_status(speak: Speaker, city: SmallCity) -> None:
    one, other = in_status(city, "assigned"), in_status(city, "closed")
    assert speak.ids({"status": "open"}) == [one.number]
    assert speak.ids({"status": "closed"}) == [other.number]
    assert set(speak.ids({"status": "open,closed"})) == set(speak.ids({"status": ""})) == {one.number, other.number}
    refused(speak.get("requests", {"status": "fixed"}), 400, "status")


# --- When ----------------------------------------------------------------------------------------------


def test_the_last_ninety_days_by_default(speak: Speaker, city: SmallCity) -> None:
    within = reported(city, at=ago(days=89, hours=23))
    reported(city, at=ago(days=90, hours=1))
    assert speak.ids() == [within.number]


def test_the_first_thousand_by_default(speak: Speaker, city: SmallCity) -> None:
    made = rows(request_row(city, **times(ago(minutes=minute))) for minute in range(1001))
    assert speak.ids() == [request.number for request in made[:1000]]


def test_between_two_times(speak: Speaker, city: SmallCity) -> None:
    old, new = reported(city, at=ago(days=200)), reported(city, at=ago(days=190))
    # Both ends are within.
    query = {"start_date": w3c(old.submitted_at), "end_date": w3c(new.submitted_at)}
    assert speak.ids(query) == [new.number, old.number]
    assert speak.ids({**query, "start_date": w3c(old.submitted_at + timedelta(seconds=1))}) == [new.number]
    assert speak.ids({**query, "end_date": w3c(new.submitted_at - timedelta(seconds=1))}) == [old.number]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-03-10T12:00:00Z", "2026-03-10T12:00:00+00:00"),
        ("2026-03-10T12:00:00+02:00", "2026-03-10T10:00:00+00:00"),
        ("2026-03-10T12:00:00-06:00", "2026-03-10T18:00:00+00:00"),
        # Without a zone it is the jurisdiction's: Chicago, in summer time since the 8th of March.
        ("2026-03-10T12:00:00", "2026-03-10T17:00:00+00:00"),
        ("2026-03-01T12:00:00", "2026-03-01T18:00:00+00:00"),
        # A date alone is that day's begin there.
        ("2026-03-10", "2026-03-10T05:00:00+00:00"),
        # Fractions are read, if not written.
        ("2026-03-10T12:00:00.000Z", "2026-03-10T12:00:00+00:00"),
    ],
)
def test_how_a_time_may_be_written(speak: Speaker, city: SmallCity, written: str, meant: str) -> None:
    moment = datetime.fromisoformat(meant)
    reported(city, at=moment - timedelta(seconds=1))
    at_it = reported(city, at=moment)
    assert speak.ids({"start_date": written, "end_date": w3c(moment + timedelta(days=1))}) == [at_it.number]


def test_the_plus_of_a_zone_that_was_not_encoded(speak: Speaker, city: SmallCity) -> None:
    # In a query a bare plus is a space.
    request = reported(city, at=datetime.fromisoformat("2026-03-10T10:00:00+00:00"))
    response = speak.client.get(
        speak.url("requests"), QUERY_STRING="start_date=2026-03-10T12:00:00+02:00&end_date=2026-03-11T12:00:00+02:00"
    )
    assert response.status_code == 200
    assert request.number.encode() in response.content


def test_an_end_that_is_a_date_takes_the_whole_day(speak: Speaker, city: SmallCity) -> None:
    evening = reported(city, at=datetime.fromisoformat("2026-03-11T04:30:00+00:00"))
    assert speak.ids({"start_date": "2026-03-10", "end_date": "2026-03-10"}) == [evening.number]
    assert speak.ids({"start_date": "2026-03-09", "end_date": "2026-03-09"}) == []


def test_a_start_alone_goes_on_for_ninety_days_or_until_now(speak: Speaker, city: SmallCity) -> None:
    within = reported(city, at=ago(days=111))
    reported(city, at=ago(days=109))
    assert speak.ids({"start_date": w3c(ago(days=200))}) == [within.number]
    recent = reported(city, at=ago(minutes=1))
    assert recent.number in speak.ids({"start_date": w3c(ago(days=5))})


def test_an_end_alone_looks_back_for_ninety_days(speak: Speaker, city: SmallCity) -> None:
    within = reported(city, at=ago(days=289))
    reported(city, at=ago(days=291))
    assert speak.ids({"end_date": w3c(ago(days=200))}) == [within.number]


def test_ninety_days_are_allowed_and_more_are_not(speak: Speaker, city: SmallCity) -> None:
    start = ago(days=300)
    assert speak.ids({"start_date": w3c(start), "end_date": w3c(start + timedelta(days=90))}) == []
    for days in (92, 3650):
        query = {"start_date": w3c(start), "end_date": w3c(start + timedelta(days=days))}
        refused(speak.get("requests", query), 400, "90 days")


def test_a_start_after_the_end(speak: Speaker, city: SmallCity) -> None:
    refused(speak.get("requests", {"start_date": w3c(ago(days=1)), "end_date": w3c(ago(days=2))}), 400, "start_date")


@pytest.mark.parametrize("name", ["start_date", "end_date", "updated_after", "updated_before"])
@pytest.mark.parametrize(
    "value", ["yesterday", "2026-02-30", "27.11.2026", "0000-00-00", "9" * 30, "2026-13-01T00:00Z"]
)
def test_what_is_no_time(speak: Speaker, city: SmallCity, name: str, value: str) -> None:
    refused(speak.get("requests", {name: value}), 400, name)


def test_an_empty_time_is_none(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    query = dict.fromkeys(("start_date", "end_date", "updated_after", "updated_before"), "")
    assert speak.ids(query) == [request.number]


# --- Changes -------------------------------------------------------------------------------------------


def test_what_changed_since(speak: Speaker, city: SmallCity) -> None:
    """Whoever polls gets a request of years ago that moved yesterday, the newest change first."""
    old = reported(city, at=ago(days=700), updated_at=ago(days=1))
    new = reported(city, at=ago(days=2))
    changed(new, updated_at=ago(hours=30))
    reported(city, at=ago(days=10))
    assert speak.ids({"updated_after": w3c(ago(days=3))}) == [old.number, new.number]


def test_what_changed_between(speak: Speaker, city: SmallCity) -> None:
    first, second, third = (reported(city, at=ago(days=days)) for days in (30, 20, 10))
    query = {"updated_after": w3c(second.updated_at), "updated_before": w3c(third.updated_at)}
    assert speak.ids(query) == [third.number, second.number]
    # A missing begin is 90 days before the end.
    long_ago = reported(city, at=ago(days=111))
    reported(city, at=ago(days=109, hours=-1), updated_at=ago(days=500))
    assert speak.ids({"updated_before": w3c(first.updated_at)}) == [first.number, long_ago.number]


def test_a_window_of_changes_has_ninety_days_at_most(speak: Speaker, city: SmallCity) -> None:
    query = {"updated_after": w3c(ago(days=100)), "updated_before": w3c(ago(days=5))}
    refused(speak.get("requests", query), 400, "90 days")
    # A missing end is now.
    refused(speak.get("requests", {"updated_after": w3c(ago(days=100))}), 400, "90 days")


def test_changes_and_dates_together(speak: Speaker, city: SmallCity) -> None:
    reported(city, at=ago(days=200), updated_at=ago(days=1))
    both = reported(city, at=ago(days=20), updated_at=ago(days=1))
    query = {"updated_after": w3c(ago(days=3)), "start_date": w3c(ago(days=30))}
    assert speak.ids(query) == [both.number]


# --- Pages ---------------------------------------------------------------------------------------------


def many(city: SmallCity, count: int) -> list[str]:
    made = rows(request_row(city, **times(ago(minutes=minute))) for minute in range(count))
    return [request.number for request in made]


def test_pages(speak: Speaker, city: SmallCity) -> None:
    numbers = many(city, 120)
    pages = [speak.ids({"page": page, "page_size": 50}) for page in (1, 2, 3, 4)]
    assert pages == [numbers[:50], numbers[50:100], numbers[100:], []]
    assert speak.ids({"page_size": 100}) == numbers[:100]
    assert len(speak.ids({"page": 1})) == 50


def test_a_page_within_the_same_second(speak: Speaker, city: SmallCity) -> None:
    moment = ago(hours=1)
    made = {request.number for request in rows(request_row(city, **times(moment)) for _ in range(120))}
    pages = [number for page in (1, 2, 3) for number in speak.ids({"page": page, "page_size": 50})]
    assert len(pages) == 120
    assert set(pages) == made


@pytest.mark.parametrize("query", [{"page_size": "501"}, {"page": "0"}, {"page": "-1"}, {"page": "x"}, {"page": "1e3"},
                                   {"page_size": "-50"}, {"page_size": "0"}, {"page": "9" * 40}])  # fmt: skip
def test_what_is_no_page(speak: Speaker, city: SmallCity, query: dict[str, str]) -> None:
    refused(speak.get("requests", query), 400, *query)


def test_empty_pages_are_none(speak: Speaker, city: SmallCity) -> None:
    numbers = many(city, 60)
    assert speak.ids({"page": "", "page_size": ""}) == numbers


# --- Order, places, words ------------------------------------------------------------------------------


def test_sort(speak: Speaker, city: SmallCity) -> None:
    first = reported(city, at=ago(days=3), updated_at=ago(days=1))
    second = reported(city, at=ago(days=2))
    up, down = [first.number, second.number], [second.number, first.number]
    assert speak.ids({"sort": "requested_datetime"}) == up
    assert speak.ids({"sort": "-requested_datetime"}) == down
    assert speak.ids({"sort": "updated_datetime"}) == down
    assert speak.ids({"sort": "-updated_datetime"}) == up
    assert speak.ids({"sort": ""}) == down
    refused(speak.get("requests", {"sort": "beauty"}), 400, "sort")


def test_the_nearest_first(speak: Speaker, city: SmallCity) -> None:
    latitude, longitude = city.point_in("west")
    far, near = (reported(city, location=at((latitude + north, longitude))) for north in (0.02, 0.001))
    here = {"lat": latitude, "long": longitude}
    assert speak.ids({"sort": "distance", **here}) == [near.number, far.number]
    refused(speak.get("requests", {"sort": "distance"}), 400, "lat")


def test_within_a_radius_in_metres(speak: Speaker, city: SmallCity) -> None:
    latitude, longitude = city.point_in("west")
    # A thousandth of a degree of latitude is 111 m; of longitude it is 85 m here.
    north = reported(city, location=at((latitude + 0.001, longitude)))
    east = reported(city, location=at((latitude, longitude + 0.0012)))
    here = {"lat": latitude, "long": longitude}
    assert set(speak.ids({**here, "radius": 115})) == {north.number, east.number}
    assert speak.ids({**here, "radius": 107}) == [east.number]
    assert speak.ids({**here, "radius": 50}) == []
    refused(speak.get("requests", {**here, "radius": 50_001}), 400, "radius")
    refused(speak.get("requests", {"radius": 10}), 400, "lat")


def test_within_a_box(speak: Speaker, city: SmallCity) -> None:
    west = reported(city)
    reported(city, location=at(city.point_in("east")))
    longitude, latitude = city.origin
    assert speak.ids({"bbox": f"{longitude},{latitude},{longitude + 0.1},{latitude + 0.2}"}) == [west.number]


@pytest.mark.parametrize("box", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "3,4,1,2", "-181,0,0,1", "NaN,0,1,1", "0,0,inf,1"])
def test_what_is_no_box(speak: Speaker, city: SmallCity, box: str) -> None:
    refused(speak.get("requests", {"bbox": box}), 400, "bbox")


def test_words(speak: Speaker, city: SmallCity) -> None:
    told = reported(city, description="A deep Hole by the church", number="7K3F-9QTD")
    placed = reported(city, address="5 Church Lane")
    reported(city, description="100 % of it")
    assert set(speak.ids({"q": "CHURCH"})) == {told.number, placed.number}
    assert speak.ids({"q": "7k3f"}) == [told.number]
    # What is a wildcard in SQL is a character here.
    assert speak.ids({"q": "d%p"}) == speak.ids({"q": "d__p"}) == []
    assert len(speak.ids({"q": "0 %"})) == 1
    refused(speak.get("requests", {"q": "ab"}), 400, "q")


# --- Extensions ----------------------------------------------------------------------------------------


def test_extensions(speak: Speaker, city: SmallCity) -> None:
    request = reported(
        city,
        channel="web",
        attributes={"position": "lane", "depth_cm": 7, "colours": ["red", "blue"]},
        areas=[{"kind": "ward", "code": "west", "name": "West Ward"}],
    )
    event = said(request, "A crew is on its way.", to_status="assigned")
    said(request, "Not for the public.", audience="staff")
    ready = photo(None, request=request, state="ready", thumbnail="t.jpg", large="l.jpg")
    photo(None, request=request)
    (entry,) = speak.get("requests", {"extensions": "true"}).content
    assert set(entry) == REQUEST_FIELDS | {"attributes", "extended_attributes", "notes"}
    answers = {answer["code"]: answer["value"] for answer in entry["attributes"]}
    assert {"position", "depth_cm", "colours"} == set(answers)
    assert (answers["position"], answers["depth_cm"], answers["colours"]) == ("lane", "7", "red,blue")
    extended = entry["extended_attributes"]
    assert set(extended) == {"channel", "area", "photos", "duplicate", "parent_service_request_id"}
    assert (extended["channel"], extended["area"], extended["duplicate"]) == ("web", "West Ward", False)
    assert extended["parent_service_request_id"] is None
    (url,) = extended["photos"]
    assert str(ready.pk) in url
    (note,) = entry["notes"]
    assert set(note) == {"datetime", "summary", "description", "type"}
    assert note["description"] == "A crew is on its way."
    assert note["datetime"] == event.at.replace(microsecond=0).isoformat()
    assert note["summary"]
    assert note["type"]


def test_extensions_of_a_request_without_any(speak: Speaker, city: SmallCity) -> None:
    reported(city)
    (entry,) = speak.get("requests", {"extensions": "true"}).content
    assert (entry["attributes"], entry["notes"], entry["extended_attributes"]["photos"]) == ([], [], [])


def test_a_duplicate_says_so(speak: Speaker, city: SmallCity) -> None:
    in_status(city, "duplicate")
    (entry,) = speak.get("requests", {"extensions": "true"}).content
    assert entry["extended_attributes"]["duplicate"] is True


# --- Caches --------------------------------------------------------------------------------------------

CACHED: dict[str, Callable[[ServiceRequest], str]] = {
    "discovery": lambda _: "discovery",
    "services": lambda _: "services",
    "definition": lambda _: "services/pothole",
    "requests": lambda _: "requests",
    "request": lambda request: f"requests/{request.number}",
    "updates": lambda _: "servicerequestupdates",
}


@pytest.mark.parametrize("what", CACHED)
def test_what_has_not_changed_is_not_sent_again(speak: Speaker, city: SmallCity, what: str) -> None:
    path = CACHED[what](reported(city))
    first = speak.get(path)
    assert first.status == 200
    again = speak.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert speak.get(path, headers={"If-None-Match": '"another"'}).status == 200


def test_a_change_moves_the_tag(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    tag = speak.get("requests").headers["ETag"]
    changed(request, description="Deeper.")
    again = speak.get("requests", headers={"If-None-Match": tag})
    assert (again.status, again.content[0]["description"]) == (200, "Deeper.")


@pytest.mark.parametrize("what", CACHED)
def test_head_is_get_without_its_body(speak: Speaker, city: SmallCity, what: str) -> None:
    path = CACHED[what](reported(city))
    got, head = speak.client.get(speak.url(path)), speak.client.head(speak.url(path))
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "ETag"):
        assert head[name] == got[name]


def test_the_first_language_of_the_jurisdiction_names_the_services(speak: Speaker, city: SmallCity) -> None:
    Jurisdiction.objects.filter(pk=city.jurisdiction.pk).update(languages=["en", "es"])
    reported(city)
    assert speak.get("requests").content[0]["service_name"] == "Pothole"
