"""GET /addresses"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from api import throttling
from config.geocoder import geocoder
from geo.geocoding import external
from tests.api.asking import API, refused
from tests.factories.addresses import Line, has_addresses
from tests.factories.cities import SmallCity
from tests.geo.geocoder import Stub, address, answering, hanging, running, saying

pytestmark = pytest.mark.django_db

URL = f"{API}/addresses"
HERE = {"latitude": "40.1", "longitude": "-99.95"}


@pytest.fixture(autouse=True)
def addresses(city: SmallCity) -> None:
    has_addresses(
        "smallville", Line("12", "Main Street"), Line("14", "Main Street", -99.949), Line("1", "Oak Ave", -99.85)
    )


@pytest.fixture
def stub(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """An external geocoder that knows a place beside ours."""
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    external.reset()
    with running() as stub:
        settings.GEOCODER = geocoder(f"nominatim+{stub.url}")
        settings.GEOCODER_TIMEOUT_SECONDS = 5.0
        yield stub
    external.reset()


def ask(client: APIClient, **query: str) -> Any:
    response = client.get(URL, query)
    assert response.status_code == 200, response.content
    return response.json()


def test_the_address_of_a_place(client: APIClient) -> None:
    body = ask(client, **HERE)
    assert [result["number"] for result in body["results"]] == ["12", "14"]
    assert body["results"][0] == {
        "label": "12 Main Street, Smallville, KS 66002",
        "number": "12",
        "street": "Main Street",
        "unit": "",
        "city": "Smallville",
        "region": "KS",
        "postcode": "66002",
        "location": {"latitude": 40.1, "longitude": -99.95},
        "distance": 0.0,
        "source": "city",
    }
    assert (body["external"], body["attribution"]) == ("not_set", None)


def test_the_place_of_an_address(client: APIClient) -> None:
    body = ask(client, q="14 mian street")
    assert body["results"][0]["location"] == {"latitude": 40.1, "longitude": -99.949}
    assert body["results"][0]["distance"] is None
    assert ask(client, q="main", **HERE, limit="1")["results"][0]["number"] == "12"


def test_nothing_there_is_an_empty_list(client: APIClient) -> None:
    assert ask(client, latitude="0", longitude="0") == {"results": [], "external": "not_set", "attribution": None}


def test_it_is_kept_by_no_shared_cache(client: APIClient) -> None:
    assert client.get(URL, HERE)["Cache-Control"] == "private, max-age=60"


def test_it_has_a_limit_of_its_own(client: APIClient, settings: LazySettings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "geocode": "1/hour"}
    throttling.reset()
    assert client.get(URL, HERE).status_code == 200
    assert 'geocode";q=1' in client.get(URL, HERE)["RateLimit-Policy"]
    refused(client.get(URL, HERE), 429, "throttled")


class TestExternal:
    def test_it_is_not_asked_where_the_city_knows(self, client: APIClient, stub: Stub) -> None:
        for query in (HERE, {"q": "12 main st"}, {"q": "12 mai", **HERE}):
            assert ask(client, **query)["external"] == "not_needed"
        assert stub.asked == []

    def test_a_place_that_the_city_does_not_know(self, client: APIClient, stub: Stub) -> None:
        stub.behaviour = answering([address("99", 40.15, -99.9)])
        body = ask(client, latitude="40.1501", longitude="-99.9")
        [result] = body["results"]
        assert (result["number"], result["source"], result["unit"]) == ("99", "external", "")
        assert result["distance"] == pytest.approx(11.1, abs=0.2)
        assert (body["external"], body["attribution"]) == ("used", "Data © OpenStreetMap contributors, ODbL 1.0.")

    def test_a_text_that_the_city_does_not_know(self, client: APIClient, stub: Stub) -> None:
        body = ask(client, q="zzyzx plaza")
        assert [result["source"] for result in body["results"]] == ["external"]
        # Only where somebody here answers for it.
        assert stub.asked[0][1]["viewbox"] == "-100.00000,40.00000,-99.80000,40.20000"

    def test_what_is_far_away_is_no_answer(self, client: APIClient, stub: Stub) -> None:
        stub.behaviour = answering([address("99", 41.0, -99.9)])
        assert ask(client, latitude="40.15", longitude="-99.9") == {
            "results": [],
            "external": "used",
            "attribution": None,
        }
        assert ask(client, q="zzyzx plaza")["results"] == []

    @pytest.mark.parametrize(
        "behaviour", [saying(b"", 500), saying(b"<html>"), saying(b"", 302, Location="/"), saying(b" " * 300_000)]
    )
    def test_when_it_fails_nothing_else_does(self, client: APIClient, stub: Stub, behaviour: Any) -> None:
        stub.behaviour = behaviour
        for _ in range(5):
            assert ask(client, latitude="40.15", longitude="-99.9") == {
                "results": [],
                "external": "unavailable",
                "attribution": None,
            }
        assert len(stub.asked) == external.FAILURES, "then it is left alone"
        assert ask(client, **HERE)["external"] == "not_needed"

    def test_when_it_hangs_the_answer_comes(self, client: APIClient, stub: Stub, settings: LazySettings) -> None:
        settings.GEOCODER_TIMEOUT_SECONDS = 0.2
        stub.behaviour = hanging(stub)
        assert ask(client, q="zzyzx plaza")["external"] == "unavailable"

    def test_weak_answers_of_ours_stand_where_it_fails(self, client: APIClient, stub: Stub) -> None:
        stub.behaviour = saying(b"", 500)
        body = ask(client, q="main xyz")
        assert body["external"] == "unavailable"
        assert {result["source"] for result in body["results"]} == {"city"}


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({}, ["/q"]),
        ({"limit": "5"}, ["/q"]),
        ({"latitude": "40"}, ["/longitude"]),
        ({"longitude": "40"}, ["/latitude"]),
        ({"q": "main", "latitude": "40"}, ["/longitude"]),
        ({"latitude": "91", "longitude": "181"}, ["/latitude", "/longitude"]),
        ({"latitude": "NaN", "longitude": "1e999"}, ["/latitude", "/longitude"]),
        ({"q": "m"}, ["/q"]),
        ({"q": "m" * 201}, ["/q"]),
        ({"q": "a\u0000b"}, ["/q"]),
        ({"q": ""}, ["/q"]),
        ({"q": "?!.,"}, ["/q"]),
        ({"q": "main", "limit": "0"}, ["/limit"]),
        ({"q": "main", "limit": "21"}, ["/limit"]),
        ({"q": "main", "limit": "five"}, ["/limit"]),
        ({"q": "main", "query": "x"}, ["/query"]),
    ],
)
def test_wrong_input_is_named(client: APIClient, query: dict[str, str], pointers: list[str]) -> None:
    refused(client.get(URL, query), 422, "invalid", *pointers)


def test_twice_is_refused(client: APIClient) -> None:
    refused(client.get(f"{URL}?q=main&q=oak"), 422, "invalid", "/q")
