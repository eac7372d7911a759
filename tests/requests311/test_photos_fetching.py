"""Photos that a report names by their address: fetched once, or told why not."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.utils import timezone

from requests311.errors import Invalid
from requests311.models import Photo, PhotoFetch, ServiceRequest
from requests311.photos import fetching
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.factories.photos import photo
from tests.requests311.reporting import pointers, refused, report
from tests.requests311.test_outbound import listening, said

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture(autouse=True)
def loopback(settings: LazySettings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1"]


def due_now() -> None:
    PhotoFetch.objects.update(next_attempt_at=timezone.now() - timedelta(seconds=1))


def test_it_becomes_a_photo_of_the_report(city: SmallCity) -> None:
    reporter = guest()
    with listening(said(body=photo())) as (url, asked):
        made = report(city, reporter, media_urls=[f"{url}/a.jpg", f"{url}/b.jpg"])
        assert PhotoFetch.objects.count() == 2
        assert not Photo.objects.exists()
        assert fetching.fetch_due() == 2
    assert sorted(asked) == ["/a.jpg", "/b.jpg"]
    assert not PhotoFetch.objects.exists()
    assert [(p.request_id, p.uploaded_by_id) for p in Photo.objects.all()] == [(made.pk, reporter.pk)] * 2
    assert fetching.fetch_due() == 0


def test_the_worker_is_woken_up(city: SmallCity, django_capture_on_commit_callbacks: Any) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        report(city, guest(), media_urls=["http://127.0.0.1:9/a.jpg"])
    assert fetching._wake_worker in callbacks
    with django_capture_on_commit_callbacks() as callbacks:
        report(city, guest())
    assert fetching._wake_worker not in callbacks


@pytest.mark.parametrize(
    ("status", "body", "word"),
    [
        (404, b"gone", "404"),
        (403, b"no", "403"),
        (200, b"no picture", "picture"),
        (200, b"", "empty"),
        (304, b"", "304"),
    ],
)
def test_what_is_no_photo_fails_for_good(city: SmallCity, status: int, body: bytes, word: str) -> None:
    with listening(said(status, body)) as (url, asked):
        report(city, guest(), media_urls=[url])
        fetching.fetch_due()
        due_now()
        assert fetching.fetch_due() == 0
    row = PhotoFetch.objects.get()
    assert row.state == "failed"
    assert word in row.reason.lower()
    assert len(asked) == 1
    assert not Photo.objects.exists()


def test_a_forbidden_address_fails_for_good(city: SmallCity, settings: LazySettings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = []
    with listening(said(body=photo())) as (url, asked):
        report(city, guest(), media_urls=[url])
        assert fetching.fetch_due() == 1
    assert (PhotoFetch.objects.get().state, asked) == ("failed", [])


def test_one_that_is_too_large_fails_for_good(city: SmallCity, settings: LazySettings) -> None:
    data = photo()
    settings.PHOTO_MAX_BYTES = len(data) - 1
    with listening(said(body=data)) as (url, _):
        report(city, guest(), media_urls=[url])
        fetching.fetch_due()
    assert PhotoFetch.objects.get().state == "failed"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_trouble_is_tried_again_for_a_day(city: SmallCity, status: int) -> None:
    with listening(said(status)) as (url, asked):
        report(city, guest(), media_urls=[url])
        for _ in range(6):
            fetching.fetch_due()
            row = PhotoFetch.objects.get()
            assert row.state == "pending"
            assert row.next_attempt_at > timezone.now() + timedelta(seconds=30)
            due_now()
        assert len(asked) == 6
        PhotoFetch.objects.update(created_at=timezone.now() - timedelta(hours=22))
        fetching.fetch_due()
    assert PhotoFetch.objects.get().state == "failed"


def test_one_that_is_being_fetched_is_left_alone(city: SmallCity) -> None:
    with listening(said(body=photo())) as (url, asked):
        report(city, guest(), media_urls=[url])
        first = fetching._claim()
        assert first is not None
        assert fetching._claim() is None
        # The worker that had it died; its lease ends.
        due_now()
        assert fetching.fetch_due() == 1
        # And then came back after all.
        fetching._fetch(first)
    assert len(asked) == 2
    assert Photo.objects.count() == 1


def test_photos_of_a_reporter_who_is_gone(city: SmallCity) -> None:
    with listening(said(body=photo())) as (url, _):
        made = report(city, guest(), media_urls=[url])
        ServiceRequest.objects.update(reporter=None)
        fetching.fetch_due()
    assert Photo.objects.get().request_id == made.pk


def test_failed_ones_go_after_a_month(city: SmallCity) -> None:
    with listening(said(404)) as (url, _):
        report(city, guest(), media_urls=[url])
        fetching.fetch_due()
    PhotoFetch.objects.update(created_at=timezone.now() - timedelta(days=29))
    fetching.fetch_due()
    assert PhotoFetch.objects.exists()
    PhotoFetch.objects.update(created_at=timezone.now() - timedelta(days=31))
    fetching.fetch_due()
    assert not PhotoFetch.objects.exists()


class TestTheReport:
    @pytest.mark.parametrize(
        "url", ["ftp://a.example/x", "a", "http://user@a.example/", "http://a.example/" + "x" * 2000]
    )
    def test_a_bad_address(self, city: SmallCity, url: str) -> None:
        with refused(Invalid) as info:
            report(city, guest(), media_urls=[url])
        assert pointers(info) == [("/media_url", "bad_url")]

    def test_ten_at_most(self, city: SmallCity) -> None:
        urls = [f"http://a.example/{at}" for at in range(11)]
        with refused(Invalid) as info:
            report(city, guest(), media_urls=urls)
        assert pointers(info) == [("/photos", "too_many")]
        report(city, guest(), media_urls=urls[:10])

    def test_it_is_the_photo_that_a_service_requires(self, city: SmallCity) -> None:
        assert report(city, guest(), service="graffiti", media_urls=["http://a.example/x"])

    def test_a_service_that_takes_none(self, city: SmallCity) -> None:
        with refused(Invalid) as info:
            report(city, guest(), service="west_only", media_urls=["http://a.example/x"])
        assert pointers(info) == [("/photos", "not_taken")]

    def test_one_that_was_sent_again_is_not_fetched_again(self, city: SmallCity) -> None:
        reporter = guest()
        for _ in range(2):
            report(city, reporter, client_id="one", media_urls=["http://a.example/x"])
        assert PhotoFetch.objects.count() == 1


@pytest.mark.parametrize("values", [{"state": "lost"}, {"state": "failed", "reason": ""}])
def test_constraints(city: SmallCity, values: dict[str, str]) -> None:
    made = report(city, guest())
    with pytest.raises(IntegrityError), transaction.atomic():
        PhotoFetch.objects.create(id=uuid4(), request=made, url="http://a.example/", **values)
