"""POST /requests that names one of the city's things"""

from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone
from rest_framework.test import APIClient

from geo.models import Asset
from requests311.models import ServiceRequest
from tests.api.asking import API, refused, report, submit, submitted
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db

ABSENT = "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f"


@pytest.fixture
def lamp(city: SmallCity) -> Asset:
    asks_for(city, "optional")
    return light(city, owner="parks", name="Main Street")


def without_location(city: SmallCity, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in report(city, **more).items() if key != "location"}


def test_its_place_is_the_location_and_its_owner_has_it(phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    response = submit(phone, without_location(city, asset=str(lamp.pk)))

    assert response.status_code == 201
    made = response.json()
    assert made["asset"] == {"id": str(lamp.pk), "kind": "street_light", "code": "4711", "name": "Main Street"}
    assert made["location"] == {"latitude": lamp.place.y, "longitude": lamp.place.x}
    assert made["department"] == {"code": "parks", "name": "Parks Department"}
    assert made["reason"] == "Street light 4711 belongs to Parks Department"
    assert [area["code"] for area in made["areas"]] == ["west"]
    assert ServiceRequest.objects.get().asset == lamp


def test_its_place_goes_before_a_phones(phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    latitude, longitude = city.point_in("west")
    near = {"latitude": latitude + 0.001, "longitude": longitude}
    made = submitted(phone, city, location=near, asset=str(lamp.pk))
    assert made["location"] == {"latitude": lamp.place.y, "longitude": lamp.place.x}


def test_a_phone_that_takes_itself_to_be_outside(phone: APIClient, city: SmallCity) -> None:
    asks_for(city, "optional")
    at_the_edge = light(city, place=Point(city.origin[0] + 0.0001, city.origin[1] + 0.1, srid=4326))
    outside = {"latitude": city.origin[1] + 0.1, "longitude": city.origin[0] - 0.0005}
    submitted(phone, city, location=outside, asset=str(at_the_edge.pk))


def test_without_one_rules_decide(phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    made = submitted(phone, city, asset=None)
    assert (made["asset"], made["department"]["code"]) == (None, "roads-west")


def test_a_service_that_needs_one(phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    asks_for(city, "required")
    body = refused(submit(phone, report(city)), 422, "invalid", "/asset")
    assert body["errors"][0]["code"] == "required"
    assert body["errors"][0]["detail"] == "Pothole needs the street light that it is about."
    submitted(phone, city, asset=str(lamp.pk))


def code_of(response: Any) -> str:
    return str(refused(response, 422, "invalid", "/asset")["errors"][0]["code"])


class TestRefusals:
    def test_unknown(self, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        assert code_of(submit(phone, report(city, asset=ABSENT))) == "asset_unknown"

    @pytest.mark.parametrize("asset", ["4711", "", 4711, ["x"]])
    def test_no_id(self, phone: APIClient, city: SmallCity, lamp: Asset, asset: Any) -> None:
        refused(submit(phone, report(city, asset=asset)), 422, "invalid", "/asset")

    def test_gone(self, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        Asset.objects.update(retired_at=timezone.now())
        assert code_of(submit(phone, report(city, asset=str(lamp.pk)))) == "asset_retired"

    def test_another_kind(self, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        hydrant = light(city, kind="hydrant")
        response = submit(phone, report(city, asset=str(hydrant.pk)))
        assert code_of(response) == "asset_of_another_kind"
        assert "about a street light, not about a hydrant" in response.json()["errors"][0]["detail"]

    def test_a_service_that_takes_none(self, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        assert code_of(submit(phone, report(city, service="heating", asset=str(lamp.pk)))) == "not_taken"

    def test_far_from_where_the_reporter_is(self, phone: APIClient, city: SmallCity) -> None:
        asks_for(city, "optional")
        near, far = light(city, "near", north=199), light(city, "far", north=203)
        response = submit(phone, report(city, asset=str(far.pk)))
        assert code_of(response) == "asset_too_far"
        assert "metres from the location given" in response.json()["errors"][0]["detail"]
        submitted(phone, city, asset=str(near.pk))

    def test_another_citys(self, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        """It stands here, and is a neighbour's: a county's hydrant within a town."""
        other = small_city("otherton", origin=(-90.0, 40.0))
        Asset.objects.update(jurisdiction=other.areas["boundary"])
        assert code_of(submit(phone, report(city, asset=str(lamp.pk)))) == "asset_elsewhere"

    def test_nothing_is_left_of_it(self, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        submit(phone, report(city, asset=ABSENT), key="k")
        assert not ServiceRequest.objects.exists()


def test_the_same_report_again_though_the_thing_is_gone(phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    """What was taken once is not refused the second time."""
    first = submitted(phone, city, asset=str(lamp.pk), client_id="c")
    Asset.objects.update(retired_at=timezone.now())
    again = submit(phone, report(city, asset=str(lamp.pk), client_id="c"))
    assert (again.status_code, again.json()["id"]) == (200, first["id"])


def test_the_catalogue_says_what_to_ask_for(client: APIClient, city: SmallCity, lamp: Asset) -> None:
    asks_for(city, "required", "hydrant", service="graffiti")
    latitude, longitude = city.point_in("west")
    listed = client.get(f"{API}/services", {"latitude": latitude, "longitude": longitude}).json()["results"]
    asked = {service["code"]: service["asset"] for service in listed}
    assert asked["pothole"] == {"kind": "street_light", "required": False}
    assert asked["graffiti"] == {"kind": "hydrant", "required": True}
    assert asked["heating"] is None
