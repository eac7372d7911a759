"""Short ways to report, to move and to be refused, for tests of the domain."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import User
from requests311 import numbers
from requests311.actions.submit import submit
from requests311.actions.transition import transition
from requests311.actors import Actor
from requests311.errors import DomainError
from requests311.models import Photo, ServiceRequest
from requests311.statuses import TRANSITIONS, Status
from tests.factories.cities import SmallCity

Refusal = TypeVar("Refusal", bound=BaseException)

_ENDED = {Status.CLOSED, Status.REJECTED, Status.DUPLICATE, Status.WITHDRAWN}


@contextmanager
def refused(error: type[Refusal]) -> Iterator[pytest.ExceptionInfo[Refusal]]:
    """As `pytest.raises`, in a savepoint: actions roll the whole transaction back, which is here the test's."""
    with pytest.raises(error) as info, transaction.atomic():
        yield info


def pointers(info: "pytest.ExceptionInfo[Any]") -> list[tuple[str, str]]:
    """(pointer, code) of each wrong value that a DomainError lists."""
    error = info.value
    assert isinstance(error, DomainError)
    return [(wrong.pointer, wrong.code) for wrong in error.errors]


def at(place: tuple[float, float]) -> Point:
    """A point from (latitude, longitude), as the factories give them."""
    latitude, longitude = place
    return Point(longitude, latitude, srid=4326)


def report(city: SmallCity, by: User, service: str = "pothole", ward: str = "west", **fields: Any) -> ServiceRequest:
    """A new report in the middle of a ward."""
    return submit(by=by, service=service, location=at(city.point_in(ward)), **fields).request


def move(request: ServiceRequest, by: User, to: Status, **words: Any) -> ServiceRequest:
    """Moves it from the version it has now."""
    version = ServiceRequest.objects.values_list("version", flat=True).get(pk=request.pk)
    return transition(by=Actor(by), key=str(request.pk), to=to, if_version=version, **words)


def words_for(start: Status, to: Status) -> dict[str, str]:
    """What the move has to be said with."""
    needed = TRANSITIONS[start][to]
    text = {"text": "Because."} if needed.needs_text else {}
    return text | ({"resolution": "fixed"} if needed.needs_resolution else {})


def force(request: ServiceRequest, status: Status) -> ServiceRequest:
    """Puts it into a status without going there."""
    now = timezone.now()
    ServiceRequest.objects.filter(pk=request.pk).update(
        status=status,
        resolution="fixed" if status == Status.RESOLVED else "",
        resolved_at=now if status == Status.RESOLVED else None,
        closed_at=now if status in _ENDED else None,
        hold_until=None,
        hold_reason="",
        held_from="",
    )
    request.refresh_from_db()
    return request


def photo(by: User | None, **fields: Any) -> Photo:
    """A photo that has been uploaded; no file is behind it."""
    values: dict[str, Any] = {
        "original": "2026/11/21/photo.jpg",
        "content_type": "image/jpeg",
        "size_bytes": 1000,
        "sha256": "0" * 64,
        "width": 400,
        "height": 300,
    }
    return Photo.objects.create(uploaded_by=by, **{**values, **fields})


def request_row(city: SmallCity, **fields: Any) -> ServiceRequest:
    """A bare row for bulk inserts; not saved, and without an event."""
    now = timezone.now()
    values: dict[str, Any] = {
        "id": uuid7(),
        "number": numbers.make(),
        "jurisdiction": city.jurisdiction,
        "service": city.services["pothole"],
        "department": city.departments["roads-west"],
        "reason": "a test says so",
        "location": at(city.point_in("west")),
        "submitted_at": now,
        "updated_at": now,
    }
    return ServiceRequest(**{**values, **fields})
