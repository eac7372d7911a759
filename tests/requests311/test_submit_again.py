"""A phone that lost the answer sends its report again, with the same client_id."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from requests311.actions.submit import Submission, submit
from requests311.errors import Invalid
from requests311.models import Event, Photo, Service, ServiceRequest
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import at, photo, refused, report

# Real commits: a photo that is left attached to a request that was never made breaks just the COMMIT.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def test_the_same_report_again(city: SmallCity) -> None:
    reporter = guest()
    mine = photo(reporter)
    first = report(city, reporter, client_id="c", photos=[mine.pk])
    again = submit(by=reporter, service="pothole", location=at(city.point_in("west")), client_id="c", photos=[mine.pk])
    assert (again.request, again.created) == (first, False)
    assert Event.objects.count() == ServiceRequest.objects.count() == 1
    mine.refresh_from_db()
    assert mine.request_id == first.pk


def test_without_photos_too(city: SmallCity) -> None:
    reporter = guest()
    assert report(city, reporter, client_id="c") == report(city, reporter, client_id="c")
    assert Event.objects.count() == 1


def test_another_photo_stays_free(city: SmallCity) -> None:
    reporter = guest()
    first = report(city, reporter, client_id="c")
    other = photo(reporter)
    assert report(city, reporter, client_id="c", photos=[other.pk]) == first
    assert Photo.objects.get().request_id is None


def test_the_old_photo_with_another_one(city: SmallCity) -> None:
    reporter = guest()
    mine, other = photo(reporter), photo(reporter)
    first = report(city, reporter, client_id="c", photos=[mine.pk])
    assert report(city, reporter, client_id="c", photos=[mine.pk, other.pk]) == first
    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.request_id, other.request_id) == (first.pk, None)


def test_a_service_that_was_switched_off_meanwhile(city: SmallCity) -> None:
    reporter = guest()
    mine, other = photo(reporter), photo(reporter)
    first = report(city, reporter, client_id="c", photos=[mine.pk])
    Service.objects.update(active=False)
    assert report(city, reporter, client_id="c", photos=[mine.pk]) == first
    assert report(city, reporter, client_id="c", photos=[other.pk]) == first
    assert report(city, reporter, client_id="c") == first
    other.refresh_from_db()
    assert other.request_id is None


def test_another_persons_client_id_is_another_report(city: SmallCity) -> None:
    assert report(city, guest(), client_id="c") != report(city, guest(), client_id="c")


@pytest.mark.parametrize("nothing", [None, ""])
def test_without_a_client_id_each_is_a_report(city: SmallCity, nothing: str | None) -> None:
    reporter = guest()
    assert report(city, reporter, client_id=nothing) != report(city, reporter, client_id=nothing)


def test_a_used_photo_under_another_client_id(city: SmallCity) -> None:
    reporter = guest()
    mine = photo(reporter)
    report(city, reporter, client_id="c", photos=[mine.pk])
    with refused(Invalid):
        report(city, reporter, client_id="d", photos=[mine.pk])
    with refused(Invalid):
        report(city, reporter, photos=[mine.pk])


@pytest.mark.parametrize("with_photo", [False, True])
def test_at_the_same_moment(city: SmallCity, with_photo: bool) -> None:
    reporter = guest()
    photos = [photo(reporter).pk] if with_photo else []
    start = Barrier(6)

    def send() -> Submission:
        try:
            start.wait(timeout=30)
            return submit(
                by=reporter, service="pothole", location=at(city.point_in("west")), client_id="c", photos=photos
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = [answer.result() for answer in [pool.submit(send) for _ in range(6)]]
    assert len({answer.request.pk for answer in answers}) == 1
    assert sorted(answer.created for answer in answers) == [False] * 5 + [True]
    assert ServiceRequest.objects.count() == Event.objects.count() == 1
    assert Photo.objects.filter(request=answers[0].request).count() == len(photos)
