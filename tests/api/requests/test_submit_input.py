"""POST /requests: every wrong value is named by a pointer, and nothing is written."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Event, ServiceRequest
from tests.api.asking import API, refused, report, submit
from tests.factories.cities import SmallCity

pytestmark = pytest.mark.django_db

PHOTO = "019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b"


@pytest.fixture(autouse=True)
def nothing_is_written(city: SmallCity) -> Any:
    yield
    assert not ServiceRequest.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "field",
    [
        "status", "assignee", "is_staff", "department", "jurisdiction", "id", "number", "reporter", "version",
        "due_at", "visibility", "channel", "resolution", "reason", "areas", "submitted_at", "priority", "by", "a/b~c",
    ],
)  # fmt: skip
def test_what_is_not_the_residents_to_say(phone: APIClient, city: SmallCity, field: str) -> None:
    pointer = "/" + field.replace("~", "~0").replace("/", "~1")
    body = refused(submit(phone, report(city, **{field: "x"})), 422, "invalid", pointer)
    assert body["errors"][0]["code"] == "unknown_field"


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"service": None}, ["/service"]),
        ({"service": 7}, ["/service"]),
        ({"service": ""}, ["/service"]),
        ({"service": ["pothole"]}, ["/service"]),
        ({"service": "p" * 61}, ["/service"]),
        ({"service": "pot\u0000hole"}, ["/service"]),
        ({"location": "40,-100"}, ["/location"]),
        ({"location": [40, -100]}, ["/location"]),
        ({"location": {}}, ["/location/latitude", "/location/longitude"]),
        ({"location": {"latitude": 91, "longitude": -181}}, ["/location/latitude", "/location/longitude"]),
        ({"location": {"latitude": "40", "longitude": True}}, ["/location/latitude", "/location/longitude"]),
        ({"location": {"latitude": None, "longitude": [1]}}, ["/location/latitude", "/location/longitude"]),
        ({"location": {"latitude": 10**30, "longitude": -1e308}}, ["/location/latitude", "/location/longitude"]),
        ({"location": {"latitude": 40, "longitude": -100, "altitude": 3}}, ["/location/altitude"]),
        ({"address": 5}, ["/address"]),
        ({"address": None}, ["/address"]),
        ({"address": "a" * 301}, ["/address"]),
        ({"address": "\u0000"}, ["/address"]),
        ({"description": "d" * 4001}, ["/description"]),
        ({"description": {"text": "deep"}}, ["/description"]),
        ({"description": "a\u0000b"}, ["/description"]),
        ({"attributes": [1]}, ["/attributes"]),
        ({"attributes": "position=lane"}, ["/attributes"]),
        ({"attributes": None}, ["/attributes"]),
        ({"photos": PHOTO}, ["/photos"]),
        ({"photos": {"0": PHOTO}}, ["/photos"]),
        ({"photos": None}, ["/photos"]),
        ({"photos": ["x", PHOTO, 7, None, PHOTO.replace("-", "")]}, [f"/photos/{n}" for n in (0, 2, 3, 4)]),
        ({"photos": [PHOTO, PHOTO]}, ["/photos"]),
        ({"photos": [PHOTO, PHOTO.upper()]}, ["/photos"]),
        ({"photos": [f"{PHOTO[:-2]}{number:02}" for number in range(11)]}, ["/photos"]),
        ({"client_id": ""}, ["/client_id"]),
        ({"client_id": 1}, ["/client_id"]),
        ({"client_id": "c" * 65}, ["/client_id"]),
        ({"client_id": "a\u0000"}, ["/client_id"]),
        ({"contact": "ada@example.org"}, ["/contact"]),
        ({"contact": {"email": "not an address"}}, ["/contact/email"]),
        ({"contact": {"email": 3, "name": 4, "phone": 5}}, ["/contact/email", "/contact/name", "/contact/phone"]),
        ({"contact": {"name": "a\u0000", "is_admin": True}}, ["/contact/is_admin"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_values(phone: APIClient, city: SmallCity, wrong: dict[str, Any], pointers: list[str]) -> None:
    refused(submit(phone, report(city, **wrong)), 422, "invalid", *pointers)


@pytest.mark.parametrize(
    ("attributes", "pointers", "code"),
    [
        ({"colour": "red"}, ["/attributes/colour"], "unknown_attribute"),
        ({"a/b~": 1}, ["/attributes/a~1b~0"], "unknown_attribute"),
        ({"position": "middle"}, ["/attributes/position"], "unknown_value"),
        ({"position": ["lane"]}, ["/attributes/position"], "unknown_value"),
        ({"position": {"key": "lane"}}, ["/attributes/position"], "unknown_value"),
        ({"position": "lane"}, ["/attributes/lane_number"], "required"),
        ({"position": "curb", "lane_number": 1}, ["/attributes/lane_number"], "not_asked"),
        ({"depth_cm": "12"}, ["/attributes/depth_cm"], "wrong_type"),
        ({"depth_cm": True}, ["/attributes/depth_cm"], "wrong_type"),
        ({"depth_cm": 1e300}, ["/attributes/depth_cm"], "out_of_range"),
        ({"depth_cm": [[[[]]]]}, ["/attributes/depth_cm"], "wrong_type"),
        ({"position": "a\u0000b"}, ["/attributes/position"], "null_characters_not_allowed"),
        ({"position": ["a\u0000b"]}, ["/attributes/position"], "null_characters_not_allowed"),
        ({"a\u0000b": 1}, ["/attributes/a\u0000b"], "null_characters_not_allowed"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_wrong_answers(
    phone: APIClient, city: SmallCity, attributes: dict[str, Any], pointers: list[str], code: str
) -> None:
    body = refused(submit(phone, report(city, attributes=attributes)), 422, "invalid", *pointers)
    assert {error["code"] for error in body["errors"]} == {code}


def test_a_null_byte_in_an_answer_of_free_text(phone: APIClient, city: SmallCity) -> None:
    response = submit(phone, report(city, service="streetlight", attributes={"pole_id": "4711\u0000"}))
    refused(response, 422, "invalid", "/attributes/pole_id")


def test_an_unknown_service(phone: APIClient, city: SmallCity) -> None:
    refused(submit(phone, report(city, service="volcano")), 422, "service_not_offered", "/service")


def test_a_service_of_the_other_ward(phone: APIClient, city: SmallCity) -> None:
    refused(submit(phone, report(city, "east", service="west_only")), 422, "service_not_offered", "/service")


def test_a_photo_that_the_service_needs(phone: APIClient, city: SmallCity) -> None:
    body = refused(submit(phone, report(city, service="graffiti")), 422, "invalid", "/photos")
    assert body["errors"][0]["code"] == "required"


def test_outside_the_city(phone: APIClient, city: SmallCity) -> None:
    latitude, longitude = city.point_outside()
    response = submit(phone, report(city, location={"latitude": latitude, "longitude": longitude}))
    body = refused(response, 422, "outside_every_jurisdiction", "/location")
    assert body["nearest"]["jurisdiction"] == "Smallville"
    assert body["nearest"]["distance"] == pytest.approx(4258, rel=0.01)


def test_no_more_than_a_hundred_faults_are_listed(phone: APIClient, city: SmallCity) -> None:
    response = submit(phone, report(city) | {f"f{number}": 0 for number in range(1000)})
    assert response.status_code == 422
    assert len(response.json()["errors"]) == 100


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"{", 400, "parse_error"),
        (b"pothole", 400, "parse_error"),
        (b'{"service": "pothole", "location": {"latitude": NaN, "longitude": -100}}', 400, "parse_error"),
        (b'{"service": "pothole", "location": {"latitude": Infinity, "longitude": 1}}', 400, "parse_error"),
        (b'{"service": "pothole", "location": {"latitude": 1e400, "longitude": 1}}', 400, "parse_error"),
        (b'{"service": "pothole", "description": "\\ud800"}', 400, "parse_error"),
        (b'{"service": "pothole", "description": "\xff\xfe"}', 400, "parse_error"),
        ('{"service": "pothole"}'.encode("utf-16"), 400, "parse_error"),
        (b"[" * 5000, 400, "parse_error"),
        (b'{"attributes":' * 5000, 400, "parse_error"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b"7", 422, "invalid"),
        (b'"pothole"', 422, "invalid"),
        (b'[{"service": "pothole"}]', 422, "invalid"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_body_that_is_no_report(phone: APIClient, body: bytes, status: int, code: str) -> None:
    response = phone.post(f"{API}/requests", body, content_type="application/json")
    problem = refused(response, status, code, *(["/service"] if body == b"" else [""]))
    assert problem["errors"][0]["detail"]


def test_a_megabyte_of_description(phone: APIClient, city: SmallCity) -> None:
    refused(submit(phone, report(city, description="d" * 2**20)), 413, "body_too_large", "")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x"],
)
def test_another_content_type(phone: APIClient, content_type: str) -> None:
    response = phone.post(f"{API}/requests", b'{"service": "pothole"}', content_type=content_type)
    refused(response, 415, "unsupported_media_type")
