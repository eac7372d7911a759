"""PUT and DELETE /requests/{key}/following"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Follower
from tests.api.asking import API, refused, submitted
from tests.api.requests.working import acted
from tests.factories.cities import SmallCity

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(stranger: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(stranger, city)


def url(key: str) -> str:
    return f"{API}/requests/{key}/following"


def test_a_guest_follows_twice_and_no_more_twice(phone: APIClient, made: dict[str, Any]) -> None:
    first = phone.put(url(made["number"]), {})
    assert first.status_code == 200, first.content
    assert first.json()["supports"] is False
    again = phone.put(url(made["id"]), {"supports": True})
    assert (again.status_code, again.json()["supports"]) == (200, True)
    assert again.json()["since"] == first.json()["since"]
    assert Follower.objects.count() == 1
    for _ in range(2):
        response = phone.delete(url(made["id"]))
        assert (response.status_code, response.content) == (204, b"")
    assert not Follower.objects.exists()


def test_of_a_duplicate_the_kept_one(
    phone: APIClient, stranger: APIClient, dispatcher: APIClient, city: SmallCity, made: dict[str, Any]
) -> None:
    kept = submitted(stranger, city)
    acted(dispatcher, made["id"], "merge", {"into": kept["id"]})
    assert phone.put(url(made["id"]), {"supports": True}).status_code == 200
    assert [str(row.request_id) for row in Follower.objects.all()] == [kept["id"]]


def test_private_ones_of_others_are_not_there(phone: APIClient, stranger: APIClient, city: SmallCity) -> None:
    secret = submitted(stranger, city, service="heating")
    for key in (secret["id"], secret["number"], "nonsense"):
        refused(phone.put(url(key), {}), 404, "not_found")
        refused(phone.delete(url(key)), 404, "not_found")
    assert stranger.put(url(secret["id"]), {}).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"), [({"supports": "yes"}, "/supports"), ({"supports": None}, "/supports"), ({"more": 1}, "/more")]
)
def test_what_is_no_body(phone: APIClient, made: dict[str, Any], body: dict[str, Any], pointer: str) -> None:
    refused(phone.put(url(made["id"]), body), 422, "invalid", pointer)


def test_nobody_follows(client: APIClient, made: dict[str, Any]) -> None:
    refused(client.put(url(made["id"]), {}), 401)
    refused(client.delete(url(made["id"])), 401)
