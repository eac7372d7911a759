"""Requests as GeoReport v2 writes them: text built by the database, in both formats the same."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from defusedxml import ElementTree
from django.contrib.gis.geos import Point
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from requests311.conditions import Condition
from requests311.models import ServiceRequest
from requests311.policies import Role
from requests311.queries import georeport
from requests311.queries.georeport import FIELD_NAMES, Selection, Writing
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import move, report

pytestmark = pytest.mark.django_db

BASE = "https://city.example"
NASTY = "<b>&amp;\"'</b> ]]> \x01\x0b\t\n¡é😀 %s %(x)s {0} \\"


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def of(city: SmallCity, **changes: Any) -> Selection:
    return Selection([Condition("{r}.jurisdiction_id = %s", city.jurisdiction.pk)], **changes)


def as_json(selection: Selection, *, extensions: bool = False) -> list[dict[str, Any]]:
    text = georeport.requests_text(selection, writing=Writing.JSON, extensions=extensions, base_url=BASE)
    found: list[dict[str, Any]] = orjson.loads(f"[{text}]")
    return found


def as_xml(selection: Selection, *, extensions: bool = False) -> list[Any]:
    text = georeport.requests_text(selection, writing=Writing.XML, extensions=extensions, base_url=BASE)
    return list(ElementTree.fromstring(f"<service_requests>{text}</service_requests>"))


@pytest.mark.parametrize("extensions", [False, True])
def test_both_say_the_same(city: SmallCity, *, extensions: bool) -> None:
    for description in ("", "Deep.", NASTY):
        report(city, guest(), description=description)
    one = of(city)
    documents = as_json(one, extensions=extensions)
    elements = as_xml(one, extensions=extensions)
    assert len(documents) == len(elements) == 3
    for document, element in zip(documents, elements, strict=True):
        assert [child.tag for child in element] == list(document)
        for name in FIELD_NAMES:
            value, text = document[name], element.findtext(name)
            if isinstance(value, str) and any(ord(sign) < 32 and sign not in "\t\n" for sign in value):
                value = "".join(sign for sign in value if ord(sign) >= 32 or sign in "\t\n")
            assert (text or None) == (str(value) if value is not None else None), name
    assert len(documents[0]) == len(FIELD_NAMES) + (3 if extensions else 0)


def test_nothing_is_nothing(city: SmallCity) -> None:
    assert as_json(of(city)) == []
    assert as_xml(of(city), extensions=True) == []


def test_times_have_a_zone_and_no_fractions(city: SmallCity) -> None:
    row = report(city, guest())
    [document] = as_json(of(city))
    assert document["requested_datetime"] == row.submitted_at.replace(microsecond=0).isoformat()
    assert row.due_at is not None
    assert document["expected_datetime"] == row.due_at.replace(microsecond=0).isoformat()


def test_a_closed_one_was_updated_when_it_was_closed(city: SmallCity) -> None:
    boss = person(role=Role.DISPATCHER, city=city)
    row = report(city, guest())
    move(row, boss, Status.ACKNOWLEDGED)
    assert as_json(of(city))[0]["status"] == "open"
    move(row, boss, Status.RESOLVED, resolution="fixed", text="Filled.")
    resolved = ServiceRequest.objects.get().resolved_at
    assert resolved is not None
    early = timezone.now() - timedelta(days=3)
    ServiceRequest.objects.update(resolved_at=early)
    [document] = as_json(of(city))
    assert (document["status"], document["status_notes"]) == ("closed", "Filled.")
    assert document["updated_datetime"] == early.replace(microsecond=0).isoformat()


def test_pages_come_in_order_and_miss_nothing(city: SmallCity) -> None:
    rows = [report(city, guest()) for _ in range(7)]
    numbers = [row.number for row in reversed(rows)]
    found = [
        document["service_request_id"] for skip in (0, 3, 6, 9) for document in as_json(of(city, limit=3, skip=skip))
    ]
    assert found == numbers
    nearest = of(city, order=georeport.nearest_first(-99.9, 40.1), limit=2, skip=1)
    with CaptureQueriesContext(
        connection,
    ) as statements:
        assert len(as_json(nearest)) == 2
    assert len(statements) == 1


def test_nearest_first(city: SmallCity) -> None:
    near, far = report(city, guest()), report(city, guest())
    ServiceRequest.objects.filter(pk=far.pk).update(location=Point(-99.81, 40.19, srid=4326))
    order = georeport.nearest_first(near.location.x, near.location.y)
    assert [document["service_request_id"] for document in as_json(of(city, order=order))] == [near.number, far.number]


def test_rows_come_in_batches_each_once(city: SmallCity) -> None:
    rows = [report(city, guest()) for _ in range(5)]
    everything = [Condition("{r}.jurisdiction_id = %s", city.jurisdiction.pk)]
    batches = list(georeport.request_rows(everything, base_url=BASE, batch=2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert [row[0] for batch in batches for row in batch] == [row.number for row in rows]


def test_updates_are_the_public_events_of_a_time(city: SmallCity) -> None:
    boss = person(role=Role.DISPATCHER, city=city)
    row = report(city, guest())
    move(row, boss, Status.ON_HOLD, text=NASTY)
    now = timezone.now()
    everything = [Condition("{r}.jurisdiction_id = %s", city.jurisdiction.pk)]

    def between(begin: Any, end: Any, writing: Writing = Writing.JSON) -> str:
        return georeport.updates_text(everything, begin=begin, end=end, limit=10, writing=writing)

    [update] = orjson.loads(f"[{between(now - timedelta(hours=1), now)}]")
    assert (update["service_request_id"], update["status"], update["description"]) == (row.number, "open", NASTY)
    [element] = ElementTree.fromstring(f"<x>{between(now - timedelta(hours=1), now, Writing.XML)}</x>")
    assert [child.tag for child in element] == list(update)
    assert between(now - timedelta(hours=2), now - timedelta(hours=1)) == ""
    assert between(now + timedelta(hours=1), now + timedelta(hours=2)) == ""
