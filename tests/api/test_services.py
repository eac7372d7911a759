"""GET /services"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Jurisdiction, Service
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db

URL = f"{API}/services"


def ask(client: APIClient, place: tuple[float, float], **headers: str) -> Any:
    return client.get(URL, {"latitude": place[0], "longitude": place[1]}, headers=headers)


def by_code(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.content
    return {service["code"]: service for service in response.json()["results"]}


def test_what_is_offered_there(client: APIClient, city: SmallCity) -> None:
    services = by_code(ask(client, city.point_in("west")))

    assert set(services) == {"pothole", "streetlight", "graffiti", "heating", "west_only"}
    pothole = services["pothole"]
    assert {key: value for key, value in pothole.items() if key != "attributes"} == {
        "code": "pothole",
        "name": "Pothole",
        "description": "A hole in the road.",
        "group": "Streets",
        "keywords": ["hole", "road"],
        "photo": "optional",
        "asset": None,
        "jurisdiction": "smallville",
    }
    assert services["graffiti"]["photo"] == "required"
    assert services["west_only"]["photo"] == "none"


def test_a_service_of_one_ward_is_not_offered_in_the_other(client: APIClient, city: SmallCity) -> None:
    assert "west_only" in by_code(ask(client, city.point_in("west")))
    assert "west_only" not in by_code(ask(client, city.point_in("east")))


def test_questions_come_in_order_with_all_that_a_form_needs(client: APIClient, city: SmallCity) -> None:
    questions = by_code(ask(client, city.point_in("west")))["pothole"]["attributes"]

    assert questions == [
        {
            "code": "position",
            "order": 1,
            "datatype": "singlevaluelist",
            "required": False,
            "description": "Lane or kerb?",
            "datatype_description": "",
            "values": [{"key": "lane", "name": "In a lane"}, {"key": "curb", "name": "At the kerb"}],
            "depends_on": None,
        },
        {
            "code": "depth_cm",
            "order": 2,
            "datatype": "number",
            "required": False,
            "description": "How deep?",
            "datatype_description": "Centimetres.",
            "values": [],
            "depends_on": None,
        },
        {
            "code": "lane_number",
            "order": 3,
            "datatype": "number",
            "required": True,
            "description": "Which lane, counted from the kerb?",
            "datatype_description": "",
            "values": [],
            "depends_on": {"attribute": "position", "value": "lane"},
        },
    ]


@pytest.mark.parametrize("language", ["es", "es-MX", "fr, es;q=0.8", "ES"])
def test_in_the_language_that_is_asked_for(client: APIClient, city: SmallCity, language: str) -> None:
    response = ask(client, city.point_in("west"), **{"Accept-Language": language})

    assert response["Content-Language"] == "es"
    assert "Accept-Language" in response["Vary"]
    pothole = by_code(response)["pothole"]
    assert (pothole["name"], pothole["group"]) == ("Bache", "Calles")
    assert pothole["attributes"][0]["description"] == "¿Carril o bordillo?"
    assert [value["name"] for value in pothole["attributes"][0]["values"]] == ["En un carril", "En el bordillo"]
    # What nobody has translated stays as it is.
    assert pothole["attributes"][1]["description"] == "How deep?"


@pytest.mark.parametrize("language", ["", "fr", "*", "x" * 300, ";;;q=", "en;q=nan"])
def test_in_the_first_language_otherwise(client: APIClient, city: SmallCity, language: str) -> None:
    response = ask(client, city.point_in("west"), **{"Accept-Language": language})
    assert response["Content-Language"] == "en"
    assert by_code(response)["pothole"]["name"] == "Pothole"


def test_it_may_be_kept_and_asked_for_by_its_tag(client: APIClient, city: SmallCity) -> None:
    first = ask(client, city.point_in("west"))
    assert "public" in first["Cache-Control"]

    again = ask(client, city.point_in("west"), **{"If-None-Match": first["ETag"]})
    assert again.status_code == 304
    assert again.content == b""
    assert again["ETag"] == first["ETag"]


def test_a_change_of_the_catalogue_moves_the_tag(client: APIClient, city: SmallCity) -> None:
    first = ask(client, city.point_in("west"))
    Service.objects.filter(code="pothole").update(name="Hole in the road")

    answer = ask(client, city.point_in("west"), **{"If-None-Match": first["ETag"]})
    assert by_code(answer)["pothole"]["name"] == "Hole in the road"
    assert answer["ETag"] != first["ETag"]


def test_an_inactive_service_is_gone_at_once(client: APIClient, city: SmallCity) -> None:
    assert "pothole" in by_code(ask(client, city.point_in("west")))
    Service.objects.filter(code="pothole").update(active=False)
    assert "pothole" not in by_code(ask(client, city.point_in("west")))


def test_place_and_language_have_tags_of_their_own(client: APIClient, city: SmallCity) -> None:
    west = ask(client, city.point_in("west"))["ETag"]
    east = ask(client, city.point_in("east"))["ETag"]
    spanish = ask(client, city.point_in("west"), **{"Accept-Language": "es"})["ETag"]
    assert len({west, east, spanish}) == 3


def test_a_town_hears_nothing_of_its_neighbour(client: APIClient, city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    Service.objects.filter(jurisdiction=other.jurisdiction, code="pothole").update(name="Crater")
    Service.objects.filter(jurisdiction=other.jurisdiction).exclude(code="pothole").update(active=False)

    here, there = by_code(ask(client, city.point_in("west"))), by_code(ask(client, other.point_in("west")))
    assert here["pothole"]["name"] == "Pothole"
    assert list(there) == ["pothole"]
    assert (there["pothole"]["name"], there["pothole"]["jurisdiction"]) == ("Crater", "otherton")


def test_a_town_within_a_county_offers_both_its_own_first(client: APIClient, city: SmallCity) -> None:
    from tests.factories.cities import _area

    boundary = _area(None, "jurisdiction", "county", "County", (-101.0, 39.0, -99.0, 41.0))
    county = Jurisdiction.objects.create(
        code="county", name="County", boundary=boundary, time_zone="America/Chicago", languages=["en"]
    )
    Jurisdiction.objects.filter(pk=city.jurisdiction.pk).update(parent=county)
    Service.objects.create(jurisdiction=county, code="bridge", name="Bridge")
    Service.objects.create(jurisdiction=county, code="pothole", name="Of the county")

    services = by_code(ask(client, city.point_in("west")))
    assert (services["bridge"]["jurisdiction"], services["pothole"]["jurisdiction"]) == ("county", "smallville")


def test_outside_the_nearest_is_named(client: APIClient, city: SmallCity) -> None:
    body = refused(ask(client, city.point_outside()), 422, "outside_every_jurisdiction", "/location")
    assert body["nearest"]["jurisdiction"] == "Smallville"


def test_before_any_city_is_loaded(client: APIClient) -> None:
    refused(ask(client, (40.0, -100.0)), 422, "outside_every_jurisdiction")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({}, ["/latitude", "/longitude"]),
        ({"latitude": "40"}, ["/longitude"]),
        ({"latitude": "91", "longitude": "-181"}, ["/latitude", "/longitude"]),
        ({"latitude": "NaN", "longitude": "Infinity"}, ["/latitude", "/longitude"]),
        ({"latitude": "-inf", "longitude": "1e999"}, ["/latitude", "/longitude"]),
        ({"latitude": "", "longitude": "west"}, ["/latitude", "/longitude"]),
        ({"latitude": "1\u0000", "longitude": "1" * 2000}, ["/latitude", "/longitude"]),
        ({"latitude": "40", "longitude": "-100", "lang": "es"}, ["/lang"]),
    ],
)
def test_wrong_input_is_named(client: APIClient, city: SmallCity, query: dict[str, str], pointers: list[str]) -> None:
    refused(client.get(URL, query), 422, "invalid", *pointers)
