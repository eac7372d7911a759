"""GET services: what can be reported."""

from collections.abc import Mapping

import pytest

from requests311.models import Jurisdiction, Service
from tests.api.open311.making import sandbox_of
from tests.api.open311.reading import Speaker, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db


def codes(speak: Speaker, query: Mapping[str, object] | None = None) -> set[str]:
    answer = speak.get("services", query)
    assert answer.status == 200, answer.content
    return {entry["service_code"] for entry in answer.content}


def test_what_it_says(speak: Speaker, city: SmallCity) -> None:
    answer = speak.get("services")
    assert answer.status == 200
    assert answer.root in {"", "services"}
    by_code = {entry["service_code"]: entry for entry in answer.content}
    assert set(by_code) == set(city.services)
    assert by_code["pothole"] == {
        "service_code": "pothole",
        "service_name": "Pothole",
        "description": "A hole in the road.",
        "metadata": True,
        "type": "realtime",
        "keywords": "hole,road",
        "group": "Streets",
    }
    # Without questions, a description and keywords.
    assert by_code["graffiti"] == {
        "service_code": "graffiti",
        "service_name": "Graffiti",
        "description": None,
        "metadata": False,
        "type": "realtime",
        "keywords": None,
        "group": "Cleanliness",
    }


def test_in_json_the_list_is_the_outermost(city: SmallCity) -> None:
    from django.test import Client

    assert Client().get("/open311/v2/services.json").content.startswith(b"[{")


def test_a_list_of_one_is_a_list(speak: Speaker, city: SmallCity) -> None:
    Service.objects.exclude(code="pothole").update(active=False)
    content = speak.get("services").content
    assert isinstance(content, list)
    assert [entry["service_code"] for entry in content] == ["pothole"]


def test_an_empty_list_is_a_list(speak: Speaker, city: SmallCity) -> None:
    Service.objects.update(active=False)
    assert speak.get("services").content == []


def test_a_private_service_says_so_among_its_keywords(speak: Speaker, city: SmallCity) -> None:
    Service.objects.filter(code="heating").update(keywords=["cold"])
    keywords = {entry["service_code"]: entry["keywords"] for entry in speak.get("services").content}
    assert "private" in keywords["heating"].split(",")
    assert "cold" in keywords["heating"].split(",")
    assert "private" not in keywords["pothole"].split(",")


def test_what_is_no_longer_offered_is_not_there(speak: Speaker, city: SmallCity) -> None:
    Service.objects.filter(code="pothole").update(active=False)
    assert "pothole" not in codes(speak)


def test_a_place_narrows_it(speak: Speaker, city: SmallCity) -> None:
    west, east = (dict(zip(("lat", "long"), city.point_in(ward), strict=True)) for ward in ("west", "east"))
    assert codes(speak, west) == set(city.services)
    assert codes(speak, east) == set(city.services) - {"west_only"}


def test_an_empty_place_is_none(speak: Speaker, city: SmallCity) -> None:
    assert codes(speak, {"lat": "", "long": ""}) == set(city.services)


@pytest.mark.parametrize(
    "query",
    [{"lat": "40"}, {"long": "-100"}, {"lat": "x", "long": "1"}, {"lat": "91", "long": "0"}, {"lat": "NaN", "long": 0}],
)
def test_half_a_place_and_no_place_are_refused(speak: Speaker, city: SmallCity, query: dict[str, str]) -> None:
    refused(speak.get("services", query), 400, "lat")


def test_nothing_is_offered_outside(speak: Speaker, city: SmallCity) -> None:
    latitude, longitude = city.point_outside()
    assert codes(speak, {"lat": latitude, "long": longitude}) == set()


def test_each_jurisdiction_has_its_own(speak: Speaker, city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    Service.objects.filter(jurisdiction=other.jurisdiction).exclude(code="pothole").update(active=False)
    assert codes(speak, {"jurisdiction_id": "otherton"}) == {"pothole"}
    assert codes(speak, {"jurisdiction_id": "smallville"}) == set(city.services)


def test_of_several_jurisdictions_one_must_be_named(speak: Speaker, city: SmallCity) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    refused(speak.get("services"), 400, "jurisdiction_id required")
    refused(speak.get("services", {"jurisdiction_id": ""}), 400, "jurisdiction_id required")


def test_an_unknown_jurisdiction_is_404_even_where_there_is_only_one(speak: Speaker, city: SmallCity) -> None:
    refused(speak.get("services", {"jurisdiction_id": "atlantis"}), 404, "jurisdiction_id", "atlantis")


def test_a_sandbox_does_not_count_as_a_second(speak: Speaker, city: SmallCity) -> None:
    sandbox = sandbox_of(city)
    Service.objects.filter(jurisdiction=sandbox.jurisdiction).exclude(code="pothole").update(active=False)
    assert codes(speak) == set(city.services)
    assert codes(speak, {"jurisdiction_id": sandbox.jurisdiction.code}) == {"pothole"}


def test_names_are_in_the_first_language_of_the_jurisdiction(speak: Speaker, city: SmallCity) -> None:
    Jurisdiction.objects.filter(pk=city.jurisdiction.pk).update(languages=["en", "es"])
    assert {"Pothole"} == {
        entry["service_name"] for entry in speak.get("services").content if entry["service_code"] == "pothole"
    }


def test_no_key_is_asked_for(speak: Speaker, city: SmallCity) -> None:
    assert speak.get("services", {"api_key": "wrong"}).status == 200
