"""A resident reports: the one way a request comes into being."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point
from django.db import transaction
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import User
from geo.assets import NamedAsset
from requests311 import numbers
from requests311.assets import check_asset, named_asset
from requests311.attributes import check_answers
from requests311.catalogue import Catalogue, Offer
from requests311.errors import DomainError, InputError, Invalid, LocationMissing
from requests311.history import record
from requests311.models import Event, EventKind, Photo, PhotoPolicy, ServiceRequest, Visibility
from requests311.models.photo import AttachedPhoto
from requests311.photos.fetching import check_media_urls, enqueue
from requests311.places import Place, locate, offer_at
from requests311.promises import promise
from requests311.routing import Decision, route
from requests311.snapshots import snapshot
from requests311.statuses import Status

#: A number is taken once in 34,000 tries at a million requests; five in a row never are.
_NUMBER_TRIES = 5


@dataclass(frozen=True)
class Submission:
    """The request, and whether this call made it or an earlier one with the same client_id did."""

    request: ServiceRequest
    created: bool


@transaction.atomic(savepoint=False)
def submit(
    *,
    by: User,
    service: str,
    location: Point | None = None,
    asset: UUID | None = None,
    address: str = "",
    description: str = "",
    attributes: Mapping[str, Any] | None = None,
    photos: Sequence[UUID] = (),
    media_urls: Sequence[str] = (),
    client_id: str | None = None,
    contact: Mapping[str, str] | None = None,
    channel: str = "app",
    sandbox: bool = False,
) -> Submission:
    """Validates, routes, promises a time, and writes one request and one event.

    `location` is WGS 84; without one the first photo that knows its own place decides. An `asset` (its id) is where
    it stands, and a `location` beside it only proves that the right one was chosen. Photos must be the
    reporter's own and not yet part of a report; those of `media_urls` are fetched afterwards. In a `sandbox` nobody
    but the reporter sees it. Raises Invalid, LocationMissing, OutsideEveryJurisdiction, ServiceNotOffered. The same
    `client_id` of the same reporter gives the request it made before.
    """
    check_media_urls(media_urls, beside=len(photos))
    request_id = uuid7()
    attached = Photo.objects.attach(photos, to=request_id, uploaded_by=by.pk)
    try:
        if len(attached) != len(photos):
            raise _unusable_photos(photos, attached)
        thing = named_asset(asset, near=location)
        place = locate(thing.place if thing else _point(location, attached), sandbox=sandbox)
        catalogue, offer = offer_at(place, service)
        check_asset(catalogue, offer, thing)
        _check_photo_policy(offer, [*photos, *media_urls])
        answers = check_answers(offer, attributes or {})
    except DomainError:
        # A phone that sends its report again names photos that are attached already, to this same report, or
        # a service that has changed meanwhile: what was taken once is not refused the second time.
        if earlier := _earlier(by, client_id):
            _leave_photos_free(request_id)
            return Submission(earlier, created=False)
        raise
    request = _place_in_city(place, catalogue, offer, answers, timezone.now(), thing)
    request.id = request_id
    request.reporter = by
    request.address = address
    request.description = description
    request.contact = {key: value for key, value in (contact or {}).items() if value}
    request.channel = channel
    request.client_id = client_id or None
    if sandbox:
        request.visibility = Visibility.PRIVATE
    if not _insert(request):
        _leave_photos_free(request_id)
        return Submission(_earlier_or_raise(by, client_id), created=False)
    record(_submitted(request, by))
    enqueue(request, media_urls)
    return Submission(request, created=True)


def _leave_photos_free(request_id: UUID) -> None:
    """Undoes `attach` for a request that is not made; else its foreign key would break the COMMIT."""
    Photo.objects.filter(request=request_id).update(request=None)


def _place_in_city(
    place: Place,
    catalogue: Catalogue,
    offer: Offer,
    answers: dict[str, Any],
    now: datetime,
    asset: NamedAsset | None,
) -> ServiceRequest:
    """Everything that follows from where and what: jurisdiction, areas, department and its reason, due time."""
    jurisdiction, service = catalogue.jurisdiction, offer.service
    decision: Decision = route(
        catalogue,
        service,
        area_ids=place.area_ids(jurisdiction),
        answers=answers,
        on=now.astimezone(ZoneInfo(jurisdiction.time_zone)).date(),
        asset=asset,
    )
    areas = place.areas[jurisdiction.pk]
    request = ServiceRequest(
        jurisdiction=jurisdiction,
        service=service,
        department=decision.department,
        reason=decision.reason,
        location=place.point,
        asset_id=asset.id if asset else None,
        areas=[{"kind": area.kind, "code": area.code, "name": area.name} for area in areas],
        attributes=answers,
        visibility=service.visibility,
        submitted_at=now,
        updated_at=now,
        priority=service.priority,
    )
    promise(request, catalogue.steps)
    return request


def _point(location: Point | None, attached: Sequence[AttachedPhoto]) -> Point:
    if location is not None:
        return location
    for photo in attached:
        if photo.location is not None:
            return photo.location
    detail = "Give a location; none of the photos knows where it was taken."
    raise LocationMissing(detail, errors=[InputError("/location", "required", detail)])


def _check_photo_policy(offer: Offer, photos: Sequence[object]) -> None:
    name, policy = offer.service.name, offer.service.photo
    if policy == PhotoPolicy.REQUIRED and not photos:
        raise Invalid(errors=[InputError("/photos", "required", f"{name} needs at least one photo.")])
    if policy == PhotoPolicy.NONE and photos:
        raise Invalid(errors=[InputError("/photos", "not_taken", f"{name} takes no photos.")])


def _unusable_photos(photos: Sequence[UUID], attached: Sequence[AttachedPhoto]) -> Invalid:
    usable = {photo.id for photo in attached}
    detail = "This photo is unknown, was rejected, or is part of another report."
    return Invalid(
        errors=[
            InputError(f"/photos/{index}", "photo_not_usable", detail)
            for index, photo in enumerate(photos)
            if photo not in usable
        ]
    )


def _insert(request: ServiceRequest) -> bool:
    """False where the client_id is taken; a number that is taken is drawn again."""
    for _ in range(_NUMBER_TRIES):
        request.number = numbers.make()
        if ServiceRequest.objects.insert(request):
            return True
        if request.client_id and ServiceRequest.objects.filter(reporter=request.reporter, client_id=request.client_id):
            return False
    raise RuntimeError("no free request number in five draws; the number space is full or the generator broken")


def _submitted(request: ServiceRequest, by: User) -> Event:
    return Event(
        request=request,
        version=request.version,
        kind=EventKind.SUBMITTED,
        actor=by,
        at=request.submitted_at,
        to_status=Status.SUBMITTED,
        data=snapshot(request),
    )


def _earlier(by: User, client_id: str | None) -> ServiceRequest | None:
    if not client_id:
        return None
    return ServiceRequest.objects.filter(reporter=by, client_id=client_id).first()


def _earlier_or_raise(by: User, client_id: str | None) -> ServiceRequest:
    return ServiceRequest.objects.get(reporter=by, client_id=client_id)
