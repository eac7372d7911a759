"""GET requests and GET requests/{id}; POST requests is in submissions.py."""

import re
from datetime import datetime, timedelta
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from api.links import base_url
from api.open311.endpoint import Endpoint
from api.open311.formats import XML_DECLARATION, Format
from api.open311.parameters import Parameters, jurisdiction_named
from api.open311.refusals import Refused
from api.open311.submissions import submit_report
from requests311 import numbers
from requests311.conditions import NOTHING, Condition, by_id_or_number
from requests311.models import Jurisdiction, Service
from requests311.queries import georeport
from requests311.queries.georeport import Order, Selection, Writing
from requests311.statuses import OPEN, Status

#: "may not span more than 90 days" (GeoReport v2, GET service requests).
DAYS_AT_MOST = 90
#: "most recent 90 days or first 1000 requests returned - whichever is smallest" (the same place).
FIRST = 1000
#: A client may ask for fewer than the 50 that a page has.
PAGE_SIZE, PAGE_SIZE_AT_MOST = 50, 500
#: Ninety days of a city have fewer pages.
PAGES_AT_MOST = 100_000
RADIUS_METRES = 50_000
_SORTS = {
    "requested_datetime": georeport.OLDEST_FIRST,
    "-requested_datetime": georeport.NEWEST_FIRST,
    "updated_datetime": georeport.OLDEST_CHANGE_FIRST,
    "-updated_datetime": georeport.NEWEST_CHANGE_FIRST,
}
_WILD = re.compile(r"([\\%_])")


class RequestsView(Endpoint):
    def read(self, request: HttpRequest) -> HttpResponseBase:
        jurisdiction = jurisdiction_named(request)
        given = Parameters(request.GET, jurisdiction)
        ids = given.texts("service_request_id")
        selection = _named(ids, jurisdiction) if ids else _found(given, jurisdiction)
        return self.answer_body(request, _written(self.format, selection, given, request))

    def write(self, request: HttpRequest) -> HttpResponseBase:
        return self.answer(request, "service_requests", [submit_report(request)])


class RequestView(Endpoint):
    def read(self, request: HttpRequest, key: str) -> HttpResponseBase:
        jurisdiction = jurisdiction_named(request)
        given = Parameters(request.GET, jurisdiction)
        selection = Selection([*visible(jurisdiction), by_id_or_number(key)], limit=1)
        body = _written(self.format, selection, given, request, found=f"service_request_id {key} was not found")
        return self.answer_body(request, body)


def _written(
    format: Format, selection: Selection, given: Parameters, request: HttpRequest, *, found: str = ""
) -> bytes:
    """The document; 404 with the words of `found` where there is nothing."""
    text = georeport.requests_text(
        selection, writing=Writing(format), extensions=given.flag("extensions"), base_url=base_url(request)
    )
    if found and not text:
        raise Refused(404, found)
    if format is Format.JSON:
        return f"[{text}]".encode()
    return f"{XML_DECLARATION}<service_requests>{text}</service_requests>".encode()


def visible(jurisdiction: Jurisdiction) -> list[Condition]:
    """What everybody may see; of a sandbox, which holds nothing real, all."""
    conditions = [Condition("{r}.jurisdiction_id = %s", jurisdiction.pk)]
    return conditions if jurisdiction.sandbox else [*conditions, Condition("{r}.visibility = 'public'")]


def _named(ids: list[str], jurisdiction: Jurisdiction) -> Selection:
    """By id; "overrides all other arguments"."""
    uuids, found = [], []
    for key in ids:
        try:
            uuids.append(UUID(key))
        except ValueError:
            found.append(numbers.normalise(key))
    keys = Condition("({r}.id = ANY(%s) OR {r}.number = ANY(%s))", uuids, [number for number in found if number])
    return Selection([*visible(jurisdiction), keys], limit=FIRST)


def _found(given: Parameters, jurisdiction: Jurisdiction) -> Selection:
    limit, skip = _page(given)
    sort = given.text("sort")
    conditions = [*visible(jurisdiction), *_filters(given, jurisdiction)]
    order = georeport.NEWEST_FIRST
    changes = bool(given.text("updated_after") or given.text("updated_before"))
    if changes:
        updated = window(given, "updated_after", "updated_before", to_now=True)
        conditions.append(Condition("{r}.updated_at BETWEEN %s AND %s", *updated))
        order = georeport.NEWEST_CHANGE_FIRST
    # Who asks for changes wants those of old requests too.
    if not changes or given.text("start_date") or given.text("end_date"):
        requested = window(given, "start_date", "end_date")
        conditions.append(Condition("{r}.submitted_at BETWEEN %s AND %s", *requested))
    if sort:
        order = _order(sort, given)
    return Selection(conditions, order=order, limit=limit, skip=skip)


def _page(given: Parameters) -> tuple[int, int]:
    """(limit, skip); paging begins with `page` or `page_size`."""
    if not given.text("page") and not given.text("page_size"):
        return FIRST, 0
    size = given.whole("page_size", least=1, most=PAGE_SIZE_AT_MOST, default=PAGE_SIZE)
    page = given.whole("page", least=1, most=PAGES_AT_MOST, default=1)
    return size, (page - 1) * size


def window(given: Parameters, first: str, last: str, *, to_now: bool = False) -> tuple[datetime, datetime]:
    """Of at most 90 days. The side that is left out is as far away as it may be; an end at most now, or just now."""
    begin, end = given.moment(first), given.moment(last, end_of_day=True)
    now, days = timezone.now(), timedelta(days=DAYS_AT_MOST)
    if begin is None:
        end = end or now
        return end - days, end
    end = end or (max(begin, now) if to_now else max(begin, min(now, begin + days)))
    if end < begin:
        raise Refused(400, f"{first} is after {last}")
    if end - begin > days + timedelta(days=1):
        raise Refused(400, f"{first} and {last} may not span more than {DAYS_AT_MOST} days")
    return begin, end


def _filters(given: Parameters, jurisdiction: Jurisdiction) -> list[Condition]:
    found: list[Condition] = []
    if codes := given.texts("service_code"):
        ids = list(Service.objects.filter(jurisdiction=jurisdiction, code__in=codes).values_list("pk", flat=True))
        found.append(Condition("{r}.service_id = ANY(%s)", ids) if ids else NOTHING)
    if statuses := {status.lower() for status in given.texts("status")}:
        if unknown := statuses - {"open", "closed"}:
            raise Refused(400, f"status {', '.join(sorted(unknown))} is unknown: there are open and closed")
        if len(statuses) == 1:
            wanted = OPEN if statuses == {"open"} else frozenset(Status) - OPEN
            found.append(Condition("{r}.status = ANY(%s)", sorted(wanted)))
    if words := given.text("q"):
        if len(words) < 3:
            raise Refused(400, "q must have at least 3 characters")
        like = "%" + _WILD.sub(r"\\\1", words) + "%"
        found.append(
            Condition("({r}.description ILIKE %s OR {r}.address ILIKE %s OR {r}.number ILIKE %s)", like, like, like)
        )
    return [*found, *_places(given)]


def _places(given: Parameters) -> list[Condition]:
    found = []
    if box := given.texts("bbox", at_most=4):
        found.append(_box(box))
    radius = given.number("radius", least=1, most=RADIUS_METRES)
    position = given.position()
    if radius is not None:
        if position is None:
            raise Refused(400, "lat and long required: radius says only how far around them")
        # The box that the circle is in, by the index; then the metres.
        longitude, latitude = position
        found.append(
            Condition(
                "{r}.location && ST_Envelope("
                "ST_Buffer(ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography, %s)::geometry)"
                " AND ST_Distance({r}.location::geography, ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography) <= %s",
                longitude, latitude, radius * 1.01, longitude, latitude, radius,
            )
        )  # fmt: skip
    return found


def _box(parts: list[str]) -> Condition:
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError:
        west = south = east = north = 0.0
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise Refused(400, "bbox must be minlong,minlat,maxlong,maxlat in WGS 84 degrees")
    return Condition("ST_CoveredBy({r}.location, ST_MakeEnvelope(%s, %s, %s, %s, 4326))", west, south, east, north)


def _order(sort: str, given: Parameters) -> Order:
    if sort == "distance":
        position = given.position()
        if position is None:
            raise Refused(400, "lat and long required: sort=distance is from there")
        return georeport.nearest_first(*position)
    if sort not in _SORTS:
        raise Refused(400, f"sort {sort} is unknown: there are {', '.join([*_SORTS, 'distance'])}")
    return _SORTS[sort]
