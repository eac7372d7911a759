"""GET /assets/{asset_id}, GET /requests/{key}/earlier and GET /requests?asset="""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from geo.models import Asset
from requests311.queries import assets
from tests.api.asking import API, refused, submitted
from tests.api.test_statement_counts import at_most
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity

pytestmark = pytest.mark.django_db

ABSENT = "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f"


@pytest.fixture
def lamp(city: SmallCity) -> Asset:
    asks_for(city, "optional")
    asks_for(city, "optional", service="heating")
    return light(city, name="Main Street")


def numbers(client: APIClient, path: str, member: str = "results") -> list[str]:
    response = client.get(f"{API}{path}")
    assert response.status_code == 200, response.content
    return [entry["number"] for entry in response.json()[member]]


def test_the_asset_with_its_reports(client: APIClient, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    first, second = (submitted(phone, city, asset=str(lamp.pk)) for _ in range(2))
    submitted(phone, city)

    response = client.get(f"{API}/assets/{lamp.pk}")

    assert response["Vary"] == "Authorization"
    body = response.json()
    assert [request["number"] for request in body["requests"]] == [second["number"], first["number"]]
    shown = {"id": str(lamp.pk), "kind": "street_light", "code": "4711", "name": "Main Street"}
    assert body["requests"][0]["asset"] == shown
    assert body["open_requests"] == 2
    assert body["retired_at"] is None
    assert body["jurisdiction"] == "smallville"
    assert "contact" not in body["requests"][0]


def test_private_reports_are_for_those_who_may(
    client: APIClient, phone: APIClient, stranger: APIClient, dispatcher: APIClient, city: SmallCity, lamp: Asset
) -> None:
    made = submitted(phone, city, service="heating", asset=str(lamp.pk))
    for who, seen in ((client, []), (stranger, []), (phone, [made["number"]]), (dispatcher, [made["number"]])):
        assert numbers(who, f"/assets/{lamp.pk}", "requests") == seen
        assert numbers(who, f"/requests?asset={lamp.pk}") == seen
        assert who.get(f"{API}/assets/{lamp.pk}").json()["open_requests"] == 0


def test_what_is_gone_keeps_its_reports(client: APIClient, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    made = submitted(phone, city, asset=str(lamp.pk))
    Asset.objects.update(retired_at=timezone.now())
    assert numbers(client, f"/assets/{lamp.pk}", "requests") == [made["number"]]
    assert client.get(f"{API}/assets/{lamp.pk}").json()["retired_at"] is not None


def test_no_more_than_a_page_of_them(
    client: APIClient, phone: APIClient, city: SmallCity, lamp: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "SHOWN", 2)
    made = [submitted(phone, city, asset=str(lamp.pk))["number"] for _ in range(3)]
    assert numbers(client, f"/assets/{lamp.pk}", "requests") == made[:0:-1]
    assert numbers(client, f"/requests?asset={lamp.pk}") == made[::-1]


def test_an_asset_that_there_is_not(client: APIClient, db: None) -> None:
    refused(client.get(f"{API}/assets/{ABSENT}"), 404, "not_found")
    refused(client.get(f"{API}/assets/4711"), 404, "not_found")


def test_the_list_takes_an_id_only(client: APIClient, db: None) -> None:
    refused(client.get(f"{API}/requests?asset=4711"), 422, "invalid", "/asset")


class TestEarlier:
    def test_of_the_same_thing(self, client: APIClient, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        other = light(city, "4712")
        made = [submitted(phone, city, asset=str(lamp.pk)) for _ in range(3)]
        submitted(phone, city, asset=str(other.pk))
        assert numbers(client, f"/requests/{made[2]['number']}/earlier") == [made[1]["number"], made[0]["number"]]
        assert numbers(client, f"/requests/{made[0]['id']}/earlier") == []

    def test_of_no_thing(self, client: APIClient, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        submitted(phone, city)
        made = submitted(phone, city)
        assert made["asset"] is None
        assert numbers(client, f"/requests/{made['number']}/earlier") == []

    def test_private_ones_are_left_out(self, client: APIClient, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
        hidden = submitted(phone, city, service="heating", asset=str(lamp.pk))
        made = submitted(phone, city, asset=str(lamp.pk))
        assert numbers(client, f"/requests/{made['number']}/earlier") == []
        assert numbers(phone, f"/requests/{made['number']}/earlier") == [hidden["number"]]

    def test_of_a_request_that_there_is_not(self, client: APIClient, db: None) -> None:
        refused(client.get(f"{API}/requests/{ABSENT}/earlier"), 404, "not_found")


def test_statements(crew: APIClient, phone: APIClient, city: SmallCity, lamp: Asset) -> None:
    made = [submitted(phone, city, asset=str(lamp.pk)) for _ in range(5)][-1]
    for path in (f"/assets/{lamp.pk}", f"/requests/{made['number']}/earlier"):
        with at_most(4):  # who asks, their memberships, the thing, its reports
            assert crew.get(f"{API}{path}").status_code == 200
