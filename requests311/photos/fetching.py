"""Photos that a report names by their address: fetched by a worker, then treated as if they had been uploaded.

Source: `media_url` of Open311 GeoReport v2. Whoever reports chooses the address, so `requests311.outbound` decides
whether it may be asked. A photo takes part in nothing until it is there; the report does not wait for it.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from notifications.wake import wake
from requests311.errors import InputError, Invalid, PhotoRefused
from requests311.models import Photo, PhotoFetch, ServiceRequest
from requests311.models.photo_fetch import FetchState
from requests311.outbound import OutboundRefused, ask, check_url
from requests311.photos.intake import receive

PHOTOS_AT_MOST = 10
SECONDS = 10.0
REDIRECTS = 3
#: Until then nobody else takes a fetch that is under way, or whose worker died.
_LEASE = timedelta(minutes=2)
_PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))
_TRIED_FOR = timedelta(days=1)
#: How long staff see what could not be fetched.
_FAILED_KEPT = timedelta(days=30)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def check_media_urls(urls: Sequence[str], *, beside: int = 0) -> None:
    """Raises Invalid for what is no address, and for more photos than one report or update has, `beside` included."""
    errors = []
    if beside + len(urls) > PHOTOS_AT_MOST:
        errors.append(InputError("/photos", "too_many", f"A report has at most {PHOTOS_AT_MOST} photos."))
    for url in urls:
        try:
            check_url(url)
        except OutboundRefused as error:
            errors.append(InputError("/media_url", error.reason, f"media_url: {error.detail}"))
    if errors:
        raise Invalid(errors=errors)


def enqueue(request: ServiceRequest, urls: Sequence[str]) -> None:
    """Part of the report's or the update's own transaction; the worker is woken up once that commits."""
    if not urls:
        return
    now = timezone.now()
    PhotoFetch.objects.bulk_create([PhotoFetch(request=request, url=url, next_attempt_at=now) for url in urls])
    transaction.on_commit(_wake_worker)


def fetch_due(*, at_most: int = 50) -> int:
    """Fetches what is due, one after the other; how many it looked at. Two at a time take different ones."""
    PhotoFetch.objects.filter(state=FetchState.FAILED, created_at__lt=timezone.now() - _FAILED_KEPT).delete()
    for done in range(at_most):
        fetch = _claim()
        if fetch is None:
            return done
        _fetch(fetch)
    return at_most


@transaction.atomic
def _claim() -> PhotoFetch | None:
    now = timezone.now()
    fetch = (
        PhotoFetch.objects.select_for_update(skip_locked=True)
        .filter(state=FetchState.PENDING, next_attempt_at__lte=now)
        .order_by("next_attempt_at")
        .first()
    )
    if fetch is not None:
        fetch.attempts += 1
        fetch.next_attempt_at = now + _LEASE
        fetch.save(update_fields=["attempts", "next_attempt_at"])
    return fetch


def _fetch(fetch: PhotoFetch) -> None:
    try:
        answer = ask("GET", fetch.url, seconds=SECONDS, bytes_at_most=settings.PHOTO_MAX_BYTES, redirects=REDIRECTS)
    except OutboundRefused as error:
        _failed(fetch, error.detail, may_pass=error.may_pass)
        return
    if answer.status != 200:
        _failed(fetch, f"The other side answered {answer.status}.", may_pass=answer.status in _PASSING)
        return
    try:
        _store(fetch.pk, answer.body)
    except PhotoRefused as error:
        _failed(fetch, error.detail, may_pass=False)


@transaction.atomic
def _store(fetch_id: UUID, data: bytes) -> None:
    """The photo for the row, both or neither: what was fetched twice after a crash is stored once."""
    fetch = PhotoFetch.objects.select_for_update(of=("self",)).select_related("request__reporter").filter(pk=fetch_id)
    row = fetch.first()
    if row is None:
        return
    photo = receive(file=ContentFile(data, name="photo"), by=row.request.reporter)
    Photo.objects.filter(pk=photo.pk).update(request=row.request_id)
    row.delete()


def _failed(fetch: PhotoFetch, reason: str, *, may_pass: bool) -> None:
    now = timezone.now()
    pause = _PAUSES[min(fetch.attempts, len(_PAUSES)) - 1]
    for_good = not may_pass or now + pause > fetch.created_at + _TRIED_FOR
    PhotoFetch.objects.filter(pk=fetch.pk).update(
        state=FetchState.FAILED if for_good else FetchState.PENDING, reason=reason[:300], next_attempt_at=now + pause
    )


def _wake_worker() -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import fetch_photos

    wake(fetch_photos)
