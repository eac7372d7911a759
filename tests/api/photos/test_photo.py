"""GET /photos/{id}"""

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from requests311.models import Photo, ServiceRequest
from requests311.photos import variants
from tests.api.asking import API, refused, submitted, uploaded, without_what_differs
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in
from tests.factories.photos import hollowed, photo

pytestmark = pytest.mark.django_db


def get(client: APIClient, id_: str) -> Any:
    return client.get(f"{API}/photos/{id_}")


def test_pending_then_ready(phone: APIClient) -> None:
    id_ = uploaded(phone)
    assert (get(phone, id_).json()["state"], get(phone, id_).json()["variants"]) == ("pending", None)

    variants.process(UUID(id_))
    response = get(phone, id_)
    assert response.json()["state"] == "ready"
    assert response.json()["variants"] == {
        "thumbnail": f"http://testserver{API}/photos/{id_}/thumbnail",
        "large": f"http://testserver{API}/photos/{id_}/large",
    }
    assert "private" in response["Cache-Control"]
    assert response["Vary"] == "Authorization"


def test_rejected_with_the_reason(phone: APIClient, client: APIClient, city: SmallCity) -> None:
    id_ = uploaded(phone, hollowed(photo()))
    submitted(phone, city, photos=[id_])
    variants.process(UUID(id_))

    body = get(phone, id_).json()
    assert (body["state"], body["variants"]) == ("rejected", None)
    assert "damaged" in body["reason"]
    # Nobody else is told of it.
    refused(get(client, id_), 404, "not_found")


def test_where_and_when_is_for_its_sender_and_for_staff(
    phone: APIClient, client: APIClient, stranger: APIClient, crew: APIClient, city: SmallCity
) -> None:
    id_ = uploaded(phone)
    submitted(phone, city, photos=[id_])
    for entitled in (phone, crew):
        body = get(entitled, id_).json()
        assert body["captured_at"] is not None
        assert body["location"] is not None
    foreign = signed_in(person(role="crew", city=city, department="parks"))
    for anybody in (client, stranger, foreign):
        body = get(anybody, id_).json()
        assert body["id"] == id_
        assert (body["captured_at"], body["location"]) == (None, None)


def test_one_that_is_in_no_report_is_its_senders_alone(
    phone: APIClient, client: APIClient, stranger: APIClient, crew: APIClient
) -> None:
    id_ = uploaded(phone)
    for anybody in (client, stranger, crew):
        hidden, absent = get(anybody, id_), get(anybody, "019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b")
        refused(hidden, 404, "not_found")
        assert without_what_differs(hidden) == without_what_differs(absent)


def test_it_is_hidden_with_its_report(phone: APIClient, client: APIClient, city: SmallCity) -> None:
    id_ = uploaded(phone)
    submitted(phone, city, photos=[id_])
    assert get(client, id_).status_code == 200
    ServiceRequest.objects.update(visibility="private")
    refused(get(client, id_), 404, "not_found")
    assert get(phone, id_).status_code == 200


@pytest.mark.parametrize("id_", ["x", "1", "-" * 36, "019f1c2e8a107c33b6d10f4c5d6e7a8b", "%00", "019f1c2e-8a10"])
def test_what_is_no_id(client: APIClient, id_: str) -> None:
    refused(get(client, id_), 404, "not_found")
    refused(client.get(f"{API}/photos/{id_}/large"), 404, "not_found")


def test_a_person_who_is_gone_leaves_no_personal_photo(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    id_ = uploaded(phone)
    submitted(phone, city, photos=[id_])
    Photo.objects.update(uploaded_by=None)
    assert get(APIClient(), id_).json()["location"] is None
    assert get(crew, id_).json()["location"] is not None
