"""What of a loaded city the generator needs: its shape, its areas, its services, and who gets what."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import shapely

from geo.models import Area, AreaPiece
from requests311.catalogue import Catalogue, Offer, catalogue_of
from requests311.deadlines import due_at
from requests311.models import Jurisdiction
from requests311.routing import route

Floats = npt.NDArray[np.float64]


def escaped(text: str) -> str:
    """As a value stands in COPY's text format."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


@dataclass(frozen=True)
class Desk:
    """Who has the requests of one service at places in the same areas, ready for COPY."""

    department_id: int
    department: str
    reason: str


@dataclass
class City:
    """One jurisdiction, read once."""

    jurisdiction: Jurisdiction
    catalogue: Catalogue
    offers: list[Offer]
    boundary: Any
    areas: list[Area]
    _tree: Any
    _area_of_piece: npt.NDArray[np.int64]
    _desks: dict[tuple[int, tuple[int, ...]], Desk] = field(default_factory=dict)
    _dues: dict[tuple[int, date], datetime | None] = field(default_factory=dict)

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.jurisdiction.time_zone)

    @cached_property
    def kinds(self) -> list[str]:
        return sorted({area.kind for area in self.areas})

    @cached_property
    def popularity(self) -> Floats:
        """Share of each offer among all requests: Zipf, in the order of the catalogue's codes."""
        shares = 1 / np.arange(1, len(self.offers) + 1)
        return np.asarray(shares / shares.sum())

    def contains(self, longitudes: Floats, latitudes: Floats) -> npt.NDArray[np.bool_]:
        return np.asarray(shapely.contains_xy(self.boundary, longitudes, latitudes))

    def areas_at(self, longitudes: Floats, latitudes: Floats) -> npt.NDArray[np.int64]:
        """Of each place the area of every kind, as an index of `areas`; -1 where there is none.

        On a border the lower code has it, as in requests311.places.
        """
        found = np.full((len(longitudes), len(self.kinds)), len(self.areas), dtype=np.int64)
        if self.areas:
            points, pieces = self._tree.query(shapely.points(longitudes, latitudes), predicate="intersects")
            area = self._area_of_piece[pieces]
            np.minimum.at(found, (points, self._kind_of_area[area]), area)
        found[found == len(self.areas)] = -1
        return found

    @cached_property
    def _kind_of_area(self) -> npt.NDArray[np.int64]:
        return np.array([self.kinds.index(area.kind) for area in self.areas], dtype=np.int64)

    def areas_json(self, combination: tuple[int, ...]) -> str:
        """The request's column `areas`."""
        areas = [self.areas[at] for at in combination if at >= 0]
        told = [{"kind": area.kind, "code": area.code, "name": area.name} for area in areas]
        return escaped(json.dumps(told, ensure_ascii=False))

    def area_ids(self, combination: tuple[int, ...]) -> frozenset[int]:
        return frozenset({self.jurisdiction.boundary_id, *(self.areas[at].pk for at in combination if at >= 0)})

    def answers(self, service: int) -> dict[str, Any]:
        """The least that the service's questions ask for."""
        samples = {"number": 1, "datetime": "2026-01-01T00:00:00Z", "string": "7", "text": "7"}
        found: dict[str, Any] = {}
        for question in self.offers[service].attributes:
            if question.required and question.depends_on is None:
                key = question.values[0]["key"] if question.values else samples[question.datatype]
                found[question.code] = [key] if question.datatype == "multivaluelist" else key
        return found

    def desk(self, service: int, combination: tuple[int, ...]) -> Desk:
        """Decided by the city's own rules, as `submit` does."""
        known = self._desks.get((service, combination))
        if known is None:
            decision = route(
                self.catalogue,
                self.offers[service].service,
                area_ids=self.area_ids(combination),
                answers=self.answers(service),
                on=date.today(),  # noqa: DTZ011 - rules without dates in the samples
            )
            known = Desk(
                decision.department.pk,
                escaped(json.dumps(decision.department.name, ensure_ascii=False)),
                escaped(decision.reason),
            )
            self._desks[service, combination] = known
        return known

    def due(self, service: int, submitted: datetime) -> datetime | None:
        """The promised time; kept by day, since only hours depend on more than that."""
        offer = self.offers[service].service
        if offer.due_unit in ("hours", "working_hours"):
            return due_at(offer, self.jurisdiction, submitted_at=submitted)
        day = submitted.astimezone(self.zone).date()
        if (service, day) not in self._dues:
            noon = datetime.combine(day, time(12), tzinfo=self.zone)
            self._dues[service, day] = due_at(offer, self.jurisdiction, submitted_at=noon)
        return self._dues[service, day]


def read_city(code: str) -> City:
    """The jurisdiction of this code, as it is in the database."""
    jurisdiction = Jurisdiction.objects.select_related("boundary").get(code=code)
    parts = AreaPiece.objects.filter(area__parent=jurisdiction.boundary)
    pieces = list(parts.select_related("area").defer("area__boundary"))
    by_id = {piece.area_id: piece.area for piece in pieces}
    areas = sorted(by_id.values(), key=lambda area: (area.kind, area.code))
    place = {area.pk: at for at, area in enumerate(areas)}
    catalogue = catalogue_of(jurisdiction)
    boundary = shapely.from_wkb(bytes(jurisdiction.boundary.boundary.wkb))
    shapely.prepare(boundary)
    return City(
        jurisdiction=jurisdiction,
        catalogue=catalogue,
        offers=sorted(catalogue.offers.values(), key=lambda offer: offer.service.code),
        boundary=boundary,
        areas=areas,
        _tree=shapely.STRtree([shapely.from_wkb(bytes(piece.shape.wkb)) for piece in pieces]),
        _area_of_piece=np.array([place[piece.area_id] for piece in pieces], dtype=np.int64),
    )
