"""GET /locate?photo="""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Photo
from tests.api.asking import API, refused, uploaded, without_what_differs
from tests.api.test_statement_counts import at_most
from tests.factories.cities import SmallCity
from tests.factories.photos import exif, photo

pytestmark = pytest.mark.django_db

URL = f"{API}/locate"
ABSENT = "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f"


def taken_at(client: APIClient, place: tuple[float, float] | None) -> str:
    return uploaded(client, photo(metadata=exif(place=place)))


def ask(client: APIClient, photo: str, **more: Any) -> Any:
    return client.get(URL, {"photo": photo, **more})


def test_what_its_place_means(phone: APIClient, client: APIClient, city: SmallCity) -> None:
    latitude, longitude = city.point_in("east")
    response = ask(phone, taken_at(phone, (latitude, longitude)), service="pothole")

    assert response.status_code == 200
    assert response["Cache-Control"] == "private, no-store"
    assert response["Vary"] == "Authorization"
    body = response.json()
    place = body["location"]
    assert (place["latitude"], place["longitude"]) == (pytest.approx(latitude), pytest.approx(longitude))
    assert body["department"]["code"] == "roads-east"
    assert body == client.get(URL, {**place, "service": "pothole"}).json()


def test_without_a_service_only_the_place(phone: APIClient, city: SmallCity) -> None:
    body = ask(phone, taken_at(phone, city.point_in("west"))).json()
    assert (body["jurisdiction"]["code"], body["department"], body["reason"]) == ("smallville", None, None)


def test_a_photo_that_does_not_know(phone: APIClient, city: SmallCity) -> None:
    body = refused(ask(phone, taken_at(phone, None)), 422, "photo_has_no_place", "/photo")
    assert "does not know where it was taken" in body["detail"]


def test_a_photo_from_elsewhere(phone: APIClient, city: SmallCity) -> None:
    response = ask(phone, taken_at(phone, city.point_outside()))
    refused(response, 422, "outside_every_jurisdiction", "/location")


def test_anothers_photo_is_as_one_that_there_is_not(
    phone: APIClient, stranger: APIClient, dispatcher: APIClient, city: SmallCity
) -> None:
    """Not even staff, and with a place or without: the answer does not tell."""
    absent = ask(stranger, ABSENT)
    refused(absent, 404, "not_found")
    for place in (city.point_in("west"), None):
        mine = taken_at(phone, place)
        for who in (stranger, dispatcher):
            assert without_what_differs(ask(who, mine)) == without_what_differs(absent)


def test_nobodys_question(client: APIClient, phone: APIClient, city: SmallCity) -> None:
    mine = taken_at(phone, city.point_in("west"))
    for key in (mine, ABSENT, "x"):
        refused(ask(client, key), 401)


def test_a_place_beside_it_is_a_contradiction(phone: APIClient, city: SmallCity) -> None:
    latitude, longitude = city.point_in("west")
    mine = taken_at(phone, (latitude, longitude))
    both = ask(phone, mine, latitude=latitude, longitude=longitude)
    body = refused(both, 422, "invalid", "/latitude", "/longitude")
    assert {error["code"] for error in body["errors"]} == {"contradictory"}
    refused(ask(phone, mine, latitude=latitude), 422, "invalid", "/latitude")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"photo": ""}, ["/photo"]),
        ({"photo": "4711"}, ["/photo"]),
        ({"photo": ABSENT, "service": ""}, ["/service"]),
        ({"photo": ABSENT, "service": "x" * 61}, ["/service"]),
        ({"photo": ABSENT, "department": "roads"}, ["/department"]),
        ({"photo": [ABSENT, ABSENT]}, ["/photo"]),
    ],
)
def test_wrong_input_is_named(phone: APIClient, city: SmallCity, query: dict[str, Any], pointers: list[str]) -> None:
    refused(phone.get(URL, query), 422, "invalid", *pointers)


def test_statements(phone: APIClient, city: SmallCity) -> None:
    mine = taken_at(phone, city.point_in("west"))
    ask(phone, mine, service="pothole")
    with at_most(3):  # who asks, the photo, the place
        assert ask(phone, mine, service="pothole").status_code == 200


def test_a_place_needs_no_token_and_minds_no_bad_one(client: APIClient, city: SmallCity) -> None:
    client.credentials(HTTP_AUTHORIZATION="Bearer old")
    latitude, longitude = city.point_in("west")
    with at_most(1):
        assert client.get(URL, {"latitude": latitude, "longitude": longitude}).status_code == 200
    assert not Photo.objects.exists()
