"""The database backend: kept connections are looked at without asking the server, and dead ones are replaced."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, connections
from django.db.utils import ConnectionHandler
from psycopg.pq import TransactionStatus

from requests311.models import MapChange

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def kept() -> Iterator[Any]:
    """A second connection, kept as a web thread keeps its own."""
    handler = ConnectionHandler({"default": {**connection.settings_dict, "CONN_MAX_AGE": None}})
    one = handler["default"]
    one.connect()
    yield one
    one.close()


def pid(one: Any) -> int:
    with one.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end(backend: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
        assert cursor.fetchone() == (True,)


def next_request(one: Any) -> None:
    """What Django does between two requests."""
    one.close_if_unusable_or_obsolete()


def test_it_is_the_one_in_use() -> None:
    assert connections["default"].settings_dict["ENGINE"] == "config.database"


def test_a_healthy_one_is_kept_and_not_asked(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pid(kept)
    asked: list[str] = []

    def ask(_self: Any) -> bool:
        asked.append("SELECT 1")
        return True

    monkeypatch.setattr("django.contrib.gis.db.backends.postgis.base.DatabaseWrapper.is_usable", ask)
    next_request(kept)
    assert pid(kept) == first
    assert not asked


def test_one_that_the_server_ended_is_replaced_before_it_is_used(kept: Any) -> None:
    first = pid(kept)
    end(first)
    next_request(kept)
    assert pid(kept) != first


def test_one_in_the_middle_of_something_is_not_usable(kept: Any) -> None:
    """A COPY that Ctrl-C has interrupted: the next statement would fail."""
    kept.connection.pgconn.send_query(b"COPY (SELECT generate_series(1, 100000)) TO STDOUT")
    assert not kept.is_usable()


def test_one_that_has_something_to_say_is_asked_and_kept(kept: Any) -> None:
    first = pid(kept)
    with kept.cursor() as cursor:
        cursor.execute("LISTEN something")
    with connection.cursor() as cursor:
        cursor.execute("NOTIFY something")
    next_request(kept)
    assert pid(kept) == first


def test_statements_are_prepared(kept: Any) -> None:
    with kept.cursor() as cursor:
        for number in range(5):
            cursor.execute("SELECT %s::int + 1", [number])
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1::int + 1%%'")
        assert cursor.fetchone() == (1,)
    assert kept.connection.info.transaction_status == TransactionStatus.IDLE


def test_many_rows_are_written_in_as_many_statements_as_it_takes() -> None:
    """11,000 rows of six columns: more parameters than the protocol can count in one statement."""
    rows = [MapChange(world_x=n, world_y=n, service_id=1, status="submitted", day=1, n=1) for n in range(11_000)]
    MapChange.objects.bulk_create(rows)
    assert MapChange.objects.count() == len(rows)
    ids = {row.pk for row in rows}
    assert set(MapChange.objects.in_bulk([*ids, *range(-60_000, 0)])) == ids
