"""A point → the jurisdictions that answer there, and the areas it lies in."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.gis.geos import Point

from geo.models import Area
from requests311.catalogue import Catalogue, Offer, catalogue_of
from requests311.errors import InputError, OutsideEveryJurisdiction, ServiceNotOffered
from requests311.models import Jurisdiction


@dataclass(frozen=True)
class Place:
    """A WGS 84 point with its jurisdictions, innermost first, and the areas of each by jurisdiction id."""

    point: Point
    jurisdictions: tuple[Jurisdiction, ...]
    areas: dict[int, tuple[Area, ...]]

    def area_ids(self, jurisdiction: Jurisdiction) -> frozenset[int]:
        """Ids of everything the point lies in there, the jurisdiction's own boundary included."""
        return frozenset({jurisdiction.boundary_id, *(area.pk for area in self.areas[jurisdiction.pk])})


def locate(point: Point) -> Place:
    """One statement. Raises OutsideEveryJurisdiction, naming the nearest one and its distance in metres."""
    found = list(Area.objects.covering(point).select_related("jurisdiction").defer("boundary"))
    by_root = {area.pk: area.jurisdiction for area in found if area.parent_id is None and _answers(area)}
    if not by_root:
        raise _outside(point)
    jurisdictions = _innermost_first([area for area in found if area.pk in by_root])
    return Place(
        point=point,
        jurisdictions=jurisdictions,
        areas={j.pk: _one_of_each_kind([a for a in found if a.parent_id == j.boundary_id]) for j in jurisdictions},
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


def _answers(area: Area) -> bool:
    return hasattr(area, "jurisdiction")


def _innermost_first(roots: Sequence[Area]) -> tuple[Jurisdiction, ...]:
    """The smallest jurisdiction, then its ancestors. A neighbour that shares just the border is not among them."""
    by_id = {root.jurisdiction.pk: root.jurisdiction for root in roots}
    chain = [min(roots, key=lambda root: (root.square_metres, root.code)).jurisdiction]
    while (parent := by_id.get(chain[-1].parent_id or 0)) is not None and parent not in chain:
        chain.append(parent)
    return tuple(chain)


def _one_of_each_kind(areas: Sequence[Area]) -> tuple[Area, ...]:
    """On a border both sides are found; the lower code has it, always."""
    chosen: dict[str, Area] = {}
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
