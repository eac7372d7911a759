"""GET /locate"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Jurisdiction
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db

URL = f"{API}/locate"


def ask(client: APIClient, place: tuple[float, float], **more: str) -> Any:
    query: dict[str, Any] = {"latitude": place[0], "longitude": place[1], **more}
    return client.get(URL, query)


@pytest.mark.parametrize(
    ("ward", "department"),
    [
        ("west", {"code": "roads-west", "name": "Roads – West Yard"}),
        ("east", {"code": "roads-east", "name": "Roads – East Yard"}),
    ],
)
def test_who_would_get_it_and_why(client: APIClient, city: SmallCity, ward: str, department: object) -> None:
    response = ask(client, city.point_in(ward), service="pothole")

    assert response.status_code == 200
    body = response.json()
    assert body["jurisdiction"] == {"code": "smallville", "name": "Smallville"}
    assert body["areas"] == [{"kind": "ward", "code": ward, "name": f"{ward.capitalize()} Ward"}]
    assert body["department"] == department
    assert f"{ward.capitalize()} Ward" in body["reason"]


def test_what_no_rule_catches_goes_to_the_desk(client: APIClient, city: SmallCity) -> None:
    body = ask(client, city.point_in("west"), service="graffiti").json()
    assert body["department"]["code"] == "desk"
    assert body["reason"]


def test_without_a_service_only_the_place(client: APIClient, city: SmallCity) -> None:
    body = ask(client, city.point_in("west")).json()
    assert body["jurisdiction"]["code"] == "smallville"
    assert [area["code"] for area in body["areas"]] == ["west"]
    assert (body["department"], body["reason"]) == (None, None)


def test_a_border_belongs_to_one_side_always_the_same(client: APIClient, city: SmallCity) -> None:
    answers = [ask(client, city.border_point(), service="pothole").json() for _ in range(3)]
    assert [area["code"] for area in answers[0]["areas"]] == ["east"]
    assert answers[0]["department"]["code"] == "roads-east"
    assert answers[0] == answers[1] == answers[2]


def test_a_border_between_two_cities_belongs_to_one(client: APIClient, city: SmallCity) -> None:
    small_city("aaaville", origin=(-100.2, 40.0))
    latitude, longitude = city.origin[1] + 0.1, city.origin[0]
    answers = [ask(client, (latitude, longitude), service="pothole").json() for _ in range(3)]
    assert answers[0]["jurisdiction"]["code"] in {"aaaville", "smallville"}
    assert answers[0] == answers[1] == answers[2]
    assert len(answers[0]["areas"]) == 1


def test_a_report_from_there_goes_where_it_said(client: APIClient, phone: APIClient, city: SmallCity) -> None:
    from tests.api.asking import submitted

    for ward in ("west", "east"):
        said = ask(client, city.point_in(ward), service="pothole").json()
        made = submitted(phone, city, ward)
        assert (made["department"], made["areas"], made["reason"]) == (
            said["department"],
            said["areas"],
            said["reason"],
        )


def test_outside_the_nearest_is_named_with_its_distance(client: APIClient, city: SmallCity) -> None:
    small_city("far", origin=(-80.0, 40.0))
    body = refused(ask(client, city.point_outside()), 422, "outside_every_jurisdiction", "/location")
    assert body["nearest"]["jurisdiction"] == "Smallville"
    # 0.05° of longitude at 40.1° north: 111,320 m × cos 40.1° × 0.05 on a sphere, within 1 % on the ellipsoid.
    assert body["nearest"]["distance"] == pytest.approx(4258, rel=0.01)
    assert "Smallville" in body["detail"]


@pytest.mark.parametrize(("ward", "service"), [("east", "west_only"), ("west", "unknown"), ("west", "POTHOLE")])
def test_a_service_that_is_not_offered_there(client: APIClient, city: SmallCity, ward: str, service: str) -> None:
    refused(ask(client, city.point_in(ward), service=service), 422, "service_not_offered", "/service")


def test_a_jurisdiction_without_a_desk_is_our_mistake(city: SmallCity) -> None:
    from requests311.models import Department

    Department.objects.filter(code="desk").update(is_dispatch_desk=False)
    body = refused(ask(APIClient(raise_request_exception=False), city.point_in("west"), service="graffiti"), 500)
    assert body["code"] == "no_dispatch_desk"
    assert Jurisdiction.objects.exists()


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({}, ["/latitude", "/longitude"]),
        ({"latitude": "91", "longitude": "181"}, ["/latitude", "/longitude"]),
        ({"latitude": "NaN", "longitude": "nan"}, ["/latitude", "/longitude"]),
        ({"latitude": "40", "longitude": "-100", "service": "x" * 61}, ["/service"]),
        ({"latitude": "40", "longitude": "-100", "service": "a\u0000b"}, ["/service"]),
        ({"latitude": "40", "longitude": "-100", "service": ""}, ["/service"]),
        ({"latitude": "40", "longitude": "-100", "department": "x"}, ["/department"]),
    ],
)
def test_wrong_input_is_named(client: APIClient, city: SmallCity, query: dict[str, str], pointers: list[str]) -> None:
    refused(client.get(URL, query), 422, "invalid", *pointers)
