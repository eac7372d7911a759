"""How Nominatim, Photon and Pelias are asked, and what they answer.

Each by its own documentation: nominatim.org/release-docs, github.com/komoot/photon, github.com/pelias/documentation.
An answer that is not of that shape raises Garbage: nothing of it is believed.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

OSM = "© OpenStreetMap contributors, ODbL 1.0, openstreetmap.org/copyright"
_LONGEST = 500


class Garbage(Exception):
    """The answer is not what this geocoder answers."""


@dataclass(frozen=True)
class Question:
    """What is near a place (`text` empty), or what a text means, within `box` (west, south, east, north)."""

    text: str
    latitude: float | None
    longitude: float | None
    limit: int
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class ExternalAddress:
    label: str
    number: str
    street: str
    city: str
    region: str
    postcode: str
    latitude: float
    longitude: float


class Answer(NamedTuple):
    addresses: tuple[ExternalAddress, ...]
    attribution: str


class Protocol(NamedTuple):
    """`ask`: the path and parameters of a question; `read`: what its JSON says."""

    ask: Callable[[Question], tuple[str, dict[str, Any]]]
    read: Callable[[Any], Answer]


# --- Nominatim ---------------------------------------------------------------------------------


def _ask_nominatim(question: Question) -> tuple[str, dict[str, Any]]:
    how = {"format": "jsonv2", "addressdetails": 1}
    if not question.text:
        return "/reverse", {"lat": question.latitude, "lon": question.longitude, "zoom": 18} | how
    bounds = {"viewbox": _box(question), "bounded": 1} if question.box else {}
    return "/search", {"q": question.text, "limit": question.limit} | how | bounds


def _read_nominatim(body: Any) -> Answer:
    if isinstance(body, dict) and "error" in body:  # nothing is near that place
        return Answer((), OSM)
    places = [body] if isinstance(body, dict) else body
    found, licence = [], ""
    for place in _list(places):
        parts = _dict(place.get("address", {}))
        licence = licence or _text(place, "licence")
        found.append(
            ExternalAddress(
                label=_label(_text(place, "display_name")),
                number=_text(parts, "house_number"),
                street=_text(parts, "road", "pedestrian", "footway", "square"),
                city=_text(parts, "city", "town", "village", "hamlet", "municipality"),
                region=_text(parts, "state", "region"),
                postcode=_text(parts, "postcode"),
                latitude=_degrees(place.get("lat"), 90),
                longitude=_degrees(place.get("lon"), 180),
            )
        )
    return Answer(tuple(found), licence or OSM)


# --- Photon ------------------------------------------------------------------------------------


def _ask_photon(question: Question) -> tuple[str, dict[str, Any]]:
    place = {} if question.latitude is None else {"lat": question.latitude, "lon": question.longitude}
    if not question.text:
        return "/reverse", place | {"limit": question.limit}
    bounds = {"bbox": _box(question)} if question.box else {}
    return "/api", {"q": question.text, "limit": question.limit} | place | bounds


def _read_photon(body: Any) -> Answer:
    return Answer(tuple(_photon_address(feature) for feature in _list(_dict(body).get("features"))), OSM)


def _photon_address(feature: Mapping[str, Any]) -> ExternalAddress:
    said = _dict(feature.get("properties"))
    number, street, name = _text(said, "housenumber"), _text(said, "street"), _text(said, "name")
    city, region, postcode = _text(said, "city", "locality", "district"), _text(said, "state"), _text(said, "postcode")
    first = f"{number} {street}".strip()
    parts = (name if name != first else "", first, city, f"{region} {postcode}".strip())
    longitude, latitude = _point(feature)
    return ExternalAddress(
        _label(", ".join(filter(None, parts))), number, street, city, region, postcode, latitude, longitude
    )


# --- Pelias ------------------------------------------------------------------------------------


def _ask_pelias(question: Question) -> tuple[str, dict[str, Any]]:
    if not question.text:
        place = {"point.lat": question.latitude, "point.lon": question.longitude}
        return "/v1/reverse", place | {"size": question.limit}
    how: dict[str, Any] = {"text": question.text, "size": question.limit}
    if question.latitude is not None:
        how |= {"focus.point.lat": question.latitude, "focus.point.lon": question.longitude}
    if question.box:
        edges = ("min_lon", "min_lat", "max_lon", "max_lat")
        how |= {f"boundary.rect.{edge}": value for edge, value in zip(edges, question.box, strict=True)}
    return "/v1/search", how


def _read_pelias(body: Any) -> Answer:
    found = []
    for feature in _list(_dict(body).get("features")):
        said = _dict(feature.get("properties"))
        longitude, latitude = _point(feature)
        found.append(
            ExternalAddress(
                label=_label(_text(said, "label", "name")),
                number=_text(said, "housenumber"),
                street=_text(said, "street"),
                city=_text(said, "locality", "localadmin"),
                region=_text(said, "region_a", "region"),
                postcode=_text(said, "postalcode"),
                latitude=latitude,
                longitude=longitude,
            )
        )
    return Answer(tuple(found), _text(_dict(body.get("geocoding", {})), "attribution") or OSM)


PROTOCOLS = {
    "nominatim": Protocol(_ask_nominatim, _read_nominatim),
    "photon": Protocol(_ask_photon, _read_photon),
    "pelias": Protocol(_ask_pelias, _read_pelias),
}


# --- What is believed of an answer -------------------------------------------------------------


def _box(question: Question) -> str:
    return ",".join(f"{edge:.5f}" for edge in question.box or ())


def _list(value: Any) -> Iterable[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise Garbage("no list")
    return [_dict(item) for item in value]


def _dict(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Garbage("no object")
    return value


def _text(values: Mapping[str, Any], *names: str) -> str:
    """The first that is there; numbers are taken as text, since some write postcodes so."""
    for name in names:
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise Garbage(f"{name} is no text")
        if value and "\0" not in value:
            return value.strip()[:_LONGEST]
    return ""


def _label(text: str) -> str:
    if not text:
        raise Garbage("no label")
    return text


def _point(feature: Mapping[str, Any]) -> tuple[float, float]:
    place = _dict(feature.get("geometry")).get("coordinates")
    if not isinstance(place, list) or len(place) < 2:
        raise Garbage("no point")
    return _degrees(place[0], 180), _degrees(place[1], 90)


def _degrees(value: Any, most: float) -> float:
    """Nominatim writes numbers as strings."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError) as error:
        raise Garbage("no coordinate") from error
    if not -most <= number <= most:
        raise Garbage("not degrees")
    return number
