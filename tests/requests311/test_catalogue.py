"""The catalogue in memory is never older than the database, whoever changed it and how."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from requests311 import catalogue
from requests311.catalogue import catalogue_of
from requests311.models import Attribute, Department, Jurisdiction, RoutingRule, Service, ServiceArea
from requests311.places import locate
from requests311.routing import route
from tests.factories.cities import SmallCity, small_city
from tests.requests311.reporting import at


@pytest.fixture
def city() -> SmallCity:
    made = small_city()
    RoutingRule.objects.all().delete()
    RoutingRule.objects.create(jurisdiction=made.jurisdiction, department=made.departments["roads"])
    return made


def decided(city: SmallCity) -> str:
    place = locate(at(city.point_in("west")))
    [jurisdiction] = place.jurisdictions
    kept = catalogue_of(jurisdiction)
    pothole = kept.offers["pothole"].service
    found = route(kept, pothole, area_ids=place.area_ids(jurisdiction), answers={}, on=date(2026, 11, 21))
    return found.department.code


def elsewhere(work: Callable[[], Any]) -> None:
    """In another connection, as another process would."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(run).result()


def by_save(parks: Department) -> None:
    rule = RoutingRule.objects.get()
    rule.department = parks
    rule.save()


def by_update(parks: Department) -> None:
    RoutingRule.objects.update(department=parks)


def by_bulk_create(parks: Department) -> None:
    RoutingRule.objects.bulk_create([RoutingRule(jurisdiction_id=parks.jurisdiction_id, department=parks, rank=1)])


def by_sql(parks: Department) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests311_routingrule SET department_id = %s", [parks.pk])


WAYS = [by_save, by_update, by_bulk_create, by_sql]


@pytest.mark.django_db
@pytest.mark.parametrize("change", WAYS)
def test_the_very_next_decision_sees_a_change(city: SmallCity, change: Callable[[Department], None]) -> None:
    assert decided(city) == "roads"
    change(city.departments["parks"])
    assert decided(city) == "parks"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", WAYS)
def test_also_one_of_another_process(city: SmallCity, change: Callable[[Department], None]) -> None:
    assert decided(city) == "roads"
    elsewhere(lambda: change(city.departments["parks"]))
    assert decided(city) == "parks"


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_not_kept(city: SmallCity) -> None:
    assert decided(city) == "roads"
    with transaction.atomic():
        by_update(city.departments["parks"])
        assert decided(city) == "parks"
        transaction.set_rollback(True)
    assert decided(city) == "roads"
    # The next change must not take the version of the one that never was.
    by_update(city.departments["desk"])
    assert decided(city) == "desk"


def of(city: SmallCity) -> dict[str, Any]:
    return {"jurisdiction": city.jurisdiction}


def of_service(city: SmallCity) -> dict[str, Any]:
    return {"service__jurisdiction": city.jurisdiction}


CHANGES: list[tuple[str, Callable[[SmallCity], Any]]] = [
    ("rule deleted", lambda city: RoutingRule.objects.filter(**of(city)).delete()),
    ("department", lambda city: Department.objects.filter(code="parks", **of(city)).update(active=False)),
    ("service", lambda city: Service.objects.filter(code="graffiti", **of(city)).update(active=False)),
    ("service added", lambda city: Service.objects.create(jurisdiction=city.jurisdiction, code="x", name="X")),
    ("attribute", lambda city: Attribute.objects.filter(code="depth_cm", **of_service(city)).update(required=True)),
    ("attribute deleted", lambda city: Attribute.objects.filter(code="pole_id", **of_service(city)).delete()),
    ("area", lambda city: ServiceArea.objects.filter(**of_service(city)).delete()),
    ("area added", lambda city: city.services["pothole"].offered_in.add(city.areas["east"])),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("_what", "change"), CHANGES)
def test_every_table_of_it_moves_the_version(city: SmallCity, _what: str, change: Callable[[SmallCity], Any]) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    before = Jurisdiction.objects.get(code="smallville").catalogue_version
    other.jurisdiction.refresh_from_db()
    theirs = other.jurisdiction.catalogue_version
    change(city)
    assert Jurisdiction.objects.get(code="smallville").catalogue_version > before
    other.jurisdiction.refresh_from_db()
    assert other.jurisdiction.catalogue_version == theirs


@pytest.mark.django_db
def test_the_citys_own_calendar_is_never_kept(city: SmallCity) -> None:
    """No trigger stands on the jurisdiction's table, and its calendar decides due times."""
    assert decided(city) == "roads"
    Jurisdiction.objects.update(time_zone="Asia/Tokyo", closure_days=[date(2026, 12, 24)])
    [jurisdiction] = locate(at(city.point_in("west"))).jurisdictions
    kept = catalogue_of(jurisdiction).jurisdiction
    assert (kept.time_zone, kept.closure_days) == ("Asia/Tokyo", [date(2026, 12, 24)])


@pytest.mark.django_db
def test_it_is_kept_while_nothing_changes(city: SmallCity, django_assert_num_queries: Any) -> None:
    decided(city)
    with django_assert_num_queries(1):  # the place alone
        decided(city)
    catalogue.forget()
    with CaptureQueriesContext(connection) as statements:
        decided(city)
    assert len(statements) > 1


@pytest.mark.django_db
def test_each_city_has_its_own(city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    Service.objects.filter(jurisdiction=other.jurisdiction, code="graffiti").update(code="theirs")
    there, here = Jurisdiction.objects.get(code="otherton"), Jurisdiction.objects.get(code="smallville")
    assert "theirs" in catalogue_of(there).offers
    assert "theirs" not in catalogue_of(here).offers
    assert {rule.jurisdiction_id for rule in catalogue_of(there).rules} == {there.pk}
    desk = catalogue_of(there).desk
    assert desk is not None
    assert desk.jurisdiction_id == there.pk
