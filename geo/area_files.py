"""Areas of a file, one at a time: its features as polygons with a code and a name."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.gis.geos import GEOSException, GEOSGeometry, MultiPolygon

from geo.coordinate_systems import UnreadableFile
from geo.feature_files import Feature, FeatureFile, FeatureTooLarge, as_text
from geo.loading import BrokenShape, as_multipolygon

#: Vertices of one area: several times what a city's shore with every pier has.
VERTICES_AT_MOST = 250_000
_CODE_AT_MOST, _NAME_AT_MOST = 60, 200


@dataclass(frozen=True)
class Row:
    """One area as its file has it; `number` counts from 1. `repaired` is what was wrong with its polygon, or empty."""

    number: int
    code: str
    name: str
    boundary: MultiPolygon
    repaired: str


class AreaFile:
    """A file of polygons, of which no row may be wrong. Opening it reads its head; iterating keeps one row in memory.

    `crs` (EPSG:…) says what the coordinates are where the file does not; it may not contradict the file, because a
    boundary in the wrong place sends every report there to the wrong department. Raises UnreadableFile, also while
    iterating.
    """

    def __init__(self, path: Path, *, code_field: str, name_field: str, layer: str = "", crs: str = "") -> None:
        self._path = path
        self._fields = (code_field, name_field)
        try:
            self._file = FeatureFile(path, layer=layer, crs=crs)
        except FeatureTooLarge as error:
            raise UnreadableFile(
                f"{error}, {VERTICES_AT_MOST:,} vertices are the most an area may have; simplify it with its"
                " neighbours, as mapshaper does"
            ) from error
        if crs and self._file.own_system:
            raise UnreadableFile(
                f"{path}: says itself that it is in {self._file.own_system!r}; leave --crs out, or, if the file is"
                f" wrong, write it anew by ogr2ogr -a_srs {crs}"
            )
        for field in self._fields:
            if field not in self._file.fields:
                known = ", ".join(self._file.fields) or "none"
                raise UnreadableFile(f"{path}: has no field {field!r}; it has {known}")
        self._file.read_only(self._fields)

    @property
    def total(self) -> int:
        """Rows, as the file's head or GDAL's first look says."""
        return self._file.total

    @property
    def done(self) -> int:
        return self._file.done

    def __iter__(self) -> Iterator[Row]:
        for feature in self._file:
            with _geos_is_silent():
                row = self._row(feature)
            yield row

    def _row(self, feature: Feature) -> Row:
        code, name = (as_text(feature.fields.get(field)) for field in self._fields)
        where = f"{self._path}, row {feature.number}" + (f" ({code})" if code else "")
        if not feature.fields:
            raise UnreadableFile(f"{where}: {feature.problem}")
        for field, value, most in zip(self._fields, (code, name), (_CODE_AT_MOST, _NAME_AT_MOST), strict=True):
            if not value:
                raise UnreadableFile(f"{where}: {field!r} is empty")
            if len(value) > most:
                raise UnreadableFile(f"{where}: {field!r} is over {most} characters long")
        try:
            shape = _polygon(feature)
            repaired = "" if shape.valid else shape.valid_reason
            return Row(feature.number, code, name, as_multipolygon(shape), repaired)
        except BrokenShape as error:
            raise UnreadableFile(f"{where}: {error}") from error


def _polygon(feature: Feature) -> GEOSGeometry:
    """Raises BrokenShape."""
    geometry: Any = feature.geometry
    if geometry is None:
        raise BrokenShape(feature.problem)
    kind = geometry.geom_type.name.removesuffix("25D")
    if kind not in {"Polygon", "MultiPolygon"}:
        raise BrokenShape(f"is a {kind}; areas are polygons, so take it out of the file or choose a --layer")
    if (vertices := geometry.num_coords) > VERTICES_AT_MOST:
        raise BrokenShape(
            f"has {vertices:,} vertices, {VERTICES_AT_MOST:,} is the most; simplify it with its neighbours, as"
            " mapshaper does, to a metre or so: ogr2ogr -simplify would leave gaps between areas"
        )
    if feature.problem:
        raise BrokenShape(feature.problem)
    try:
        return GEOSGeometry(memoryview(bytes(geometry.wkb)), srid=4326)
    except (GEOSException, ValueError) as error:
        raise BrokenShape("is a polygon that cannot be read") from error


@contextmanager
def _geos_is_silent() -> Iterator[None]:
    """It logs what is wrong with a polygon, which is in `valid_reason` and said as a repair."""
    logger, nowhere = logging.getLogger("django.contrib.gis"), logging.NullHandler()
    was = logger.propagate
    logger.addHandler(nowhere)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = was
        logger.removeHandler(nowhere)
