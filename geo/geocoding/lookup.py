"""Addresses near a place, or like a text: the city's own, and the external geocoder's where those say too little."""

import math
from typing import Any

import orjson
from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import connection

from geo.geocoding import external, own
from geo.geocoding.own import RADIUS_METRES, Found
from geo.geocoding.protocols import ExternalAddress, Question

#: Whose address it is.
SOURCES = ("city", "external")
#: What became of the external geocoder: none is set, it was not needed, was asked, or has no answer now.
EXTERNAL = ("not_set", "not_needed", "used", "unavailable")


def addresses_near(point: Point, *, limit: int) -> str:
    """JSON: `results`, the nearest first and within RADIUS_METRES; `external`, one of EXTERNAL; `attribution`."""
    return _answer(own.nearest(point, limit=limit), text="", near=point, limit=limit)


def addresses_like(text: str, *, near: Point | None, limit: int) -> str:
    """JSON as of addresses_near, the likeliest first; of equally like ones those nearer to `near` first."""
    return _answer(own.search(text, near=near, limit=limit), text=text, near=near, limit=limit)


def _answer(found: Found, *, text: str, near: Point | None, limit: int) -> str:
    if settings.GEOCODER is None or found.good:
        state = "not_set" if settings.GEOCODER is None else "not_needed"
        return f'{{"results": {found.json}, "external": "{state}", "attribution": null}}'
    latitude, longitude = (near.y, near.x) if near else (None, None)
    box = _everywhere() if text else None
    try:
        answer = external.ask(Question(text, latitude, longitude, limit, box))
    except external.Unavailable:
        return f'{{"results": {found.json}, "external": "unavailable", "attribution": null}}'
    documents = [_document(address, near) for address in answer.addresses if _within(address, box)]
    if not text:
        documents = [d for d in documents if d["distance"] <= RADIUS_METRES]
        documents.sort(key=lambda document: document["distance"])
    results = documents or orjson.loads(found.json)
    attribution = answer.attribution if documents else None
    return orjson.dumps({"results": results[:limit], "external": "used", "attribution": attribution}).decode()


def _everywhere() -> tuple[float, float, float, float] | None:
    """The box around all jurisdictions: an address elsewhere is none that anybody here answers for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box)"
            " FROM (SELECT ST_Extent(boundary) AS box FROM geo_area WHERE parent_id IS NULL) roots"
        )
        west, south, east, north = cursor.fetchone()
    return None if west is None else (west, south, east, north)


def _within(address: ExternalAddress, box: tuple[float, float, float, float] | None) -> bool:
    if box is None:
        return True
    west, south, east, north = box
    return west <= address.longitude <= east and south <= address.latitude <= north


def _document(address: ExternalAddress, near: Point | None) -> dict[str, Any]:
    return {
        "label": address.label,
        "number": address.number,
        "street": address.street,
        "unit": "",
        "city": address.city,
        "region": address.region,
        "postcode": address.postcode,
        "location": {"latitude": address.latitude, "longitude": address.longitude},
        "distance": None if near is None else round(_metres(near, address), 1),
        "source": "external",
    }


def _metres(point: Point, address: ExternalAddress) -> float:
    """On a sphere of mean radius: half a percent off at most, where the answer itself is off by a house."""
    here, there = math.radians(point.y), math.radians(address.latitude)
    half = math.sin((there - here) / 2) ** 2
    half += math.cos(here) * math.cos(there) * math.sin(math.radians(address.longitude - point.x) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(min(1.0, half)))
