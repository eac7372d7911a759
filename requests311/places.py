"""A point → the jurisdictions that answer there, and the areas it lies in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from django.contrib.gis.geos import Point
from django.db import connection

from geo.models import BORDER_TOLERANCE_DEGREES, Area
from requests311.catalogue import Catalogue, Offer, catalogue_of
from requests311.errors import InputError, OutsideEveryJurisdiction, ServiceNotOffered
from requests311.models import Jurisdiction
from requests311.rows import Columns

_JURISDICTION = Columns(Jurisdiction, "j")

_DAY = "COALESCE(%s::date, (now() AT TIME ZONE COALESCE(home.time_zone, 'UTC'))::date)"

#: What a point lies in on a day, with the jurisdiction of each area that is one's boundary. Border points are in both
#: sides. Today is that of the jurisdiction that an area belongs to: cities of one deployment share no midnight.
_COVERING = f"""
SELECT a.id, a.parent_id, a.kind, a.code, a.name, a.square_metres, {_JURISDICTION.sql}
FROM geo_areapiece p
JOIN geo_area a ON a.id = p.area_id
LEFT JOIN requests311_jurisdiction j ON j.boundary_id = a.id
LEFT JOIN requests311_jurisdiction home ON home.boundary_id = COALESCE(a.parent_id, a.id)
WHERE ST_DWithin(p.shape, ST_SetSRID(ST_MakePoint(%s, %s), 4326), {BORDER_TOLERANCE_DEGREES})
    AND (p.valid_from IS NULL OR p.valid_from <= {_DAY})
    AND (p.valid_to IS NULL OR p.valid_to > {_DAY})
"""  # noqa: S608 (our own constants)


class AreaHere(NamedTuple):
    """An area that a point lies in, without its boundary."""

    id: int
    parent_id: int | None
    kind: str
    code: str
    name: str
    square_metres: float


@dataclass(frozen=True)
class Place:
    """A WGS 84 point with its jurisdictions, innermost first, and the areas of each by jurisdiction id."""

    point: Point
    jurisdictions: tuple[Jurisdiction, ...]
    areas: dict[int, tuple[AreaHere, ...]]

    def area_ids(self, jurisdiction: Jurisdiction) -> frozenset[int]:
        """Ids of everything the point lies in there, the jurisdiction's own boundary included."""
        return frozenset({jurisdiction.boundary_id, *(area.id for area in self.areas[jurisdiction.pk])})


def locate(point: Point, *, sandbox: bool = False, on: date | None = None) -> Place:
    """One statement. Raises OutsideEveryJurisdiction, naming the nearest one and its distance in metres.

    The areas are those of the day `on`, which is today where it is not said.
    Among sandboxes where that is asked for, and never among them otherwise.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COVERING, [point.x, point.y, on, on])
        # Once each: a point where two pieces of an area meet is in both.
        rows = list({row[0]: row for row in cursor.fetchall()}.values())
    width = len(AreaHere._fields)
    areas = [AreaHere(*row[:width]) for row in rows]
    roots = [
        (area, _JURISDICTION.instance(row[width:]))
        for area, row in zip(areas, rows, strict=True)
        if area.parent_id is None and row[width] is not None
    ]
    roots = [(area, jurisdiction) for area, jurisdiction in roots if jurisdiction.sandbox == sandbox]
    if not roots:
        raise _outside(point)
    jurisdictions = _innermost_first(roots)
    return Place(
        point=point,
        jurisdictions=jurisdictions,
        areas={j.pk: _one_of_each_kind([a for a in areas if a.parent_id == j.boundary_id]) for j in jurisdictions},
    )


def offers_at(place: Place) -> list[tuple[Catalogue, Offer]]:
    """What can be reported there; of two jurisdictions that offer one code, the innermost."""
    offers: dict[str, tuple[Catalogue, Offer]] = {}
    for jurisdiction in place.jurisdictions:
        catalogue = catalogue_of(jurisdiction)
        here = place.area_ids(jurisdiction)
        for code, offer in catalogue.offers.items():
            if code not in offers and offer.offered_in(here):
                offers[code] = (catalogue, offer)
    return list(offers.values())


def offer_at(place: Place, code: str) -> tuple[Catalogue, Offer]:
    """The service of this code there; raises ServiceNotOffered."""
    for catalogue, offer in offers_at(place):
        if offer.service.code == code:
            return catalogue, offer
    detail = f"{code!r} is not offered at this place; GET /services with its coordinates lists what is."
    raise ServiceNotOffered(detail, errors=[InputError("/service", "service_not_offered", detail)])


def _innermost_first(roots: Sequence[tuple[AreaHere, Jurisdiction]]) -> tuple[Jurisdiction, ...]:
    """The smallest jurisdiction, then its ancestors. A neighbour that shares just the border is not among them."""
    by_id = {jurisdiction.pk: jurisdiction for _, jurisdiction in roots}
    chain = [min(roots, key=lambda root: (root[0].square_metres, root[0].code))[1]]
    while (parent := by_id.get(chain[-1].parent_id or 0)) is not None and parent not in chain:
        chain.append(parent)
    return tuple(chain)


def _one_of_each_kind(areas: Sequence[AreaHere]) -> tuple[AreaHere, ...]:
    """On a border both sides are found; the lower code has it, always."""
    chosen: dict[str, AreaHere] = {}
    for area in sorted(areas, key=lambda area: (area.kind, area.code)):
        chosen.setdefault(area.kind, area)
    return tuple(chosen.values())


def _outside(point: Point) -> OutsideEveryJurisdiction:
    nearest = Area.objects.nearest_root(point)
    if nearest is None:
        return OutsideEveryJurisdiction("No jurisdiction is loaded yet.")
    metres = round(nearest.metres.m)  # type: ignore[attr-defined]  # annotated by nearest_root
    detail = f"This place is outside; the nearest is {nearest.name}, {metres} metres away."
    return OutsideEveryJurisdiction(
        detail,
        errors=[InputError("/location", "outside_every_jurisdiction", detail)],
        nearest={"jurisdiction": nearest.name, "distance": metres},
    )
