"""The generator: the same every time, skewed as a city is, and nothing the database would refuse."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.utils import timezone

from requests311 import numbers as codes
from requests311.models import Event, Photo, ServiceRequest
from requests311.statuses import OPEN, TRANSITIONS, Status
from script.benchmark.data.identities import numbers, uuid7s
from script.benchmark.data.lives import DAYS, LIVES
from script.benchmark.data.rows import Generator
from script.benchmark.data.times import Times
from script.benchmark.workloads.workload import World
from tests.bench.conftest import FEW, NOW

pytestmark = pytest.mark.django_db


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


# --- numbers and ids ---------------------------------------------------------------------------------


def test_numbers_are_valid_and_never_come_twice() -> None:
    found = numbers(0, 30_000) + numbers(1 << 33, 30_000)
    assert len(set(found)) == 60_000
    assert all(codes.normalise(number) == number for number in found[::97])


def test_ids_are_uuid7_of_their_time() -> None:
    moments = np.array([1, 1_700_000_000_123])
    found = uuid7s(moments, np.random.default_rng(1))
    assert [int(text[:12], 16) for text in found] == moments.tolist()
    assert all(re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", text) for text in found)


# --- skew --------------------------------------------------------------------------------------------


def test_times_have_seasons_and_weekends_and_end_now() -> None:
    times = Times(NOW, hours_from_utc=-6)
    moments = times.draw(40_000, np.random.default_rng(3))
    days = Counter(datetime.fromtimestamp(at / 1000 - 6 * 3600, UTC).isoweekday() for at in moments)
    months = Counter(datetime.fromtimestamp(at / 1000, UTC).month for at in moments)
    assert days[7] < 0.7 * days[1]
    assert months[12] < 0.8 * months[7]
    assert moments.max() < NOW.timestamp() * 1000
    assert moments.min() > (NOW - timedelta(days=5 * 365 + 1)).timestamp() * 1000
    assert (np.diff(moments) >= 0).all()


def test_moves_of_every_life_are_legal_and_have_their_time() -> None:
    assert sum(share for share, _ in LIVES) == pytest.approx(1)
    for _, moves in LIVES:
        before = Status.SUBMITTED
        for to in moves:
            assert to in TRANSITIONS[before], (before, to)
            assert DAYS[to] > 0
            before = to


def test_a_few_services_and_places_have_most(generator: Generator, few: World) -> None:
    services = [
        count
        for (count,) in rows("SELECT count(*) FROM requests311_servicerequest GROUP BY service_id ORDER BY 1 DESC")
    ]
    assert services[0] > 2 * services[2] > 0
    cells = [
        count
        for (count,) in rows(
            "SELECT count(*) FROM requests311_servicerequest"
            " GROUP BY round(ST_X(location)::numeric * 50), round(ST_Y(location)::numeric * 50) ORDER BY 1 DESC"
        )
    ]
    assert sum(cells[: len(cells) // 10 + 1]) > 3 * FEW / 10


# --- what is in the table ----------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_rows(generator: Generator) -> None:
    assert generator.past(500, 300) == generator.past(500, 300)
    other = Generator(
        generator.city,
        seed=8,
        now=NOW,
        reporters=[],
        staff=[],
        addresses=3_000,
    )
    other.reporters, other.staff = generator.reporters, generator.staff
    assert other.past(500, 300).requests != generator.past(500, 300).requests


def test_every_constraint_holds(few: World) -> None:
    """COPY held checks and uniqueness, `few` looked up every foreign key; and all of them are still there to hold."""
    assert ServiceRequest.objects.count() >= FEW
    unchecked = rows(
        "SELECT conname FROM pg_constraint WHERE NOT convalidated AND conrelid::regclass::text LIKE 'requests311_%'"
    )
    assert unchecked == []
    off = rows("SELECT tgname FROM pg_trigger WHERE tgenabled <> 'O' AND tgrelid::regclass::text LIKE 'requests311_%'")
    assert off == []


def test_places_are_in_the_city_and_in_the_areas_they_name(few: World) -> None:
    outside = rows(
        "SELECT count(*) FROM requests311_servicerequest r JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id"
        " JOIN geo_area a ON a.id = j.boundary_id WHERE NOT ST_Covers(a.boundary, r.location)"
    )
    assert outside == [(0,)]
    wrong = rows(
        "SELECT count(*) FROM requests311_servicerequest r, jsonb_array_elements(r.areas) t, geo_area a"
        " WHERE a.kind = t->>'kind' AND a.code = t->>'code' AND NOT ST_DWithin(a.boundary, r.location, 1e-9)"
    )
    assert wrong == [(0,)]
    assert rows("SELECT count(*) FROM requests311_servicerequest WHERE areas = '[]'") == [(0,)]


def test_departments_follow_the_citys_rules(few: World) -> None:
    found = dict(
        rows(
            "SELECT DISTINCT a->>'code', d.code FROM requests311_servicerequest r"
            " JOIN requests311_service s ON s.id = r.service_id"
            " JOIN requests311_department d ON d.id = r.department_id,"
            " jsonb_array_elements(r.areas) a WHERE s.code = 'pothole'"
        )
    )
    assert found == {"west": "roads-west", "east": "roads-east"}


def test_ids_say_when_it_was_submitted(few: World) -> None:
    for request in ServiceRequest.objects.order_by("?")[:50]:
        assert request.id.int >> 80 == int(request.submitted_at.timestamp() * 1000 + 0.5)


def test_old_ones_are_closed_and_new_ones_open(few: World) -> None:
    statuses = [str(status) for status in OPEN]
    shares = {}
    for name, rows_then in {
        "old": ServiceRequest.objects.filter(submitted_at__lt=NOW - timedelta(days=365)),
        "new": ServiceRequest.objects.filter(submitted_at__gt=NOW - timedelta(days=20)),
    }.items():
        shares[name] = rows_then.filter(status__in=statuses).count() / rows_then.count()
    assert shares["old"] < 0.1
    assert shares["new"] > 3 * shares["old"]


def test_history_tells_how_the_request_got_where_it_is(few: World) -> None:
    wrong = rows(
        "SELECT count(*) FROM requests311_servicerequest r JOIN LATERAL (SELECT * FROM requests311_event e"
        " WHERE e.request_id = r.id ORDER BY version DESC LIMIT 1) e ON true"
        " WHERE e.to_status <> r.status OR e.version <> r.version OR e.at <> r.updated_at"
    )
    assert wrong == [(0,)]
    assert Event.objects.filter(kind="submitted").count() >= FEW
    snapshot = Event.objects.filter(kind="status_changed").first()
    assert snapshot is not None
    assert {"number", "service", "department", "jurisdiction", "language", "due"} <= set(snapshot.data)


def test_a_share_has_photos(few: World) -> None:
    share = Photo.objects.filter(state="ready").count() / ServiceRequest.objects.count()
    assert 0.2 < share < 0.3


def test_arrivals_are_submitted_now_and_new_each_time(few: World) -> None:
    first, second = few.arrivals(3), few.arrivals(3)
    assert not set(first) & set(second)
    assert all("'submitted'" in statement for statement in first)


def test_a_default_that_the_generator_does_not_know_is_written(generator: Generator) -> None:
    from script.benchmark.data.columns import Columns

    columns = Columns(ServiceRequest, ("id", "number"))
    assert columns.names[:2] == ["id", "number"]
    assert "status" in columns.names
    assert columns.end.split("\t")[1 + columns.names[2:].index("status")].strip() == "submitted"
    assert json.loads(columns.end.split("\t")[1 + columns.names[2:].index("contact")]) == {}
    assert timezone.is_aware(NOW)
