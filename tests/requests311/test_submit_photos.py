"""Photos of a report: whose they may be, in what state, and how many a service wants."""

from uuid import uuid4

import pytest

from requests311.errors import Invalid
from requests311.models import Photo, PhotoState
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import photo, pointers, refused, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.mark.parametrize("state", [PhotoState.PENDING, PhotoState.READY])
def test_ones_own_free_photo_is_attached(city: SmallCity, state: PhotoState) -> None:
    reporter = guest()
    mine = photo(reporter, state=state, thumbnail="t.jpg", large="l.jpg")
    other = photo(reporter)
    row = report(city, reporter, photos=[mine.pk])
    assert list(row.photos.all()) == [mine]
    other.refresh_from_db()
    assert other.request_id is None


def test_another_persons_photo(city: SmallCity) -> None:
    reporter = guest()
    mine, theirs, nobodys = photo(reporter), photo(guest()), photo(None)
    with refused(Invalid) as info:
        report(city, reporter, photos=[mine.pk, theirs.pk, nobodys.pk, uuid4()])
    assert pointers(info) == [(f"/photos/{place}", "photo_not_usable") for place in (1, 2, 3)]
    assert not Photo.objects.exclude(request=None).exists()


def test_a_photo_of_another_report(city: SmallCity) -> None:
    reporter = guest()
    used = photo(reporter)
    first = report(city, reporter, photos=[used.pk])
    with refused(Invalid) as info:
        report(city, reporter, photos=[used.pk])
    assert pointers(info) == [("/photos/0", "photo_not_usable")]
    used.refresh_from_db()
    assert used.request_id == first.pk


def test_a_rejected_photo(city: SmallCity) -> None:
    reporter = guest()
    broken = photo(reporter, state=PhotoState.REJECTED, reason="corrupt")
    with refused(Invalid) as info:
        report(city, reporter, photos=[broken.pk])
    assert pointers(info) == [("/photos/0", "photo_not_usable")]


def test_a_photo_that_is_required(city: SmallCity) -> None:
    reporter = guest()
    with refused(Invalid) as info:
        report(city, reporter, "graffiti")
    assert pointers(info) == [("/photos", "required")]
    assert report(city, reporter, "graffiti", photos=[photo(reporter).pk]).photos.count() == 1


def test_a_photo_that_is_not_wanted(city: SmallCity) -> None:
    reporter = guest()
    mine = photo(reporter)
    with refused(Invalid) as info:
        report(city, reporter, "west_only", photos=[mine.pk])
    assert pointers(info) == [("/photos", "not_taken")]
    assert report(city, reporter, "west_only").photos.count() == 0


def test_one_photo_named_twice_is_one_photo(city: SmallCity) -> None:
    reporter = guest()
    mine = photo(reporter)
    assert report(city, reporter, photos=[mine.pk, mine.pk]).photos.count() == 1
