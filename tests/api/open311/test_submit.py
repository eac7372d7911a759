"""POST requests: a report from another system goes the way every report goes."""

import time
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile

from geo.models import Address
from requests311.models import Attribute, Datatype, Event, Photo, Service, ServiceRequest
from requests311.tasks import fetch_photos
from tests.api.open311.keys import make_key, revoke_key, stored_rows
from tests.api.open311.listening import Listening
from tests.api.open311.making import form, sandbox_of
from tests.api.open311.reading import Answer, Speaker, read, refused
from tests.factories.addresses import Line, has_addresses
from tests.factories.cities import SmallCity, small_city
from tests.factories.photos import photo

pytestmark = pytest.mark.django_db


def made(answer: Answer) -> ServiceRequest:
    """The request of a report that was taken."""
    assert answer.status == 200, answer.content
    (entry,) = answer.content
    return ServiceRequest.objects.get(number=entry["service_request_id"])


def picture(name: str = "hole.jpg", data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photo() if data is None else data, content_type="image/jpeg")


# --- The answer, and what is made --------------------------------------------------------------------


@pytest.mark.parametrize("multipart", [False, True], ids=["urlencoded", "multipart"])
def test_a_report(speak: Speaker, city: SmallCity, api_key: str, multipart: bool) -> None:
    answer = speak.post("requests", form(city, api_key, description="Tief & größer <2 m>"), multipart=multipart)
    assert answer.status == 200
    assert answer.root in {"", "service_requests"}
    (entry,) = answer.content
    assert {"service_request_id", "service_notice", "account_id"} == set(entry)
    assert isinstance(entry["service_request_id"], str)
    assert entry["account_id"] is None
    request = made(answer)
    assert request.channel == "open311"
    assert request.description == "Tief & größer <2 m>"
    assert request.jurisdiction == city.jurisdiction
    assert request.service == city.services["pothole"]
    latitude, longitude = city.point_in("west")
    assert (request.location.y, request.location.x) == (latitude, longitude)


def test_it_is_routed_promised_and_remembered_as_any_other(speak: Speaker, city: SmallCity, api_key: str) -> None:
    west, east = (made(speak.post("requests", form(city, api_key, ward=ward))) for ward in ("west", "east"))
    assert (west.department.code, east.department.code) == ("roads-west", "roads-east")
    assert west.due_at is not None
    assert [area["code"] for area in west.areas] == ["west"]
    assert [event.kind for event in Event.objects.filter(request=west)] == ["submitted"]


def test_it_can_be_read_at_once(speak: Speaker, city: SmallCity, api_key: str) -> None:
    number = made(speak.post("requests", form(city, api_key))).number
    assert speak.ids() == [number]
    assert speak.ids(path=f"requests/{number}") == [number]


def test_the_account_is_given_back(speak: Speaker, city: SmallCity, api_key: str) -> None:
    (entry,) = speak.post("requests", form(city, api_key, account_id="4711")).content
    assert entry["account_id"] == "4711"


def test_who_reports(speak: Speaker, city: SmallCity, api_key: str) -> None:
    contact = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"}
    request = made(speak.post("requests", form(city, api_key, device_id="a-phone", **contact)))
    assert request.contact == {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"}


def test_who_reports_is_told_to_nobody(speak: Speaker, city: SmallCity, api_key: str) -> None:
    contact = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"}
    speak.post("requests", form(city, api_key, **contact))
    shown = speak.get("requests", {"extensions": "true"}).raw
    assert not any(word in shown for word in (b"Ada", b"Lovelace", b"ada@example", b"555"))


def test_a_private_report_is_taken_and_not_shown(speak: Speaker, city: SmallCity, api_key: str) -> None:
    request = made(speak.post("requests", form(city, api_key, service_code="heating")))
    assert request.visibility == "private"
    assert speak.ids() == []
    refused(speak.get(f"requests/{request.number}"), 404)


def test_arguments_that_nobody_knows_are_let_be(speak: Speaker, city: SmallCity, api_key: str) -> None:
    more = {"attribute[fixmystreet_id]": "42", "attribute[easting]": "1", "title": "A hole", "url": "https://x.example"}
    assert made(speak.post("requests", form(city, api_key, **more))).attributes == {}


def test_an_empty_optional_argument_is_an_absent_one(speak: Speaker, city: SmallCity, api_key: str) -> None:
    names = [
        "email", "device_id", "account_id", "first_name", "last_name", "phone", "description", "media_url",
        "address_string", "address_id", "jurisdiction_id", "attribute[depth_cm]", "attribute[position]",
    ]  # fmt: skip
    request = made(speak.post("requests", form(city, api_key, **dict.fromkeys(names, ""))))
    assert (request.contact, request.attributes, request.address) == ({}, {}, "")


# --- What it is about --------------------------------------------------------------------------------


def test_without_a_service(speak: Speaker, city: SmallCity, api_key: str) -> None:
    for code in (None, ""):
        assert refused(speak.post("requests", form(city, api_key, service_code=code)), 400) == ["service_code required"]
    assert not ServiceRequest.objects.exists()


def test_an_unknown_service(speak: Speaker, city: SmallCity, api_key: str) -> None:
    answer = speak.post("requests", form(city, api_key, service_code="dragons"))
    assert answer.status in {400, 404}
    refused(answer, answer.status, "dragons")


def test_a_service_that_is_not_offered_there(speak: Speaker, city: SmallCity, api_key: str) -> None:
    assert made(speak.post("requests", form(city, api_key, service_code="west_only")))
    answer = speak.post("requests", form(city, api_key, ward="east", service_code="west_only"))
    assert answer.status in {400, 404}
    refused(answer, answer.status, "west_only")


def test_the_description_has_up_to_4000_characters(speak: Speaker, city: SmallCity, api_key: str) -> None:
    assert len(made(speak.post("requests", form(city, api_key, description="ö" * 4000))).description) == 4000
    refused(speak.post("requests", form(city, api_key, description="ö" * 4001)), 400, "description")


# --- Where -------------------------------------------------------------------------------------------


def test_without_a_place(speak: Speaker, city: SmallCity, api_key: str) -> None:
    refused(speak.post("requests", form(city, api_key, lat=None, long=None)), 400, "lat")


@pytest.mark.parametrize(
    "place",
    [
        {"lat": None},
        {"long": None},
        {"lat": "north"},
        {"lat": "NaN"},
        {"long": "inf"},
        {"lat": "91"},
        {"long": "-181"},
        {"lat": "1e999"},
    ],
)
def test_what_is_no_place(speak: Speaker, city: SmallCity, api_key: str, place: dict[str, Any]) -> None:
    refused(speak.post("requests", form(city, api_key, **place)), 400)
    assert not ServiceRequest.objects.exists()


def test_outside_of_everything(speak: Speaker, city: SmallCity, api_key: str) -> None:
    latitude, longitude = city.point_outside()
    refused(speak.post("requests", form(city, api_key, lat=latitude, long=longitude)), 400)


def test_in_another_jurisdiction_than_the_one_that_is_named(speak: Speaker, city: SmallCity, api_key: str) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    latitude, longitude = other.point_in("west")
    sent = form(city, api_key, lat=latitude, long=longitude, jurisdiction_id="smallville")
    refused(speak.post("requests", sent), 400)
    assert not ServiceRequest.objects.exists()
    assert made(speak.post("requests", {**sent, "jurisdiction_id": "otherton"})).jurisdiction == other.jurisdiction


def test_the_address_beside_a_place_is_kept(speak: Speaker, city: SmallCity, api_key: str) -> None:
    request = made(speak.post("requests", form(city, api_key, address_string="Behind the station")))
    assert request.address == "Behind the station"


@pytest.fixture
def streets(city: SmallCity) -> None:
    has_addresses(
        "smallville",
        Line("12", "Main Street", -99.95, 40.1),
        Line("14", "Main Street", -99.951, 40.101),
    )


def code_of(number: str) -> str:
    return Address.objects.get(number=number).code


@pytest.mark.usefixtures("streets")
def test_the_id_of_an_address_says_where(speak: Speaker, city: SmallCity, api_key: str) -> None:
    request = made(speak.post("requests", form(city, api_key, lat="", long="", address_id=code_of("14"))))
    assert (round(request.location.x, 6), round(request.location.y, 6)) == (-99.951, 40.101)
    assert "14" in request.address
    assert "Main Street" in request.address


@pytest.mark.usefixtures("streets")
def test_an_unknown_id_of_an_address(speak: Speaker, city: SmallCity, api_key: str) -> None:
    refused(speak.post("requests", form(city, api_key, lat=None, long=None, address_id="addr-9")), 400, "address_id")


@pytest.mark.usefixtures("streets")
def test_the_id_of_another_city_s_address(speak: Speaker, city: SmallCity, api_key: str) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    sent = form(city, api_key, lat=None, long=None, address_id=code_of("12"), jurisdiction_id="otherton")
    refused(speak.post("requests", sent), 400, "address_id")


@pytest.mark.usefixtures("streets")
def test_an_address_in_words_says_where(speak: Speaker, city: SmallCity, api_key: str) -> None:
    request = made(speak.post("requests", form(city, api_key, lat=None, long=None, address_string="12 Main Street")))
    assert (round(request.location.x, 6), round(request.location.y, 6)) == (-99.95, 40.1)


@pytest.mark.usefixtures("streets")
def test_an_address_that_is_not_found_is_never_asked_for_elsewhere(
    speak: Speaker, city: SmallCity, api_key: str, settings: LazySettings
) -> None:
    with Listening() as (address, calls):
        settings.GEOCODER_URL = f"nominatim+{address}"
        sent = form(city, api_key, lat=None, long=None, address_string="Zyzzyva Boulevard 99999")
        refused(speak.post("requests", sent), 400, "address_string")
        assert calls == []


# --- The questions -----------------------------------------------------------------------------------


def test_answers(speak: Speaker, city: SmallCity, api_key: str) -> None:
    answers = {"attribute[position]": "lane", "attribute[lane_number]": "2", "attribute[depth_cm]": "7.5"}
    request = made(speak.post("requests", form(city, api_key, **answers)))
    assert request.attributes == {"position": "lane", "lane_number": 2, "depth_cm": 7.5}


def test_answers_route(speak: Speaker, city: SmallCity, api_key: str) -> None:
    assert made(speak.post("requests", form(city, api_key, **{"attribute[position]": "curb"}))).department.code == (
        "parks"
    )


def test_a_missing_required_answer_is_named(speak: Speaker, city: SmallCity, api_key: str) -> None:
    for more in ({}, {"attribute[pole_id]": ""}, {"attribute[pole_id]": "  "}):
        sent = form(city, api_key, service_code="streetlight", **more)
        assert refused(speak.post("requests", sent), 400) == ["pole_id required"]
    assert made(speak.post("requests", {**sent, "attribute[pole_id]": "4711"})).attributes == {"pole_id": "4711"}


def test_one_that_another_answer_requires_is_named_too(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sent = form(city, api_key, **{"attribute[position]": "lane"})
    assert refused(speak.post("requests", sent), 400) == ["lane_number required"]


def test_each_wrong_answer_is_named(speak: Speaker, city: SmallCity, api_key: str) -> None:
    wrong = {"attribute[position]": "moon", "attribute[depth_cm]": "deep"}
    descriptions = refused(speak.post("requests", form(city, api_key, **wrong)), 400, "position", "depth_cm")
    assert len(descriptions) == 2


@pytest.fixture
def colours(city: SmallCity) -> None:
    Attribute.objects.create(
        service=city.services["west_only"],
        order=1,
        code="colour",
        datatype=Datatype.MULTIVALUELIST,
        description="Which colours?",
        values=[{"key": key, "name": key.capitalize()} for key in ("red", "green", "blue")],
    )


@pytest.mark.usefixtures("colours")
@pytest.mark.parametrize(
    ("names", "values"),
    [
        (["attribute[colour][]"], [["red", "blue"]]),
        (["attribute[colour]"], [["red", "blue"]]),
        (["attribute[colour][0]", "attribute[colour][1]"], ["red", "blue"]),
        (["attribute[colour][]"], ["red"]),
        (["attribute[colour]"], ["red"]),
    ],
)
def test_several_answers_to_one_question(
    speak: Speaker, city: SmallCity, api_key: str, names: list[str], values: list[Any]
) -> None:
    sent = form(city, api_key, service_code="west_only", **dict(zip(names, values, strict=True)))
    expected = ["red", "blue"] if "blue" in str(values) else ["red"]
    assert made(speak.post("requests", sent)).attributes == {"colour": expected}
    assert made(speak.post("requests", sent, multipart=True)).attributes == {"colour": expected}


def test_a_time_without_a_zone_is_the_jurisdiction_s(speak: Speaker, city: SmallCity, api_key: str) -> None:
    Attribute.objects.create(
        service=city.services["west_only"], order=1, code="seen", datatype=Datatype.DATETIME, description="When?"
    )
    sent = form(city, api_key, service_code="west_only")
    for written, meant in (
        ("2026-07-01T08:30:00", "2026-07-01T13:30:00+00:00"),
        ("2026-07-01T08:30:00Z", "2026-07-01T08:30:00+00:00"),
        ("2026-07-01T08:30:00+02:00", "2026-07-01T06:30:00+00:00"),
    ):
        kept = made(speak.post("requests", {**sent, "attribute[seen]": written})).attributes["seen"]
        assert datetime.fromisoformat(kept) == datetime.fromisoformat(meant)


# --- Pictures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["media"], ["photo1", "photo2", "photo3"], ["media", "photo1"]])
def test_files_are_pictures_of_the_report(speak: Speaker, city: SmallCity, api_key: str, names: list[str]) -> None:
    files = {name: picture() for name in names}
    request = made(speak.post("requests", form(city, api_key, **files), multipart=True))
    assert Photo.objects.filter(request=request).count() == len(names)


def test_several_files_of_one_name(speak: Speaker, city: SmallCity, api_key: str) -> None:
    request = made(speak.post("requests", form(city, api_key, media=[picture(), picture()]), multipart=True))
    assert Photo.objects.filter(request=request).count() == 2


def test_a_file_that_is_no_picture(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sent = form(city, api_key, media=picture(data=b"<html>not a photo</html>"))
    refused(speak.post("requests", sent, multipart=True), 400)
    assert not ServiceRequest.objects.exists()


def test_too_many_files(speak: Speaker, city: SmallCity, api_key: str) -> None:
    files = {f"photo{n}": picture() for n in range(1, 12)}
    refused(speak.post("requests", form(city, api_key, **files), multipart=True), 400)


def test_a_service_that_needs_a_picture(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sent = form(city, api_key, service_code="graffiti")
    refused(speak.post("requests", sent), 400, "media")
    assert made(speak.post("requests", {**sent, "media": picture()}, multipart=True))


@pytest.mark.parametrize("name", ["media_url", "media_url[]"])
def test_an_address_of_a_picture_is_not_called_while_the_client_waits(
    speak: Speaker, city: SmallCity, api_key: str, settings: LazySettings, name: str
) -> None:
    with Listening() as (address, calls):
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1"]
        urls = [f"{address}/1.jpg", f"{address}/2.jpg"]
        assert made(speak.post("requests", form(city, api_key, **{name: urls})))
        assert calls == []


def test_it_is_fetched_in_the_background(speak: Speaker, city: SmallCity, api_key: str, settings: LazySettings) -> None:
    with Listening(photo()) as (address, calls):
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1"]
        sent = form(city, api_key, media_url=[f"{address}/1.jpg", f"{address}/2.jpg"])
        request = made(speak.post("requests", sent))
        fetch_photos()
        assert sorted(calls) == ["/1.jpg", "/2.jpg"]
    assert Photo.objects.filter(request=request).count() == 2


def test_an_address_does_for_a_service_that_needs_a_picture(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sent = form(city, api_key, service_code="graffiti", media_url="https://pictures.example/1.jpg")
    assert made(speak.post("requests", sent))


def test_an_address_within_our_network_is_not_called_and_costs_the_report_nothing(
    speak: Speaker, city: SmallCity, api_key: str
) -> None:
    with Listening(photo()) as (address, calls):
        others = ["http://169.254.169.254/latest", "http://[::1]/x", "http://10.0.0.1/"]
        request = made(speak.post("requests", form(city, api_key, media_url=[f"{address}/1.jpg", *others])))
        fetch_photos()
        assert calls == []
    assert not Photo.objects.filter(request=request).exists()
    assert speak.ids() == [request.number]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x.example/", "no address", "http://", "//x"])
def test_what_is_no_address(speak: Speaker, city: SmallCity, api_key: str, url: str) -> None:
    refused(speak.post("requests", form(city, api_key, media_url=url)), 400, "media_url")


# --- Who may write -----------------------------------------------------------------------------------


@pytest.mark.parametrize("multipart", [False, True], ids=["urlencoded", "multipart"])
@pytest.mark.parametrize("given", [None, "", "wrong", "x" * 500])
def test_without_a_good_key(speak: Speaker, city: SmallCity, api_key: str, given: str | None, multipart: bool) -> None:
    refused(speak.post("requests", form(city, api_key, api_key=given), multipart=multipart), 403, "api_key")
    assert not ServiceRequest.objects.exists()


def test_the_key_is_asked_for_before_anything_else(speak: Speaker, city: SmallCity) -> None:
    refused(speak.post("requests", {"description": "Deep."}), 403, "api_key")


def test_a_revoked_key(speak: Speaker, city: SmallCity, api_key: str) -> None:
    assert made(speak.post("requests", form(city, api_key)))
    revoke_key(api_key)
    refused(speak.post("requests", form(city, api_key)), 403, "api_key")


def test_a_key_is_accepted_in_the_query_and_as_a_header_too(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sent = form(city, api_key, api_key=None)
    assert made(speak.post("requests", sent, headers={"X-Api-Key": api_key}))
    response = speak.client.post(f"{speak.url('requests')}?api_key={api_key}", sent)
    assert response.status_code == 200


def test_a_key_is_not_in_the_database(city: SmallCity, api_key: str) -> None:
    rows = stored_rows()
    assert rows
    assert api_key not in str(rows)


def test_each_client_has_a_key_of_its_own(speak: Speaker, city: SmallCity, api_key: str) -> None:
    revoke_key(make_key("Another"))
    assert made(speak.post("requests", form(city, api_key)))


def test_a_key_is_throttled_and_no_other_with_it(
    speak: Speaker, city: SmallCity, api_key: str, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "open311": "2/hour"}
    # Windows are aligned to the clock: in the middle of one, no test straddles two.
    now = 1_800_000_000 // 3600 * 3600 + 1000.5
    monkeypatch.setattr(time, "time", lambda: now)
    other = make_key("Another")
    for _ in range(2):
        assert speak.post("requests", form(city, api_key)).status == 200
    third = speak.post("requests", form(city, api_key))
    refused(third, 429)
    assert int(third.headers["Retry-After"]) > 0
    assert speak.post("requests", form(city, other)).status == 200
    assert ServiceRequest.objects.count() == 3


def test_of_several_jurisdictions_one_must_be_named(speak: Speaker, city: SmallCity, api_key: str) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    refused(speak.post("requests", form(city, api_key)), 400, "jurisdiction_id required")
    refused(speak.post("requests", form(city, api_key, jurisdiction_id="atlantis")), 404, "jurisdiction_id", "atlantis")
    assert made(speak.post("requests", form(city, api_key, jurisdiction_id="smallville")))


def test_the_jurisdiction_may_stand_in_the_address(speak: Speaker, city: SmallCity, api_key: str) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    response = speak.client.post(f"{speak.url('requests')}?jurisdiction_id=smallville", form(city, api_key))
    assert response.status_code == 200, response.content


# --- The sandbox -------------------------------------------------------------------------------------


def test_a_test_key_writes_to_the_sandbox(speak: Speaker, city: SmallCity, sandbox_key: str) -> None:
    sandbox = sandbox_of(city)
    named = made(speak.post("requests", form(city, sandbox_key, jurisdiction_id=sandbox.jurisdiction.code)))
    unnamed = made(speak.post("requests", form(city, sandbox_key)))
    meant_for_real = made(speak.post("requests", form(city, sandbox_key, jurisdiction_id="smallville")))
    assert {request.jurisdiction.code for request in (named, unnamed, meant_for_real)} == {sandbox.jurisdiction.code}


def test_a_test_key_without_a_sandbox(speak: Speaker, city: SmallCity, sandbox_key: str) -> None:
    refused(speak.post("requests", form(city, sandbox_key)), 403, "api_key")
    assert not ServiceRequest.objects.exists()


def test_a_real_key_writes_to_no_sandbox(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sandbox = sandbox_of(city)
    refused(speak.post("requests", form(city, api_key, jurisdiction_id=sandbox.jurisdiction.code)), 403, "api_key")


def test_a_real_report_goes_to_the_city_that_has_a_sandbox(speak: Speaker, city: SmallCity, api_key: str) -> None:
    sandbox_of(city)
    assert made(speak.post("requests", form(city, api_key))).jurisdiction == city.jurisdiction


def test_a_sandbox_shows_what_is_in_it_and_only_when_it_is_named(
    speak: Speaker, city: SmallCity, sandbox_key: str
) -> None:
    sandbox = sandbox_of(city)
    sent = form(city, sandbox_key, service_code="heating")
    number = made(speak.post("requests", sent)).number
    named = {"jurisdiction_id": sandbox.jurisdiction.code}
    assert (speak.ids(named), speak.ids()) == ([number], [])
    assert speak.ids(named, path=f"requests/{number}") == [number]
    refused(speak.get(f"requests/{number}"), 404)


# --- Once --------------------------------------------------------------------------------------------


def test_the_same_idempotency_key_gives_the_request_made_before(speak: Speaker, city: SmallCity, api_key: str) -> None:
    first = speak.post("requests", form(city, api_key), headers={"Idempotency-Key": "report 1"})
    again = speak.post("requests", form(city, api_key), headers={"Idempotency-Key": "report 1"})
    other = speak.post("requests", form(city, api_key), headers={"Idempotency-Key": "report 2"})
    assert first.content == again.content
    assert made(first) != made(other)
    assert ServiceRequest.objects.count() == 2


def test_another_client_s_idempotency_key_is_another(speak: Speaker, city: SmallCity, api_key: str) -> None:
    first = speak.post("requests", form(city, api_key), headers={"Idempotency-Key": "report 1"})
    other = speak.post("requests", form(city, make_key("Another")), headers={"Idempotency-Key": "report 1"})
    assert made(first) != made(other)


def test_without_one_two_reports_are_two(speak: Speaker, city: SmallCity, api_key: str) -> None:
    for _ in range(2):
        made(speak.post("requests", form(city, api_key)))
    assert ServiceRequest.objects.count() == 2


# --- Bodies that are none ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"service_code": "pothole"}', "application/json"),
        (b"<request/>", "text/xml"),
        (b"service_code=pothole", "text/plain"),
        (b"", ""),
        (b"--x\r\nnot a part", "multipart/form-data; boundary=x"),
        (b"anything", "multipart/form-data"),
        (b"anything", "multipart/form-data; boundary="),
        (b"anything", "multipart/form-data; boundary=\xe4"),
    ],
)
def test_a_body_that_is_no_form(speak: Speaker, city: SmallCity, api_key: str, body: bytes, content_type: str) -> None:
    answer = speak.post_body("requests", body, content_type)
    assert answer.status in {400, 403}
    refused(answer, answer.status)


def test_xml_that_is_sent_is_never_expanded(speak: Speaker, city: SmallCity, api_key: str) -> None:
    lol = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"lol" * 10) for n in range(10))
    bomb = b"<?xml version='1.0'?><!DOCTYPE r [" + lol + b"]><r>&l9;</r>"
    answer = speak.post_body("requests", bomb, "text/xml; charset=utf-8", headers={"X-Api-Key": api_key})
    refused(answer, 400)


def test_unreadable_utf_8_is_no_failure_of_ours(speak: Speaker, city: SmallCity, api_key: str) -> None:
    latitude, longitude = city.point_in("west")
    body = f"api_key={api_key}&service_code=pothole&lat={latitude}&long={longitude}&description=%ff%fe%ed%a0%80"
    answer = speak.post_body("requests", body.encode(), "application/x-www-form-urlencoded")
    assert answer.status in {200, 400}


def test_a_null_character_is_refused(speak: Speaker, city: SmallCity, api_key: str) -> None:
    refused(speak.post("requests", form(city, api_key, description="a\0b")), 400, "description")


@pytest.mark.parametrize("service", ["pothole"])
def test_a_refusal_of_the_domain_is_told_as_the_standard_tells(
    speak: Speaker, city: SmallCity, api_key: str, service: str
) -> None:
    Service.objects.filter(code=service).update(active=False)
    answer = speak.post("requests", form(city, api_key, service_code=service))
    assert answer.status in {400, 404}
    refused(answer, answer.status)


@pytest.mark.parametrize("length", ["\u00b2", "-1", "x", "", "9" * 5000, "99999999999"])
def test_a_length_that_is_none(speak: Speaker, city: SmallCity, api_key: str, length: str) -> None:
    answer = speak.client.generic(
        "POST", speak.url("requests"), b"a=1", "application/x-www-form-urlencoded", CONTENT_LENGTH=length
    )
    refused(read(answer, speak.format), 400, "large")
