"""/crew/filters and /crew/filters/{filter_id}"""

import json
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from requests311.actions.save_filter import save_filter
from requests311.actors import Actor
from requests311.errors import Invalid
from requests311.models import SavedFilter
from requests311.models.saved_filter import QUEUE_PARAMETERS
from tests.api.asking import API, in_parallel, refused, without_what_differs
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in
from tests.requests311.reporting import pointers as pointers_of
from tests.requests311.reporting import refused as domain_refused

pytestmark = pytest.mark.django_db

URL = f"{API}/crew/filters"
FILTER = {"name": "Mine, overdue", "query": {"assignee": "me", "overdue": "true"}}


def made(client: APIClient, **changes: Any) -> dict[str, Any]:
    response = client.post(URL, {**FILTER, **changes})
    assert response.status_code == 201, response.content
    entry: dict[str, Any] = response.json()
    return entry


def names(client: APIClient) -> list[str]:
    return [entry["name"] for entry in client.get(URL).json()["results"]]


def test_a_filter_is_saved(crew: APIClient) -> None:
    entry = made(crew)
    row = SavedFilter.objects.get()
    assert entry == {"id": str(row.pk), **FILTER, "position": 0, "created_at": entry["created_at"]}
    assert crew.get(f"{URL}/{row.pk}").json() == entry
    response = crew.get(URL)
    assert response.json() == {"results": [entry]}
    assert response["Cache-Control"] == "private, no-cache"


def test_every_parameter_of_the_queue_is_kept(crew: APIClient) -> None:
    query = dict.fromkeys(QUEUE_PARAMETERS, "ä, ö")
    assert made(crew, query=query)["query"] == query
    assert made(crew, name="Everything", query={})["query"] == {}


def test_they_stand_in_the_owners_order(crew: APIClient) -> None:
    made(crew, name="b")
    made(crew, name="c")
    made(crew, name="first", position=0)
    last = made(crew, name="a", position=1000)
    # Behind the last there is only beside it.
    assert made(crew, name="d")["position"] == 1000
    assert names(crew) == ["b", "first", "c", "a", "d"]
    crew.put(f"{URL}/{last['id']}", {**FILTER, "name": "a", "position": 0})
    assert names(crew) == ["b", "first", "a", "c", "d"]


def test_a_filter_is_replaced(crew: APIClient) -> None:
    made(crew, name="Other")
    entry = made(crew)
    response = crew.put(f"{URL}/{entry['id']}", {"name": "Roads", "query": {"status": "assigned,in_progress"}})
    assert response.status_code == 200
    assert response.json() == {**entry, "name": "Roads", "query": {"status": "assigned,in_progress"}}
    # Its own name is not taken.
    assert crew.put(f"{URL}/{entry['id']}", {"name": "Roads", "query": {}}).json()["position"] == entry["position"]


def test_a_filter_is_removed(crew: APIClient) -> None:
    entry = made(crew)
    response = crew.delete(f"{URL}/{entry['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert not SavedFilter.objects.exists()
    refused(crew.delete(f"{URL}/{entry['id']}"), 404, "not_found")


def test_two_people_have_filters_of_one_name(crew: APIClient, dispatcher: APIClient) -> None:
    made(crew)
    made(dispatcher)
    assert names(crew) == names(dispatcher) == [FILTER["name"]]


# --- Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["phone", "stranger"])
def test_the_public_has_no_queue(request: pytest.FixtureRequest, crew: APIClient, who: str) -> None:
    client = request.getfixturevalue(who)
    entry = made(crew)
    refused(client.get(URL), 403, "not_allowed")
    refused(client.post(URL, FILTER), 403, "not_allowed")
    for id_ in (entry["id"], uuid4()):
        refused(client.get(f"{URL}/{id_}"), 403, "not_allowed")
        refused(client.put(f"{URL}/{id_}", FILTER), 403, "not_allowed")
        refused(client.delete(f"{URL}/{id_}"), 403, "not_allowed")
    assert SavedFilter.objects.count() == 1


def test_nobody_in_particular_has_none_either(client: APIClient) -> None:
    for response in (client.get(URL), client.post(URL, FILTER, content_type="application/json")):
        refused(response, 401, "not_authenticated")


def test_anothers_filter_looks_absent(crew: APIClient, dispatcher: APIClient) -> None:
    entry = made(crew)
    for method in ("GET", "PUT", "DELETE"):
        foreign, absent = (
            dispatcher.generic(method, f"{URL}/{id_}", json.dumps(FILTER), content_type="application/json")
            for id_ in (entry["id"], uuid4())
        )
        refused(foreign, 404, "not_found")
        assert without_what_differs(foreign) == without_what_differs(absent)
    assert names(dispatcher) == []
    assert names(crew) == [FILTER["name"]]


def test_a_name_that_is_taken(crew: APIClient) -> None:
    made(crew)
    other = made(crew, name="Other")
    body = refused(crew.post(URL, FILTER), 422, "invalid", "/name")
    assert body["errors"][0]["code"] == "taken"
    refused(crew.put(f"{URL}/{other['id']}", FILTER), 422, "invalid", "/name")


def test_the_fifty_first(city: SmallCity) -> None:
    user = person(role="crew", city=city, department="roads")
    SavedFilter.objects.bulk_create(SavedFilter(owner=user, name=str(n), position=n) for n in range(50))
    client = signed_in(user)
    body = refused(client.post(URL, FILTER), 422, "invalid", "")
    assert body["errors"][0]["code"] == "too_many"
    # One of the fifty may still be changed.
    last = SavedFilter.objects.get(owner=user, name="49")
    assert client.put(f"{URL}/{last.pk}", FILTER).status_code == 200
    client.delete(f"{URL}/{last.pk}")
    assert made(client)["position"] == 49


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"query": {"colour": "red"}}, ["/query/colour"]),
        ({"query": {"cursor": "x", "a/b": "c"}}, ["/query/cursor", "/query/a~1b"]),
        ({"query": {"overdue": True, "limit": 50}}, ["/query/overdue", "/query/limit"]),
        ({"query": {"status": ["assigned"], "q": None}}, ["/query/status", "/query/q"]),
        ({"query": {"q": "", "sort": " "}}, ["/query/q", "/query/sort"]),
        ({"query": {"q": "a\u0000"}}, ["/query/q"]),
        ({"query": {"q": "x" * 2001}}, ["/query/q"]),
        ({"query": {"q": "x" * 1500, "area": "x" * 500}}, ["/query"]),
        ({"query": "status=assigned"}, ["/query"]),
        ({"query": []}, ["/query"]),
        ({"query": None, "name": None}, ["/query", "/name"]),
        ({"name": "", "position": -1}, ["/name", "/position"]),
        ({"name": "x" * 81, "position": 1001}, ["/name", "/position"]),
        ({"position": "1"}, ["/position"]),
        ({"position": True}, ["/position"]),
        ({"position": 1.5}, ["/position"]),
        ({"position": None}, ["/position"]),
        ({"owner": "x"}, ["/owner"]),
    ],
)
def test_wrong_input_is_named(crew: APIClient, wrong: dict[str, Any], pointers: list[str]) -> None:
    refused(crew.post(URL, FILTER | wrong), 422, "invalid", *pointers)
    assert not SavedFilter.objects.exists()
    entry = made(crew)
    refused(crew.put(f"{URL}/{entry['id']}", FILTER | wrong), 422, "invalid", *pointers)


def test_a_name_and_a_query_are_needed(crew: APIClient) -> None:
    refused(crew.post(URL, {}), 422, "invalid", "/name", "/query")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"colour": "red"}, "unknown_field"),
        ({"q": 1}, "invalid"),
        ({"q": ""}, "invalid"),
        ({"q": "a\u0000"}, "invalid"),
        ({"q": "x" * 2000}, "too_long"),
    ],
)
def test_the_domain_itself_refuses_a_wrong_query(city: SmallCity, query: dict[str, Any], code: str) -> None:
    by = Actor(person(role="crew", city=city, department="roads"))
    with domain_refused(Invalid) as info:
        save_filter(by=by, name="x", query=query)
    assert pointers_of(info) == [("/query", code)]


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_both_take_the_last_place() -> None:
    user = person(role="crew", city=small_city(), department="roads")
    SavedFilter.objects.bulk_create(SavedFilter(owner=user, name=str(n), position=n) for n in range(49))

    def save(name: str) -> int:
        return int(signed_in(user).post(URL, {**FILTER, "name": name}).status_code)

    assert sorted(in_parallel([lambda: save("a"), lambda: save("b")])) == [201, 422]
    assert SavedFilter.objects.count() == 50
