"""POST /requests: what comes back, and from where its place is taken."""

from uuid import UUID, uuid4

import pytest
from rest_framework.test import APIClient

from requests311.models import Event, Photo, ServiceRequest
from tests.api.asking import API, refused, report, submit, submitted, uploaded
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in
from tests.factories.photos import exif, photo

pytestmark = pytest.mark.django_db


def test_a_whole_report(phone: APIClient, city: SmallCity) -> None:
    photo_id = uploaded(phone)
    body = report(
        city,
        address="12 Canal Street",
        description="  Deep, on the cycle lane.\n",
        attributes={"lane_number": 2, "position": "lane"},
        photos=[photo_id],
        client_id="phone-0001",
        contact={"name": "Ada", "email": "ada@example.org", "phone": ""},
    )
    response = submit(phone, body, key="k-1")

    assert response.status_code == 201
    made = response.json()
    request = ServiceRequest.objects.get()
    assert made["id"] == str(request.pk)
    assert made["number"] == request.number
    assert {key: made[key] for key in ("status", "jurisdiction", "service", "service_name", "version")} == {
        "status": "submitted",
        "jurisdiction": "smallville",
        "service": "pothole",
        "service_name": "Pothole",
        "version": 1,
    }
    assert made["department"] == {"code": "roads-west", "name": "Roads – West Yard"}
    assert "West Ward" in made["reason"]
    assert made["areas"] == [{"kind": "ward", "code": "west", "name": "West Ward"}]
    assert made["location"] == body["location"]
    assert made["address"] == "12 Canal Street"
    assert made["description"] == "  Deep, on the cycle lane.\n"
    assert made["attributes"] == {"position": "lane", "lane_number": 2}
    assert [entry["id"] for entry in made["photos"]] == [photo_id]
    assert made["client_id"] == "phone-0001"
    assert made["contact"] == {"name": "Ada", "email": "ada@example.org"}
    assert made["due_at"] is not None
    assert "reporter" not in made
    assert "assignee" not in made
    assert response["ETag"].startswith('"1-')
    assert response["Location"] == f"http://testserver{API}/requests/{made['id']}"
    assert "Idempotent-Replayed" not in response
    assert Event.objects.get().to_status == "submitted"
    assert Photo.objects.get().request_id == request.pk


def test_the_answer_is_what_a_get_gives(phone: APIClient, city: SmallCity) -> None:
    response = submit(phone, report(city))
    read = phone.get(response["Location"])
    assert read.json() == response.json()
    assert read["ETag"] == response["ETag"]


def test_the_least_that_will_do(phone: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    assert (made["address"], made["description"], made["attributes"], made["photos"]) == ("", "", {}, [])
    assert (made["client_id"], made["contact"]) == (None, {})


def test_without_a_location_the_photo_says_where(phone: APIClient, city: SmallCity) -> None:
    place = city.point_in("east")
    elsewhere = uploaded(phone, photo(metadata=exif(place=None)))
    there = uploaded(phone, photo(metadata=exif(place=place)))
    for location in ({}, {"location": None}):
        made = submit(phone, {"service": "pothole", "photos": [elsewhere, there], **location}).json()
        assert made["department"]["code"] == "roads-east"
        assert made["location"]["latitude"] == pytest.approx(place[0], abs=1e-5)
        assert made["location"]["longitude"] == pytest.approx(place[1], abs=1e-5)
        Photo.objects.update(request=None)


def test_a_location_counts_for_more_than_the_photo(phone: APIClient, city: SmallCity) -> None:
    there = uploaded(phone, photo(metadata=exif(place=city.point_in("east"))))
    assert submitted(phone, city, photos=[there])["department"]["code"] == "roads-west"


def test_with_neither_it_is_refused_and_the_photo_is_still_free(phone: APIClient, city: SmallCity) -> None:
    placeless = uploaded(phone, photo(metadata=exif(place=None)))
    refused(submit(phone, {"service": "pothole"}), 422, "location_missing", "/location")
    refused(submit(phone, {"service": "pothole", "photos": [placeless]}), 422, "location_missing", "/location")
    assert not ServiceRequest.objects.exists()
    assert submitted(phone, city, photos=[placeless])["photos"][0]["id"] == placeless


def test_an_answer_may_send_it_elsewhere(phone: APIClient, city: SmallCity) -> None:
    assert submitted(phone, city, attributes={"position": "curb"})["department"]["code"] == "parks"


def test_staff_report_as_anybody(city: SmallCity) -> None:
    crew = signed_in(person(role="crew", city=city, department="roads-west"))
    made = submitted(crew, city)
    # Their own report as its reporter sees it; what they may see as staff is in GET.
    assert "assignee" not in made
    assert made["client_id"] is None


def test_a_private_service_makes_a_private_report(phone: APIClient, stranger: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city, service="heating")
    assert made["visibility"] == "private"
    refused(stranger.get(f"{API}/requests/{made['id']}"), 404, "not_found")


def test_ids_cannot_be_walked(phone: APIClient, city: SmallCity) -> None:
    ids = [UUID(submitted(phone, city)["id"]) for _ in range(3)]
    assert ids == sorted(ids)
    # 62 random bits at the end of a UUIDv7; neighbours have nothing in common there.
    assert len({identifier.int & (2**32 - 1) for identifier in ids}) == 3
    assert all(identifier.version == 7 for identifier in ids)


@pytest.mark.parametrize(
    "photo_of",
    ["nobody", "a stranger", "a report of mine", "rejected"],
)
def test_a_photo_that_is_not_mine_to_use(phone: APIClient, stranger: APIClient, city: SmallCity, photo_of: str) -> None:
    mine = uploaded(phone)
    wrong = str(uuid4()) if photo_of == "nobody" else uploaded(stranger if photo_of == "a stranger" else phone)
    if photo_of == "a report of mine":
        submitted(phone, city, photos=[wrong])
    if photo_of == "rejected":
        Photo.objects.filter(pk=wrong).update(state="rejected", reason="x")
    before = ServiceRequest.objects.count()

    body = refused(submit(phone, report(city, photos=[mine, wrong])), 422, "invalid", "/photos/1")
    # The same words in every case: whether a stranger's photo exists is not to be learnt here.
    assert body["errors"][0]["code"] == "photo_not_usable"
    assert "unknown, was rejected, or is part of another report" in body["errors"][0]["detail"]
    assert ServiceRequest.objects.count() == before
    assert Photo.objects.get(pk=mine).request_id is None


def test_nobody_in_particular_cannot_report(client: APIClient, city: SmallCity) -> None:
    response = submit(client, report(city))
    refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not ServiceRequest.objects.exists()
