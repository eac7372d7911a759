"""GET discovery, at the root and under the endpoint: where everything is, and when it changed last."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from requests311.models import Attribute, Service, ServiceArea
from tests.api.open311.making import sandbox_of
from tests.api.open311.reading import ROOT, W3C, Answer, Speaker, read
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db


def at_root(speak: Speaker, **headers: str) -> Answer:
    return read(speak.client.get(f"/discovery.{speak.format}", headers=headers), speak.format)


def changeset(speak: Speaker) -> datetime:
    return datetime.fromisoformat(speak.get("discovery").content["changeset"])


def test_what_it_says(speak: Speaker, city: SmallCity) -> None:
    answer = speak.get("discovery")
    assert answer.status == 200
    assert answer.root in {"", "discovery"}
    assert isinstance(answer.content, dict)
    assert set(answer.content) == {"changeset", "contact", "key_service", "endpoints"}
    assert W3C.fullmatch(answer.content["changeset"])
    assert answer.content["contact"]
    assert answer.content["key_service"]
    (endpoint,) = answer.content["endpoints"]
    assert set(endpoint) == {"specification", "url", "changeset", "type", "formats"}
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == f"http://testserver{ROOT}"
    assert endpoint["type"] == "production"
    assert W3C.fullmatch(endpoint["changeset"])
    assert sorted(endpoint["formats"]) == ["application/json", "text/xml"]


def test_the_same_at_the_root_and_under_the_endpoint(speak: Speaker, city: SmallCity) -> None:
    below, root = speak.get("discovery"), at_root(speak)
    assert (root.status, root.raw) == (200, below.raw)


def test_no_jurisdiction_need_be_named_even_of_several(speak: Speaker, city: SmallCity) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    assert speak.get("discovery").status == at_root(speak).status == 200


def test_the_address_is_the_public_one(speak: Speaker, city: SmallCity, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://311.city.example"
    (endpoint,) = speak.get("discovery").content["endpoints"]
    assert endpoint["url"] == f"https://311.city.example{ROOT}"


def test_the_operator_says_whom_to_ask(speak: Speaker, city: SmallCity, settings: LazySettings) -> None:
    settings.OPEN311_CONTACT = "Write to open311@city.example"
    settings.OPEN311_KEY_SERVICE = "https://city.example/keys"
    content = speak.get("discovery").content
    assert (content["contact"], content["key_service"]) == (
        "Write to open311@city.example",
        "https://city.example/keys",
    )


def test_a_sandbox_is_an_endpoint_of_type_test(speak: Speaker, city: SmallCity) -> None:
    sandbox_of(city)
    types = sorted(endpoint["type"] for endpoint in speak.get("discovery").content["endpoints"])
    assert types == ["production", "test"]


def test_the_changeset_is_in_the_past(speak: Speaker, city: SmallCity) -> None:
    assert changeset(speak) <= timezone.now()


def _next_second() -> None:
    """Change times are told in seconds: what changes within one is not to be seen in it."""
    now = time.time()
    time.sleep(int(now) + 1.01 - now)


CHANGES: dict[str, Callable[[SmallCity], Any]] = {
    "a service is renamed": lambda city: Service.objects.filter(code="pothole").update(name="Hole"),
    "a service is added": lambda city: Service.objects.create(
        jurisdiction=city.jurisdiction, code="noise", name="Noise"
    ),
    "a service ends": lambda city: Service.objects.filter(code="pothole").update(active=False),
    "a service is offered elsewhere": lambda city: ServiceArea.objects.filter(service__code="west_only").delete(),
    "a question changes": lambda city: Attribute.objects.filter(code="depth_cm").update(required=True),
    "a question goes": lambda city: Attribute.objects.filter(code="depth_cm").delete(),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", CHANGES)
def test_the_changeset_moves_with_services_and_definitions(change: str) -> None:
    city = small_city()
    speak = Speaker("json", Client())
    before = changeset(speak)
    _next_second()
    CHANGES[change](city)
    # A cache of this process may not hide it either.
    assert before < changeset(speak) <= timezone.now()


@pytest.mark.django_db(transaction=True)
def test_the_changeset_stays_where_nothing_changes() -> None:
    small_city()
    speak = Speaker("json", Client())
    before = changeset(speak)
    _next_second()
    assert changeset(speak) == before


def test_before_any_city_is_loaded(speak: Speaker) -> None:
    answer = speak.get("discovery")
    assert (answer.status, answer.content["endpoints"]) == (200, [])
