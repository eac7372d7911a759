"""GET /requests"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from requests311.models import ServiceRequest
from tests.api.asking import API, move, refused, submitted
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db


def ask(client: APIClient, **query: Any) -> Any:
    response = client.get(f"{API}/requests", query)
    assert response.status_code == 200, response.content
    return response


def ids(client: APIClient, **query: Any) -> list[str]:
    return [document["id"] for document in ask(client, **query).json()["results"]]


@pytest.fixture
def made(phone: APIClient, stranger: APIClient, crew: APIClient, city: SmallCity) -> dict[str, str]:
    """Reports by what is special about them; ids in the order they were made."""
    made = {
        "west": submitted(phone, city),
        "east": submitted(phone, city, "east"),
        "kerb": submitted(stranger, city, attributes={"position": "curb"}),
        "light": submitted(stranger, city, service="streetlight", attributes={"pole_id": "4711"}),
        "moved": submitted(phone, city),
        "private": submitted(phone, city, service="heating"),
        "elsewhere": submitted(stranger, small_city("otherton", origin=(-90.0, 40.0))),
    }
    assert move(crew, made["moved"]["id"], {"to": "acknowledged"}).status_code == 200
    return {name: document["id"] for name, document in made.items()}


def test_newest_first_as_the_public_sees_them(client: APIClient, made: dict[str, str]) -> None:
    response = ask(client)
    names = ["elsewhere", "moved", "light", "kerb", "east", "west"]
    assert [document["id"] for document in response.json()["results"]] == [made[name] for name in names]
    assert response.json()["next"] is None
    assert "Link" not in response
    one = next(document for document in response.json()["results"] if document["id"] == made["west"])
    assert one == client.get(f"{API}/requests/{made['west']}").json()
    assert response["Vary"] == "Authorization"
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "acknowledged"}, ["moved"]),
        ({"status": "acknowledged,closed,in_progress"}, ["moved"]),
        ({"status": "submitted,acknowledged"}, ["elsewhere", "moved", "light", "kerb", "east", "west"]),
        ({"service": "streetlight"}, ["light"]),
        ({"service": "heating"}, []),
        ({"service": "unknown"}, []),
        ({"department": "roads-west"}, ["elsewhere", "moved", "west"]),
        ({"department": "roads"}, ["elsewhere", "moved", "light", "east", "west"]),
        ({"department": "parks"}, ["kerb"]),
        ({"jurisdiction": "otherton"}, ["elsewhere"]),
        ({"jurisdiction": "smallville", "department": "roads-west", "status": "submitted"}, ["west"]),
        ({"bbox": "-100,40,-99.9,40.2"}, ["moved", "light", "kerb", "west"]),
        ({"bbox": "-180,-90,180,90", "service": "pothole", "status": "acknowledged"}, ["moved"]),
        ({"bbox": "0,0,1,1"}, []),
        ({"mine": "false", "service": "streetlight"}, ["light"]),
    ],
)
def test_filters(client: APIClient, made: dict[str, str], query: dict[str, str], names: list[str]) -> None:
    assert ids(client, **query) == [made[name] for name in names]


def test_mine(phone: APIClient, made: dict[str, str]) -> None:
    assert ids(phone, mine="true") == [made[name] for name in ("private", "moved", "east", "west")]
    assert ids(phone, mine="true", status="submitted", service="pothole") == [made["east"], made["west"]]


def test_mine_needs_to_know_who_i_am(client: APIClient, made: dict[str, str]) -> None:
    response = client.get(f"{API}/requests", {"mine": "true"})
    refused(response, 401, "not_authenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_staff_see_the_private_ones_of_their_department(city: SmallCity, made: dict[str, str]) -> None:
    assert made["private"] in ids(signed_in(person(role="crew", city=city, department="roads")))
    assert made["private"] not in ids(signed_in(person(role="crew", city=city, department="parks")))
    documents = ask(signed_in(person(role="dispatcher", city=city))).json()["results"]
    shown = {document["id"]: set(document) for document in documents}
    assert {"reporter", "contact"} <= shown[made["private"]]
    assert not {"reporter", "contact"} & shown[made["elsewhere"]]


def walk(client: APIClient, **query: Any) -> list[str]:
    """Every page by the Link header alone; the ids in the order they came."""
    found: list[str] = []
    response = ask(client, **query)
    while True:
        found += [document["id"] for document in response.json()["results"]]
        if "Link" not in response:
            assert response.json()["next"] is None
            return found
        url, _, rel = response["Link"].partition("; ")
        assert rel == 'rel="next"'
        response = client.get(url.strip("<>"))
        assert response.status_code == 200, response.content


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 200])
def test_pages_hold_everything_once(client: APIClient, made: dict[str, str], limit: int) -> None:
    assert walk(client, limit=limit) == ids(client)
    assert walk(client, limit=limit, status="submitted,closed") == ids(client, status="submitted")


def test_a_page_is_as_long_as_asked_for(client: APIClient, made: dict[str, str]) -> None:
    body = ask(client, limit=2).json()
    assert len(body["results"]) == 2
    assert ids(client, limit=2, cursor=body["next"]) == ids(client)[2:4]


def test_what_comes_while_somebody_pages_upsets_nothing(
    client: APIClient, phone: APIClient, city: SmallCity, made: dict[str, str]
) -> None:
    before = ids(client)
    first = ask(client, limit=2).json()
    submitted(phone, city)
    second = ask(client, limit=2, cursor=first["next"]).json()
    submitted(phone, city)
    third = ask(client, limit=2, cursor=second["next"]).json()
    assert [d["id"] for page in (first, second, third) for d in page["results"]] == before


def test_a_row_that_the_cursor_names_may_go(client: APIClient, made: dict[str, str], phone: APIClient) -> None:
    before = ids(client)
    first = ask(client, limit=2).json()
    ServiceRequest.objects.filter(pk=before[1]).update(visibility="private")
    assert ids(client, cursor=first["next"]) == before[2:]


def test_sync_gives_changes_oldest_first(client: APIClient, crew: APIClient, made: dict[str, str]) -> None:
    start = (timezone.now() - timedelta(days=1)).isoformat()
    assert walk(client, updated_after=start, limit=2) == [
        made[name] for name in ("west", "east", "kerb", "light", "elsewhere", "moved")
    ]
    newest = ask(client, updated_after=start).json()["results"][-1]["updated_at"]
    assert ids(client, updated_after=newest) == []

    move(crew, made["west"], {"to": "acknowledged"})
    assert ids(client, updated_after=newest) == [made["west"]]


def test_sync_loses_nothing_that_changed_in_the_same_moment(client: APIClient, made: dict[str, str]) -> None:
    ServiceRequest.objects.update(updated_at=timezone.now())
    start = (timezone.now() - timedelta(days=1)).isoformat()
    assert walk(client, updated_after=start, limit=1) == sorted(ids(client))


def test_sync_gets_what_changes_while_it_pages(client: APIClient, crew: APIClient, made: dict[str, str]) -> None:
    start = (timezone.now() - timedelta(days=1)).isoformat()
    first = ask(client, updated_after=start, limit=2)
    assert made["west"] in [document["id"] for document in first.json()["results"]]
    move(crew, made["west"], {"to": "acknowledged"})
    rest = walk(client, updated_after=start, limit=2, cursor=first.json()["next"])
    assert rest[-1] == made["west"]


@pytest.mark.parametrize("zone", ["Z", "+00:00", "-05:00", "+14:00"])
def test_a_time_means_the_moment_in_its_zone(client: APIClient, made: dict[str, str], zone: str) -> None:
    after = parse_datetime(f"2000-01-01T00:00:00{zone}")
    assert after is not None
    assert len(ids(client, updated_after=after.isoformat())) == 6
    ServiceRequest.objects.update(updated_at=after)
    assert ids(client, updated_after=after.isoformat()) == []


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"limit": "0"}, "/limit"),
        ({"limit": "201"}, "/limit"),
        ({"limit": "-1"}, "/limit"),
        ({"limit": "1.0"}, "/limit"),
        ({"limit": "ten"}, "/limit"),
        ({"limit": "9" * 5000}, "/limit"),
        ({"limit": ""}, "/limit"),
        ({"bbox": "1,2,3"}, "/bbox"),
        ({"bbox": "1,2,3,4,5"}, "/bbox"),
        ({"bbox": "3,2,1,4"}, "/bbox"),
        ({"bbox": "-99.95,40.1,-99.95,40.1"}, "/bbox"),
        ({"bbox": "-181,0,0,1"}, "/bbox"),
        ({"bbox": "0,0,1,91"}, "/bbox"),
        ({"bbox": "nan,nan,nan,nan"}, "/bbox"),
        ({"bbox": "0,0,inf,1"}, "/bbox"),
        ({"bbox": "1_0,0,20,1"}, "/bbox"),
        ({"bbox": ""}, "/bbox"),
        ({"status": "open"}, "/status"),
        ({"status": "submitted,"}, "/status"),
        ({"status": ""}, "/status"),
        ({"status": "submitted; DROP TABLE"}, "/status"),
        ({"updated_after": "yesterday"}, "/updated_after"),
        ({"updated_after": "2026-11-21T14:00:00"}, "/updated_after"),
        ({"updated_after": "2026-11-21"}, "/updated_after"),
        ({"updated_after": "2026-13-41T25:00:00Z"}, "/updated_after"),
        ({"cursor": "x"}, "/cursor"),
        ({"cursor": "MDE5ZjFj"}, "/cursor"),
        ({"cursor": "é"}, "/cursor"),
        ({"cursor": "a" * 201}, "/cursor"),
        ({"cursor": ""}, "/cursor"),
        ({"updated_after": "2026-11-21T14:00:00Z", "cursor": "MDE5ZjFjfHg"}, "/cursor"),
        ({"mine": "yes"}, "/mine"),
        ({"mine": ""}, "/mine"),
        ({"service": ""}, "/service"),
        ({"service": "a\u0000"}, "/service"),
        ({"department": "d" * 61}, "/department"),
        ({"jurisdiction": "j" * 41}, "/jurisdiction"),
        ({"assignee": "me"}, "/assignee"),
        ({"format": "json"}, "/format"),
        ({"service": ["pothole", "streetlight"]}, "/service"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_wrong_input_is_named(client: APIClient, query: dict[str, Any], pointer: str) -> None:
    refused(client.get(f"{API}/requests", query), 422, "invalid", pointer)


def test_a_cursor_of_the_other_order_is_refused(client: APIClient, made: dict[str, str]) -> None:
    cursor = ask(client, limit=1).json()["next"]
    query = {"updated_after": "2000-01-01T00:00:00Z", "cursor": cursor}
    refused(client.get(f"{API}/requests", query), 422, "invalid", "/cursor")
