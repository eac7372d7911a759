"""Requests as they are after some time, and forms as clients fill them in."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from requests311.city.sandbox import make_sandbox
from requests311.models import Event, EventKind, ServiceRequest
from requests311.statuses import Status
from tests.factories.cities import SmallCity
from tests.requests311.reporting import request_row

_ENDED = {Status.CLOSED, Status.REJECTED, Status.DUPLICATE, Status.WITHDRAWN}


def ago(**time: float) -> datetime:
    """A moment before now, without a fraction of a second, as the standard writes it."""
    return timezone.now().replace(microsecond=0) - timedelta(**time)


def w3c(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def reported(city: SmallCity, *, at: datetime | None = None, **fields: Any) -> ServiceRequest:
    """A request as a row; `at` is when it was submitted, and changed last unless `updated_at` says otherwise."""
    return rows([request_row(city, **{**times(at), **fields})])[0]


def times(at: datetime | None) -> dict[str, datetime]:
    return {} if at is None else {"submitted_at": at, "updated_at": at}


def rows(requests: Iterable[ServiceRequest]) -> list[ServiceRequest]:
    return ServiceRequest.objects.bulk_create(requests)


def changed(request: ServiceRequest, **fields: Any) -> ServiceRequest:
    ServiceRequest.objects.filter(pk=request.pk).update(**fields)
    request.refresh_from_db()
    return request


def in_status(city: SmallCity, status: Status | str, *, at: datetime | None = None, **fields: Any) -> ServiceRequest:
    """A request that is in this status since `at`, submitted a day before."""
    at = at or ago(hours=1)
    status = Status(status)
    ended: dict[str, Any] = {}
    if status in {Status.RESOLVED, Status.CLOSED}:
        ended = {"resolution": "fixed", "resolved_at": at}
    if status in _ENDED:
        ended["closed_at"] = at
    return rows(
        [
            request_row(
                city, **{"status": status, "submitted_at": at - timedelta(days=1), "updated_at": at, **ended, **fields}
            )
        ]
    )[0]


def said(request: ServiceRequest, text: str, *, at: datetime | None = None, **fields: Any) -> Event:
    """One more event of the request, of its next version."""
    at = at or timezone.now()
    version = request.events.count() + 1
    values: dict[str, Any] = {
        "kind": EventKind.STATUS_CHANGED,
        "from_status": "submitted",
        "to_status": request.status,
        "text": text,
    }
    return Event.objects.create(request=request, version=version, at=at, **{**values, **fields})


def sandbox_of(city: SmallCity) -> SmallCity:
    """The same city once more, to be written to by test keys."""
    made = make_sandbox(city.jurisdiction)
    services = {service.code: service for service in made.services.all()}
    departments = {department.code: department for department in made.departments.all()}
    return SmallCity(made, city.origin, {"boundary": made.boundary}, departments, services)


def form(city: SmallCity, key: str, /, **more: Any) -> dict[str, Any]:
    """What a client posts in a `ward`; `more` adds or replaces arguments, and None leaves one out."""
    latitude, longitude = city.point_in(more.pop("ward", "west"))
    values = {"api_key": key, "service_code": "pothole", "lat": latitude, "long": longitude, **more}
    return {name: value for name, value in values.items() if value is not None}
