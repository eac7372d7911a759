"""A resident reports: what is written, and each reason to refuse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import connection, transaction
from django.utils import timezone

from requests311 import numbers
from requests311.actions import submit as submitting
from requests311.actions.submit import submit
from requests311.errors import Invalid, LocationMissing, NoDispatchDesk, OutsideEveryJurisdiction, ServiceNotOffered
from requests311.models import Department, Event, Photo, Service, ServiceRequest
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import at, photo, pointers, refused, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def test_a_report_has_everything_that_follows_from_it(city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    # A Friday evening in Chicago, three working days before Wednesday.
    now = datetime(2026, 11, 14, 1, 0, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    reporter, place = guest(), city.point_in("west")
    made = submit(
        by=reporter,
        service="pothole",
        location=at(place),
        address="11 Main St",
        description="Deep.",
        attributes={"depth_cm": 12, "position": "lane", "lane_number": 1},
        client_id="phone-1",
        contact={"name": "Rosa", "email": "", "phone": "555"},
        channel="web",
    )
    assert made.created
    row = ServiceRequest.objects.get(pk=made.request.pk)
    assert (row.jurisdiction, row.service) == (city.jurisdiction, city.services["pothole"])
    assert row.department == city.departments["roads-west"]
    assert row.reason.startswith("Pothole reports in West Ward are theirs (rule ")
    assert row.areas == [{"kind": "ward", "code": "west", "name": "West Ward"}]
    assert row.location.equals_exact(at(place))
    assert row.due_at == datetime(2026, 11, 19, 5, 59, 59, tzinfo=UTC)
    assert (row.status, row.version, row.visibility) == ("submitted", 1, "public")
    assert (row.address, row.description, row.channel, row.client_id) == ("11 Main St", "Deep.", "web", "phone-1")
    assert list(row.attributes.items()) == [("depth_cm", 12), ("position", "lane"), ("lane_number", 1)]
    assert row.contact == {"name": "Rosa", "phone": "555"}
    assert (row.reporter, row.assignee) == (reporter, None)
    assert row.submitted_at == row.updated_at == now
    assert numbers.normalise(row.number) == row.number


def test_it_begins_its_history(city: SmallCity) -> None:
    reporter = guest()
    row = report(city, reporter)
    event = Event.objects.get(request=row)
    assert (event.version, event.kind, event.audience) == (1, "submitted", "public")
    assert (event.actor, event.at, event.announced_at) == (reporter, row.submitted_at, None)
    assert (event.from_status, event.to_status, event.text) == ("", "submitted", "")
    assert row.due_at is not None
    assert event.data == {
        "number": row.number,
        "service": {"en": "Pothole", "es": "Bache"},
        "department": "Roads – West Yard",
        "jurisdiction": "Smallville",
        "language": "en",
        "due": (row.due_at - timedelta(hours=6)).date().isoformat(),
    }


def test_a_private_service_makes_a_private_report(city: SmallCity) -> None:
    assert report(city, guest(), "heating").visibility == "private"


def test_without_a_promise_there_is_no_due_time(city: SmallCity) -> None:
    row = report(city, guest(), "west_only")
    assert row.due_at is None
    assert Event.objects.get(request=row).data["due"] == ""


class TestPlace:
    def test_the_photos_own_place_is_taken(self, city: SmallCity) -> None:
        reporter = guest()
        nowhere, there = photo(reporter), photo(reporter, location=at(city.point_in("east")))
        row = submit(by=reporter, service="pothole", photos=[nowhere.pk, there.pk]).request
        assert row.location.equals_exact(at(city.point_in("east")))
        assert row.department == city.departments["roads-east"]

    def test_the_first_photo_named_decides(self, city: SmallCity) -> None:
        reporter = guest()
        east = photo(reporter, location=at(city.point_in("east")))
        west = photo(reporter, location=at(city.point_in("west")))
        row = submit(by=reporter, service="pothole", photos=[west.pk, east.pk]).request
        assert row.location.equals_exact(at(city.point_in("west")))

    def test_the_place_that_was_said_goes_before_the_photos(self, city: SmallCity) -> None:
        reporter = guest()
        east = photo(reporter, location=at(city.point_in("east")))
        row = report(city, reporter, photos=[east.pk])
        assert row.department == city.departments["roads-west"]

    def test_no_place_at_all(self, city: SmallCity) -> None:
        reporter = guest()
        nowhere = photo(reporter)
        for photos in ([], [nowhere.pk]):
            with refused(LocationMissing) as info:
                submit(by=reporter, service="pothole", photos=photos)
            assert pointers(info) == [("/location", "required")]

    def test_outside(self, city: SmallCity) -> None:
        with refused(OutsideEveryJurisdiction) as info:
            submit(by=guest(), service="pothole", location=at(city.point_outside()))
        assert pointers(info) == [("/location", "outside_every_jurisdiction")]

    def test_nothing_is_loaded(self) -> None:
        with refused(OutsideEveryJurisdiction) as info:
            submit(by=guest(), service="pothole", location=Point(0, 0, srid=4326))
        assert "No jurisdiction" in info.value.detail


class TestService:
    def test_it_is_offered_in_one_ward_only(self, city: SmallCity) -> None:
        assert report(city, guest(), "west_only", "west").department == city.departments["desk"]
        with refused(ServiceNotOffered) as info:
            report(city, guest(), "west_only", "east")
        assert pointers(info) == [("/service", "service_not_offered")]

    def test_an_unknown_one(self, city: SmallCity) -> None:
        with refused(ServiceNotOffered):
            report(city, guest(), "volcano")

    def test_one_that_was_switched_off(self, city: SmallCity) -> None:
        Service.objects.filter(code="pothole").update(active=False)
        with refused(ServiceNotOffered):
            report(city, guest())

    def test_one_of_another_city(self, city: SmallCity) -> None:
        other = small_city("otherton", origin=(-90.0, 40.0))
        Service.objects.filter(jurisdiction=other.jurisdiction, code="graffiti").update(code="elsewhere")
        with refused(ServiceNotOffered):
            report(city, guest(), "elsewhere")

    def test_wrong_answers(self, city: SmallCity) -> None:
        with refused(Invalid) as info:
            report(city, guest(), attributes={"depth_cm": "deep", "colour": "red"})
        assert pointers(info) == [("/attributes/colour", "unknown_attribute"), ("/attributes/depth_cm", "wrong_type")]

    def test_nobody_to_give_it_to(self, city: SmallCity) -> None:
        Department.objects.update(is_dispatch_desk=False)
        with refused(NoDispatchDesk):
            report(city, guest(), "west_only")


class TestNumber:
    def test_one_that_is_taken_is_drawn_again(self, city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
        taken, free = report(city, guest()).number, numbers.make()
        draws = iter([taken, taken, taken, taken, free])
        monkeypatch.setattr(numbers, "make", lambda: next(draws))
        row = report(city, guest(), client_id="phone-1")
        assert row.number == free
        assert Event.objects.get(request=row).data["number"] == free

    def test_a_broken_generator_ends(self, city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = report(city, guest()).number
        monkeypatch.setattr(numbers, "make", lambda: taken)
        with refused(RuntimeError):
            report(city, guest())
        assert ServiceRequest.objects.count() == 1


@pytest.mark.django_db(transaction=True)
class TestTransaction:
    def test_a_refusal_leaves_nothing(self) -> None:
        city, reporter = small_city(), guest()
        free = photo(reporter)
        with pytest.raises(Invalid):
            report(city, reporter, photos=[free.pk], attributes={"colour": "red"})
        assert not ServiceRequest.objects.exists()
        assert not Event.objects.exists()
        assert Photo.objects.get().request_id is None

    def test_a_failure_after_the_insert_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any) -> None:
            raise RuntimeError

        city, reporter = small_city(), guest()
        free = photo(reporter)
        monkeypatch.setattr(submitting, "record", fail)
        with pytest.raises(RuntimeError):
            report(city, reporter, photos=[free.pk])
        assert not ServiceRequest.objects.exists()
        assert Photo.objects.get().request_id is None

    def test_the_callers_rollback_takes_it_along(self) -> None:
        city = small_city()
        with transaction.atomic():
            report(city, guest())
            transaction.set_rollback(True)
        assert not ServiceRequest.objects.exists()
        assert not Event.objects.exists()

    def test_it_is_one_transaction_of_its_own(self) -> None:
        report(small_city(), guest())
        assert not connection.in_atomic_block
        assert Event.objects.count() == ServiceRequest.objects.count() == 1
