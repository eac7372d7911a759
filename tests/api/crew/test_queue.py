"""GET /crew/queue"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from django.contrib.gis.geos import Point
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from api.crew.serializers import QueueQuery
from api.pagination import decode, encode
from requests311.models import Membership, ServiceRequest, Team
from requests311.models.saved_filter import QUEUE_PARAMETERS
from requests311.policies import Role
from requests311.statuses import OPEN, Priority, Status
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in
from tests.requests311.reporting import at, request_row

pytestmark = pytest.mark.django_db

URL = f"{API}/crew/queue"
SORTS = ["due", "age", "priority", "distance"]
DAY = timedelta(days=1)
#: Where the queue is asked from; the rows below lie around it.
HERE = (40.1, -99.95)


def ask(client: APIClient, **query: Any) -> Any:
    response = client.get(URL, query)
    assert response.status_code == 200, response.content
    return response


def ids(client: APIClient, **query: Any) -> list[str]:
    return [document["id"] for document in ask(client, **query).json()["results"]]


def walk(client: APIClient, **query: Any) -> list[dict[str, Any]]:
    """Every page, by the Link header alone."""
    found: list[dict[str, Any]] = []
    response = ask(client, **query)
    while True:
        body = response.json()
        found += body["results"]
        assert len(found) <= 500, "the pages never end"
        if "Link" not in response:
            assert body["next"] is None
            return found
        assert body["next"]
        url, _, rel = response["Link"].partition("; ")
        assert rel == 'rel="next"'
        response = client.get(url.strip("<>"))
        assert response.status_code == 200, response.content


def place(sort: str) -> dict[str, Any]:
    """What a query by this order needs besides."""
    return {"latitude": HERE[0], "longitude": HERE[1]} if sort == "distance" else {}


def saved(city: SmallCity, **fields: Any) -> ServiceRequest:
    row = request_row(city, **fields)
    row.save()
    return row


def told(row: ServiceRequest) -> str:
    return str(row.pk)


def of(user: User) -> APIClient:
    return signed_in(user)


@pytest.fixture
def rows(city: SmallCity) -> list[ServiceRequest]:
    """Of every open status in four departments, most keys equal to another's; and as many that are not the queue's."""
    now = timezone.now().replace(microsecond=123456)
    dues = [now - DAY, now + DAY, None, now + DAY, None, now + DAY + timedelta(microseconds=1)]
    found = []
    departments = ["roads", "roads-west", "roads-east", "parks"]
    for number in range(48):
        found.append(
            request_row(
                city,
                status=sorted(OPEN)[number % 5],
                department=city.departments[departments[number % 4]],
                service=city.services["pothole" if number % 3 else "heating"],
                visibility="public" if number % 3 else "private",
                due_at=dues[number % 6],
                priority=Priority.values[number // 3 % 4],
                location=at((HERE[0] + number // 8 % 3 * 0.01, HERE[1] + number // 16 * 0.01)),
            )
        )
    # The ids are not in the order of anything else.
    for one, other in zip(found[::3], found[1::3], strict=True):
        one.pk, other.pk = other.pk, one.pk
    closed = request_row(city, status="closed", closed_at=now, department=city.departments["roads"])
    done = request_row(city, status="resolved", resolution="fixed", resolved_at=now)
    ServiceRequest.objects.bulk_create([*found, closed, done])
    elsewhere = small_city("otherton", origin=(-90.0, 40.0))
    saved(elsewhere)
    return found


def metres(row: ServiceRequest) -> float:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography"
            " <-> ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography",
            [row.location.x, row.location.y, HERE[1], HERE[0]],
        )
        return float(cursor.fetchone()[0])


NEVER = datetime.max.replace(tzinfo=UTC)
KEYS: dict[str, Callable[[ServiceRequest], tuple[Any, ...]]] = {
    "due": lambda row: (row.due_at or NEVER, row.pk),
    "age": lambda row: (row.pk,),
    "priority": lambda row: (row.priority, row.pk),
    "distance": lambda row: (metres(row), row.pk),
}


def expected(rows: Sequence[ServiceRequest], sort: str, *departments: str) -> list[str]:
    those = [row for row in rows if not departments or row.department.code in departments]
    return [told(row) for row in sorted(those, key=KEYS[sort])]


@pytest.mark.parametrize("sort", SORTS)
def test_all_pages_hold_every_open_request_once_and_in_order(
    city: SmallCity, rows: list[ServiceRequest], sort: str
) -> None:
    dispatcher = of(person(role="dispatcher", city=city))
    order = expected(rows, sort)
    for limit in (1, 2, 7, 47, 48, 200):
        found = walk(dispatcher, sort=sort, limit=limit, **place(sort))
        assert [document["id"] for document in found] == order, limit


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize(
    ("department", "worked"),
    [("roads", ["roads", "roads-west", "roads-east"]), ("roads-west", ["roads-west"]), ("parks", ["parks"])],
)
def test_a_crew_works_for_its_department_and_the_units_of_it(
    city: SmallCity, rows: list[ServiceRequest], sort: str, department: str, worked: list[str]
) -> None:
    crew = of(person(role="crew", city=city, department=department))
    found = walk(crew, sort=sort, limit=5, **place(sort))
    assert [document["id"] for document in found] == expected(rows, sort, *worked)


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.AUDITOR, Role.ADMIN])
def test_who_works_for_the_jurisdiction_reads_all_of_it(
    city: SmallCity, rows: list[ServiceRequest], role: Role
) -> None:
    assert ids(of(person(role=role, city=city))) == expected(rows, "due")


def test_a_manager_reads_their_department(city: SmallCity, rows: list[ServiceRequest]) -> None:
    assert ids(of(person(role="manager", city=city, department="parks"))) == expected(rows, "due", "parks")


@pytest.mark.parametrize("sort", SORTS)
def test_several_memberships_give_each_row_once(city: SmallCity, rows: list[ServiceRequest], sort: str) -> None:
    user = person(role="crew", city=city, department="roads")
    for role, code in (("manager", "roads"), ("crew", "roads-west"), ("auditor", "parks"), ("crew", "parks")):
        Membership.objects.create(
            user=user, jurisdiction=city.jurisdiction, department=city.departments[code], role=role
        )
    found = [document["id"] for document in walk(of(user), sort=sort, limit=4, **place(sort))]
    assert found == expected(rows, sort)


def test_memberships_in_two_cities_give_both_queues(city: SmallCity, rows: list[ServiceRequest]) -> None:
    user = person(role="crew", city=city, department="parks")
    other = small_city("thirdton", origin=(-80.0, 40.0))
    there = saved(other, due_at=timezone.now() - 100 * DAY)
    Membership.objects.create(user=user, jurisdiction=other.jurisdiction, role="dispatcher")
    assert ids(of(user)) == [told(there), *expected(rows, "due", "parks")]


def test_a_membership_that_is_over_or_has_not_begun_gives_nothing(city: SmallCity, rows: list[ServiceRequest]) -> None:
    now = timezone.now()
    for times in ({"valid_to": now - DAY}, {"valid_from": now + DAY}):
        user = person(role="dispatcher", city=city)
        user.memberships.update(**times)
        refused(of(user).get(URL), 403)
        # Another one that holds leaves the rest as it is.
        Membership.objects.create(
            user=user, jurisdiction=city.jurisdiction, department=city.departments["parks"], role="crew"
        )
        assert ids(of(user)) == expected(rows, "due", "parks")


def test_only_who_works_somewhere_has_a_queue(city: SmallCity, client: APIClient) -> None:
    refused(client.get(URL), 401, "not_authenticated")
    refused(of(person()).get(URL), 403)
    refused(of(person("ada@example.org")).get(URL), 403)


def test_an_empty_queue_is_an_empty_page(crew: APIClient) -> None:
    for sort in SORTS:
        response = ask(crew, sort=sort, **place(sort))
        assert response.json() == {"results": [], "next": None}
        assert "Link" not in response


def test_a_document_is_the_requests_own(city: SmallCity, crew: APIClient) -> None:
    row = saved(city, due_at=timezone.now() + DAY, contact={"name": "Ada"})
    [document] = ask(crew).json()["results"]
    assert document == crew.get(f"{API}/requests/{row.pk}").json()
    assert datetime.fromisoformat(document["due_at"]) == row.due_at
    assert document["contact"] == {"name": "Ada"}
    assert "distance" not in document


def test_no_description_ends_a_document_early(city: SmallCity, crew: APIClient) -> None:
    text = """}", "#" : null} , "#" : null}"""
    row = saved(city, description=text, address=text, attributes={"#": None}, contact={"#": None, "name": text})
    [document] = ask(crew, latitude=HERE[0], longitude=HERE[1]).json()["results"]
    assert document["description"] == document["address"] == document["contact"]["name"] == text
    assert document["attributes"] == {"#": None}
    assert {"distance", "duplicate_of", "priority"} <= set(document)
    assert "#" not in document
    assert crew.get(f"{API}/requests/{row.pk}").json()["description"] == text


def test_nobody_else_keeps_a_copy(crew: APIClient) -> None:
    response = ask(crew)
    assert response["Cache-Control"] == "private, no-cache"
    assert "Authorization" in response["Vary"]


@pytest.mark.parametrize("sort", SORTS)
def test_with_a_place_every_row_tells_its_distance_in_metres(city: SmallCity, crew: APIClient, sort: str) -> None:
    there = saved(city, location=at((HERE[0] + 0.01, HERE[1])))
    here = saved(city, location=at(HERE))
    found = {
        document["id"]: document["distance"]
        for document in ask(crew, sort=sort, latitude=HERE[0], longitude=HERE[1]).json()["results"]
    }
    assert found[told(here)] == 0
    # A hundredth of a degree of latitude.
    assert found[told(there)] == pytest.approx(1111, rel=0.005)


def test_the_nearest_by_metres_and_not_by_degrees(city: SmallCity, crew: APIClient) -> None:
    """At 40° north a degree of longitude is a quarter shorter than one of latitude."""
    north = saved(city, location=at((HERE[0] + 0.010, HERE[1])))
    east = saved(city, location=at((HERE[0], HERE[1] + 0.012)))
    assert ids(crew, sort="distance", latitude=HERE[0], longitude=HERE[1]) == [told(east), told(north)]


def test_the_nearest_across_the_antimeridian(crew: APIClient, city: SmallCity) -> None:
    near = saved(city, location=Point(-179.999, 0, srid=4326))
    far = saved(city, location=Point(179.9, 0, srid=4326))
    assert ids(crew, sort="distance", latitude=0, longitude=180) == [told(near), told(far)]


@pytest.fixture
def chosen(city: SmallCity, people: dict[str, User]) -> dict[str, ServiceRequest]:
    """One request for each filter to find, and one that none finds."""
    now = timezone.now()
    team = Team.objects.create(department=city.departments["roads-west"], code="night", name="Night")
    make: dict[str, dict[str, Any]] = {
        "plain": {},
        "late": {"due_at": now - DAY},
        "tomorrow": {"due_at": now + DAY},
        "hers": {"assignee": people["crew"], "status": "assigned"},
        "his": {"assignee": people["other"], "status": "in_progress"},
        "the team's": {"team": team, "status": "assigned"},
        "urgent": {"priority": Priority.URGENT, "areas": [{"kind": "ward", "code": "east", "name": "East"}]},
        "low": {"priority": Priority.LOW, "areas": [{"kind": "beat", "code": "east", "name": "Beat"}]},
        "light": {"service": city.services["streetlight"]},
        "hold": {"status": "on_hold", "description": "100% Wet_paint \\ here"},
        "addressed": {"address": "12 Main Street", "status": "acknowledged"},
        "numbered": {"number": "ZZZZ-9999"},
    }
    return {name: saved(city, **fields) for name, fields in make.items()}


@pytest.fixture
def people(city: SmallCity) -> dict[str, User]:
    return {
        "crew": person("crew@example.org", role="crew", city=city, department="roads-west"),
        "other": person("other@example.org", role="crew", city=city, department="roads-west"),
    }


NOBODYS = ["plain", "late", "tomorrow", "urgent", "low", "light", "hold", "addressed", "numbered"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "on_hold"}, ["hold"]),
        ({"status": "on_hold,in_progress,on_hold"}, ["hold", "his"]),
        ({"service": "streetlight"}, ["light"]),
        ({"service": "unknown"}, []),
        ({"area": "east"}, ["urgent", "low"]),
        ({"area": "ward:east"}, ["urgent"]),
        ({"area": "ward:nowhere"}, []),
        ({"priority": "urgent"}, ["urgent"]),
        ({"priority": "low,urgent"}, ["urgent", "low"]),
        ({"assignee": "me"}, ["hers"]),
        ({"assignee": "none"}, NOBODYS),
        ({"assignee": "other"}, ["his"]),
        ({"assignee": "01890000-0000-7000-8000-000000000000"}, []),
        ({"team": "night"}, ["the team's"]),
        ({"team": "day"}, []),
        ({"overdue": "true"}, ["late"]),
        ({"overdue": "false", "assignee": "none"}, [name for name in NOBODYS if name != "late"]),
        ({"due_before": "2000-01-01T00:00:00Z"}, []),
        ({"due_before": "2999-01-01T00:00:00Z"}, ["late", "tomorrow"]),
        ({"q": "main street"}, ["addressed"]),
        ({"q": "WET_PAINT"}, ["hold"]),
        ({"q": "0% W"}, ["hold"]),
        ({"q": "\\ here"}, ["hold"]),
        ({"q": "%"}, ["hold"]),
        ({"q": "zzzz-9"}, ["numbered"]),
        ({"q": "nothing like that"}, []),
        ({"q": "main", "status": "acknowledged", "priority": "normal", "assignee": "none"}, ["addressed"]),
        ({"q": "main", "status": "submitted"}, []),
    ],
    ids=str,
)
def test_filters(
    people: dict[str, User], chosen: dict[str, ServiceRequest], query: dict[str, str], names: list[str]
) -> None:
    if query.get("assignee") in people:
        query = {**query, "assignee": str(people[query["assignee"]].pk)}
    client = of(people["crew"])
    for sort in SORTS:
        found = [document["id"] for document in walk(client, sort=sort, limit=3, **place(sort), **query)]
        assert sorted(found) == sorted(told(chosen[name]) for name in names), sort
        assert found == expected([chosen[name] for name in names], sort), sort


def test_me_is_the_caller(people: dict[str, User], chosen: dict[str, ServiceRequest]) -> None:
    assert ids(of(people["other"]), assignee="me") == [told(chosen["his"])]


def test_codes_of_another_city_find_nothing(city: SmallCity, crew: APIClient) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    saved(other, service=other.services["graffiti"])
    mine = saved(city, service=city.services["graffiti"])
    assert ids(crew, service="graffiti") == [told(mine)]


@pytest.mark.parametrize("sort", SORTS)
def test_a_page_goes_on_where_the_last_ended_whatever_became_of_its_row(
    city: SmallCity, rows: list[ServiceRequest], sort: str
) -> None:
    dispatcher = of(person(role="dispatcher", city=city))
    order = expected(rows, sort)
    page = ask(dispatcher, sort=sort, limit=10, **place(sort)).json()
    ServiceRequest.objects.filter(pk__in=order[8:11]).update(status="closed", closed_at=timezone.now())
    left = ids(dispatcher, sort=sort, limit=200, cursor=page["next"], **place(sort))
    assert left == order[11:]


@pytest.mark.parametrize("sort", SORTS)
def test_a_cursor_is_good_for_its_own_order_only(city: SmallCity, rows: list[ServiceRequest], sort: str) -> None:
    dispatcher = of(person(role="dispatcher", city=city))
    cursor = ask(dispatcher, sort=sort, limit=3, **place(sort)).json()["next"]
    for other in SORTS:
        response = dispatcher.get(URL, {"sort": other, "cursor": cursor, **place(other)})
        if sort == other:
            assert response.status_code == 200
        else:
            refused(response, 422, "invalid", "/cursor")


ID = "01890000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("due", "x"),
        ("due", "ÿ"),
        ("due", encode(ID)),
        ("due", encode("due", "infinity", "not an id")),
        ("due", encode("due", "tomorrow", ID)),
        ("due", encode("due", "2026-11-21T14:00:00", ID)),
        ("due", encode("due", "", ID)),
        ("due", encode("due", "infinity", ID, "more")),
        ("due", encode("due", "0001-01-01 00:00:00+14", ID)),
        ("due", encode("due", "2026-W47-6T14:00:00+00", ID)),
        ("due", encode("due", "2026-02-30 14:00:00+00", ID)),
        ("age", encode("age", "", "4")),
        ("priority", encode("priority", "urgent", ID)),
        ("priority", encode("priority", "0", ID)),
        ("priority", encode("priority", "99999", ID)),
        ("priority", encode("priority", "٣", ID)),
        ("priority", encode("priority", "1_0", ID)),
        ("distance", encode("distance", "-1", ID)),
        ("distance", encode("distance", "nan", ID)),
        ("distance", encode("distance", "inf", ID)),
        ("distance", encode("distance", "1_0.5", ID)),
        ("distance", encode("distance", "٣", ID)),
        ("distance", encode("distance", "far", ID)),
        ("distance", encode("distance", "1\x00", ID)),
    ],
)
def test_a_broken_cursor_is_refused(crew: APIClient, sort: str, cursor: str) -> None:
    refused(crew.get(URL, {"sort": sort, "cursor": cursor, **place(sort)}), 422, "invalid", "/cursor")


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"sort": "distance"}, ["/latitude", "/longitude"]),
        ({"sort": "distance", "latitude": "1"}, ["/longitude"]),
        ({"latitude": "1"}, ["/longitude"]),
        ({"longitude": "1"}, ["/latitude"]),
        ({"latitude": "91", "longitude": "181"}, ["/latitude", "/longitude"]),
        ({"latitude": "nan", "longitude": "1"}, ["/latitude"]),
        ({"sort": "name"}, ["/sort"]),
        ({"status": "open"}, ["/status"]),
        ({"status": "submitted,"}, ["/status"]),
        ({"status": ""}, ["/status"]),
        *[({"status": status.value}, ["/status"]) for status in Status if status not in OPEN],
        ({"status": "submitted,closed"}, ["/status"]),
        ({"priority": "3"}, ["/priority"]),
        ({"priority": "urgent,soon"}, ["/priority"]),
        ({"assignee": "you"}, ["/assignee"]),
        ({"assignee": ""}, ["/assignee"]),
        ({"overdue": "yes"}, ["/overdue"]),
        ({"due_before": "tomorrow"}, ["/due_before"]),
        ({"due_before": "2026-11-21T14:00:00"}, ["/due_before"]),
        ({"limit": "0"}, ["/limit"]),
        ({"limit": "201"}, ["/limit"]),
        ({"q": "x" * 201}, ["/q"]),
        ({"q": ""}, ["/q"]),
        ({"q": "a\x00"}, ["/q"]),
        ({"area": "ward:"}, ["/area"]),
        ({"area": ":east"}, ["/area"]),
        ({"team": "x" * 61}, ["/team"]),
        ({"colour": "red"}, ["/colour"]),
        ({"sort": "name", "status": "closed", "limit": "0"}, ["/limit", "/sort", "/status"]),
    ],
    ids=str,
)
def test_what_is_wrong_is_pointed_at(crew: APIClient, query: dict[str, str], pointers: list[str]) -> None:
    refused(crew.get(URL, query), 422, "invalid", *pointers)


def test_a_parameter_given_twice_is_refused(crew: APIClient) -> None:
    refused(crew.get(f"{URL}?status=submitted&status=assigned"), 422, "invalid", "/status")


def test_a_filter_is_saved_with_the_queues_parameters() -> None:
    assert set(QueueQuery().fields) == {*QUEUE_PARAMETERS, "cursor"}


def test_the_contract_names_the_same_parameters() -> None:
    contract = yaml.safe_load((Path(__file__).resolve().parents[3] / "openapi.yaml").read_text())
    parameters = contract["paths"]["/api/v1/crew/queue"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == set(QueueQuery().fields)


def test_the_link_keeps_the_query(city: SmallCity, crew: APIClient, rows: list[ServiceRequest]) -> None:
    response = ask(crew, limit=1, status="submitted,assigned", sort="age")
    url = response["Link"].partition(">")[0].strip("<")
    assert "status=submitted%2Cassigned" in url
    assert "sort=age" in url
    assert "limit=1" in url
    assert UUID(decode(response.json()["next"], 3)[2])
