"""A thousand requests cost a few statements, and not much more than the statement itself; deep pages stay cheap."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from requests311.models import Event
from tests.api.open311.making import ago, rows, times
from tests.api.open311.reading import FORMATS, Speaker, streamed
from tests.factories.cities import SmallCity, small_city
from tests.requests311.reporting import request_row

#: Real transactions: a test's own would hide BEGIN and COMMIT.
pytestmark = pytest.mark.django_db(transaction=True)

THOUSAND = 1000
#: Read once for each request that is shown.
PER_ROW = {"requests311_event", "requests311_photo"}
TRIES = 7


def fill(city: SmallCity, count: int = THOUSAND) -> None:
    """Requests with a word of the crew each."""
    made = rows(
        request_row(
            city, **times(ago(minutes=minute)), description=f"Hole <{minute}> & more", attributes={"depth_cm": minute}
        )
        for minute in range(count)
    )
    Event.objects.bulk_create(
        Event(request=request, version=1, kind="status_changed", at=ago(minutes=1), to_status="assigned", text="Seen.")
        for request in made
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE requests311_servicerequest, requests311_event, requests311_photo")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("query", [{}, {"extensions": "true"}, {"status": "open", "service_code": "pothole"}])
def test_a_thousand_are_three_statements(format: str, query: dict[str, str]) -> None:
    fill(small_city())
    speak = Speaker(format, Client())
    with CaptureQueriesContext(connection) as counted:
        answer = speak.get("requests", query)
    assert len(answer.content) == THOUSAND
    statements = [query["sql"] for query in counted.captured_queries]
    assert 0 < len(statements) <= 3, "\n".join(statement[:200] for statement in statements)


@pytest.mark.parametrize("format", FORMATS)
def test_a_thousand_take_three_times_the_bare_statement_at_most(format: str) -> None:
    """The least of several tries on both sides: what else the machine does can only add to a time."""
    fill(small_city())
    client, url = Client(), Speaker(format, Client()).url("requests")
    with CaptureQueriesContext(connection) as counted:
        client.get(url)
    longest = max(counted.captured_queries, key=lambda query: len(query["sql"]))["sql"]

    def bare() -> None:
        with connection.cursor() as cursor:
            cursor.execute(longest)
            cursor.fetchall()

    whole, alone = least(lambda: client.get(url)), least(bare)
    assert whole <= 3 * alone, f"{whole * 1000:.1f} ms against {alone * 1000:.1f} ms"


def least(call: Callable[[], Any]) -> float:
    """CPU seconds would leave out PostgreSQL's part, so this is by the clock."""
    found = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        call()
        found.append(time.perf_counter() - begun)
    return min(found)


@pytest.mark.parametrize("format", FORMATS)
def test_a_page_far_down_reads_no_more_rows_than_it_shows(format: str) -> None:
    """What is passed over is passed over in an index: no words of the crew, no pictures, no texts are read for it."""
    fill(small_city(), 3000)
    speak = Speaker(format, Client())
    with CaptureQueriesContext(connection) as counted:
        assert len(speak.ids({"page": 50, "page_size": 50})) == 50
    longest = max(counted.captured_queries, key=lambda query: len(query["sql"]))["sql"]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {longest}")
        (plan,) = cursor.fetchone()
    plan = json.loads(plan) if isinstance(plan, str) else plan
    touched = [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") in PER_ROW]
    assert touched
    for node in touched:
        assert node["Actual Rows"] * node["Actual Loops"] <= 50, node
        assert node["Actual Loops"] <= 50, node


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


@pytest.mark.parametrize("format", FORMATS)
def test_the_catalogue_is_two_statements(format: str) -> None:
    small_city()
    speak = Speaker(format, Client())
    speak.get("services")
    for path in ("services", "services/pothole"):
        with CaptureQueriesContext(connection) as counted:
            assert speak.get(path).status == 200
        assert len(counted) <= 2, path


@pytest.mark.parametrize("format", FORMATS)
def test_updates_are_three_statements(format: str) -> None:
    fill(small_city())
    speak = Speaker(format, Client())
    with CaptureQueriesContext(connection) as counted:
        assert len(speak.get("servicerequestupdates").content) == THOUSAND
    assert len(counted) <= 3


def test_bulk_is_a_statement_for_many_rows() -> None:
    fill(small_city())
    with CaptureQueriesContext(connection) as counted:
        response = Client().get("/open311/v2/bulk/requests.csv")
        lines = streamed(response).count(b"\r\n")
    assert lines == THOUSAND + 1
    assert len(counted) <= 4
