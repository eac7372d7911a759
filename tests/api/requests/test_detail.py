"""GET /requests/{key}"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Department, Photo, ServiceRequest
from tests.api.asking import API, refused, submitted, uploaded, without_what_differs
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

CONTACT = {"name": "Ada", "email": "ada@example.org"}
PERSONAL = {"contact", "client_id", "channel", "question"}
INTERNAL = {
    *("reporter", "assignee", "team", "priority", "hold_reason", "first_response_due_at", "parent"),
}


def get(client: APIClient, key: str, **headers: str) -> Any:
    return client.get(f"{API}/requests/{key}", headers=headers)


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, contact=CONTACT, client_id="c", description="Deep.")


@pytest.fixture
def private(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, service="heating", contact=CONTACT)


def spellings(number: str) -> list[str]:
    bare = number.replace("-", "")
    return [number, bare, number.lower(), bare.lower(), f"{bare[:2]} {bare[2:]}", bare.replace("0", "O"),
            bare.replace("1", "I"), bare.replace("1", "l")]  # fmt: skip


def test_by_id_and_by_number_in_any_spelling(client: APIClient, made: dict[str, Any]) -> None:
    by_id = get(client, made["id"])
    assert by_id.status_code == 200
    assert by_id.json()["number"] == made["number"]
    for spelling in [made["id"].upper(), *spellings(made["number"])]:
        assert get(client, spelling).content == by_id.content, spelling


def test_the_public_view(client: APIClient, stranger: APIClient, made: dict[str, Any]) -> None:
    for anybody in (client, stranger):
        response = get(anybody, made["id"])
        assert response.json() == {key: value for key, value in made.items() if key not in PERSONAL}
        assert "Ada" not in response.content.decode()
        assert response["Vary"] == "Authorization"
        assert "private" in response["Cache-Control"]


def test_the_reporters_view(phone: APIClient, made: dict[str, Any]) -> None:
    assert get(phone, made["id"]).json() == made
    assert made["contact"] == CONTACT
    assert not INTERNAL & set(made)


@pytest.mark.parametrize(
    ("role", "department"),
    [("crew", "roads-west"), ("crew", "roads"), ("manager", "roads-west"), ("dispatcher", None), ("auditor", None)],
)
def test_the_staff_view(city: SmallCity, made: dict[str, Any], role: str, department: str | None) -> None:
    body = get(signed_in(person(role=role, city=city, department=department)), made["id"]).json()
    assert {key: value for key, value in body.items() if key not in INTERNAL} == made
    assert body["reporter"] == str(ServiceRequest.objects.get().reporter_id)
    assert body["assignee"] is None


@pytest.mark.parametrize("who", ["other department", "other city"])
def test_staff_of_others_see_what_the_public_sees(city: SmallCity, made: dict[str, Any], who: str) -> None:
    if who == "other department":
        staff = person(role="crew", city=city, department="parks")
    else:
        staff = person(role="dispatcher", city=small_city("otherton", origin=(-90.0, 40.0)))
    assert not (PERSONAL | INTERNAL) & set(get(signed_in(staff), made["id"]).json())


def test_a_membership_that_ended_shows_nothing(city: SmallCity, made: dict[str, Any]) -> None:
    from django.utils import timezone

    staff = person(role="dispatcher", city=city)
    staff.memberships.update(valid_to=timezone.now())
    assert not INTERNAL & set(get(signed_in(staff), made["id"]).json())


def test_private_and_absent_look_the_same(client: APIClient, stranger: APIClient, private: dict[str, Any]) -> None:
    for anybody in (client, stranger):
        absent = get(anybody, "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f")
        refused(absent, 404, "not_found")
        for key in (private["id"], private["number"]):
            hidden = get(anybody, key)
            assert without_what_differs(hidden) == without_what_differs(absent)
            assert set(hidden.headers) == set(absent.headers)


def test_a_private_one_is_there_for_its_reporter_and_its_department(
    phone: APIClient, city: SmallCity, private: dict[str, Any]
) -> None:
    crew = signed_in(person(role="crew", city=city, department="roads"))
    for entitled in (phone, crew):
        assert get(entitled, private["number"]).json()["contact"] == CONTACT


@pytest.mark.parametrize(
    "key",
    ["x", "0", "7K3F-9QTX", "%00", "a%0ab", "%F0%9F%95%B3", "%C3%9F", "..%5c", "'--", "9" * 2000, "{}", "%25s"],
)
def test_what_is_no_key_is_not_found(client: APIClient, city: SmallCity, key: str) -> None:
    refused(client.get(f"{API}/requests/{key}"), 404, "not_found")


def test_who_has_it_already(client: APIClient, made: dict[str, Any]) -> None:
    first = get(client, made["id"])
    for tag in (first["ETag"], f'"x", W/{first["ETag"]}', "*"):
        again = get(client, made["id"], **{"If-None-Match": tag})
        assert again.status_code == 304
        assert again.content == b""
        assert again["ETag"] == first["ETag"]
    assert get(client, made["id"], **{"If-None-Match": '"1-00000000"'}).status_code == 200


def test_what_is_not_to_be_seen_is_not_unmodified_either(
    phone: APIClient, client: APIClient, private: dict[str, Any]
) -> None:
    tag = get(phone, private["id"])["ETag"]
    for guess in (tag, "*"):
        refused(get(client, private["id"], **{"If-None-Match": guess}), 404, "not_found")


def test_another_view_has_another_tag(phone: APIClient, client: APIClient, made: dict[str, Any]) -> None:
    assert get(phone, made["id"])["ETag"] != get(client, made["id"])["ETag"]


def test_a_wrong_token_is_said_even_where_none_is_needed(client: APIClient, made: dict[str, Any]) -> None:
    for token in ("x", "", "é", "a.b.c"):
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
        response = get(client, made["id"])
        refused(response, 401, "authentication_failed")
        assert response["WWW-Authenticate"].startswith("Bearer")


def test_a_rejected_photo_is_not_shown(phone: APIClient, client: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city, photos=[uploaded(phone), uploaded(phone)])
    bad = made["photos"][0]["id"]
    Photo.objects.filter(pk=bad).update(state="rejected", reason="x")
    assert [entry["id"] for entry in get(client, made["id"]).json()["photos"]] == [made["photos"][1]["id"]]


def test_names_are_those_of_today(client: APIClient, made: dict[str, Any]) -> None:
    Department.objects.filter(code="roads-west").update(name="Western Roads")
    assert get(client, made["id"]).json()["department"]["name"] == "Western Roads"
