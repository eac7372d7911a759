"""POST requests: the form of the standard → `submit`."""

import hashlib
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.contrib.gis.geos import Point
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict

from api import throttling
from api.models import ApiKey
from api.open311.keys import key_of
from api.open311.parameters import Parameters, checked, jurisdiction_named
from api.open311.refusals import Refused
from geo.geocoding.own import search
from geo.models import Address
from requests311.actions.submit import submit
from requests311.catalogue import catalogue_of
from requests311.city.sandbox import sandbox_code
from requests311.models import Attribute, Datatype, Jurisdiction
from requests311.photos.fetching import PHOTOS_AT_MOST
from requests311.photos.intake import receive

#: Everything that a report may name it, a file of at most 20 MB each, and the form around it.
_BODY_AT_MOST = 220 * 1024 * 1024
_LENGTH = re.compile(r"[0-9]{1,12}")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_ATTRIBUTE = re.compile(r"attribute\[([^\[\]]+)\](\[\d*\])?")
_FILE = re.compile(r"media(\[\d*\])?|photo\d*")
_IDEMPOTENCY_KEY = re.compile(r"[!-~]([ -~]{0,198}[!-~])?")


def writer(request: HttpRequest) -> ApiKey:
    """Whose key it is. Raises 403 for a missing, an unknown and a revoked one alike, 429 for one used too often."""
    check_form(request)
    fields = (request.POST.get("api_key"), request.GET.get("api_key"), request.headers.get("X-Api-Key"))
    given = next((field for field in fields if field), "")
    if not given:
        raise Refused(403, "api_key required")
    key = key_of(given)
    if key is None:
        # Guessing is counted by address.
        throttling.check_http(request, "open311", f"address:{throttling.address_bucket(request)}")
        raise Refused(403, "api_key is not valid")
    throttling.check_http(request, "open311", f"key:{key.pk}")
    return key


def check_form(request: HttpRequest) -> None:
    """Refuses what is no form, and one too large to be looked at."""
    if request.content_type not in _FORMS:
        raise Refused(400, f"send a form, as {' or '.join(_FORMS)}")
    length = request.META.get("CONTENT_LENGTH") or ""
    if not _LENGTH.fullmatch(length) or int(length) > _BODY_AT_MOST:
        raise Refused(400, "the form is too large, or does not say how large it is")


def jurisdiction_of(request: HttpRequest, key: ApiKey) -> Jurisdiction:
    """Where the key writes: a test key in the sandbox, whether or not that was named."""
    named = jurisdiction_named(request)
    if not key.is_test:
        if named.sandbox:
            raise Refused(403, f"api_key is not for {named.code}: that takes a test key")
        return named
    if named.sandbox:
        return named
    sandbox = Jurisdiction.objects.filter(code=sandbox_code(named.code), sandbox=True).first()
    if sandbox is None:
        raise Refused(403, f"api_key is for testing, and {named.code} has no sandbox")
    return sandbox


def submit_report(request: HttpRequest) -> dict[str, Any]:
    """The entry of `service_requests` that answers; the same Idempotency-Key gives the same request."""
    key = writer(request)
    jurisdiction = jurisdiction_of(request, key)
    given = Parameters(request.POST, jurisdiction)
    service = given.text("service_code", at_most=60)
    if not service:
        raise Refused(400, "service_code required")
    location, address = _place(given, jurisdiction)
    values: dict[str, Any] = {
        "service": service,
        "location": location,
        "address": address,
        "description": _description(request),
        "attributes": _answers(given, jurisdiction, service),
        "contact": _contact(given),
        "media_urls": media_urls(request),
        "client_id": _client_id(request),
    }
    photos = [receive(file=file, by=key.user).pk for file in _files(request)]
    with transaction.atomic():
        made = submit(by=key.user, channel="open311", photos=photos, sandbox=key.is_test, **values).request
        if made.jurisdiction_id != jurisdiction.pk:
            raise Refused(400, f"lat and long are not in {jurisdiction.name}")
    return {
        "service_request_id": made.number,
        "service_notice": made.reason,
        "account_id": given.text("account_id"),
    }


def _place(given: Parameters, jurisdiction: Jurisdiction) -> tuple[Point | None, str]:
    """(where, address): by coordinates, by the id of an address, by its words; None where only a photo may know."""
    position = given.position()
    words = given.text("address_string")
    if position is not None:
        return Point(*position, srid=4326), words
    if code := given.text("address_id"):
        address = Address.objects.filter(jurisdiction=jurisdiction.boundary_id, code=code).first()
        if address is None:
            raise Refused(400, f"address_id {code} was not found")
        return address.place, words or address.label[:300]
    if words:
        # The city's own addresses only: nobody waits for another's server here.
        found = search(words, near=None, limit=1)
        if not found.good:
            raise Refused(400, f"address_string {words} was not found; send lat and long")
        place = orjson.loads(found.json)[0]["location"]
        return Point(place["longitude"], place["latitude"], srid=4326), words
    return None, ""


def _description(request: HttpRequest) -> str:
    description = checked("description", request.POST.get("description") or "")
    if len(description) > 4000:
        raise Refused(400, "description has more than 4000 characters")
    return description


def _contact(given: Parameters) -> dict[str, str]:
    name = " ".join(part for part in (given.text("first_name"), given.text("last_name")) if part)
    email = given.text("email", at_most=254)
    if email:
        try:
            validate_email(email)
        except ValidationError as error:
            raise Refused(400, "email is not an e-mail address") from error
    return {"name": name[:200], "email": email, "phone": given.text("phone", at_most=40)}


def media_urls(request: HttpRequest) -> list[str]:
    names = ("media_url", "media_url[]")
    urls = [checked("media_url", url).strip() for name in names for url in request.POST.getlist(name)]
    return list(dict.fromkeys(url for url in urls if url))


def _files(request: HttpRequest) -> Sequence[Any]:
    uploads: MultiValueDict[str, Any] = request.FILES
    found = [file for name in uploads if _FILE.fullmatch(name) for file in uploads.getlist(name)]
    if len(found) > PHOTOS_AT_MOST:
        raise Refused(400, f"media: at most {PHOTOS_AT_MOST} files")
    return found


def _client_id(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Refused(400, "Idempotency-Key has 1 to 200 printable ASCII characters")
    return f"open311-{hashlib.sha256(key.encode()).hexdigest()[:48]}"


# --- attribute[CODE]=value ---------------------------------------------------------------------------


def _answers(given: Parameters, jurisdiction: Jurisdiction, service: str) -> dict[str, Any]:
    """Of the questions that the service asks; clients send attributes of their own besides, which are left alone."""
    offer = catalogue_of(jurisdiction).offers.get(service)
    if offer is None:
        return {}
    sent: dict[str, list[str]] = {}
    for name, values in given.items().items():
        if match := _ATTRIBUTE.fullmatch(name):
            sent.setdefault(match[1], []).extend(checked(name, value) for value in values)
    zone = ZoneInfo(jurisdiction.time_zone)
    return {
        attribute.code: _answer(attribute, values, zone)
        for attribute in offer.attributes
        if (values := [value for value in sent.get(attribute.code, []) if value.strip()])
    }


def _answer(attribute: Attribute, values: list[str], zone: ZoneInfo) -> Any:
    """As our own datatypes take it; what cannot be read stays as it is, for the domain to refuse in its own words."""
    if attribute.datatype == Datatype.MULTIVALUELIST:
        return values
    value = values[-1]
    if attribute.datatype == Datatype.NUMBER:
        try:
            number = float(value)
        except ValueError:
            return value
        return number if math.isfinite(number) else value
    if attribute.datatype == Datatype.DATETIME:
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            return value
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
    return value
