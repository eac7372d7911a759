"""Polygons from whatever GDAL reads, as WGS 84 (EPSG:4326) boundaries with a code and a name."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from django.contrib.gis.gdal import CoordTransform, GDALException, SpatialReference
from django.contrib.gis.geos import GEOSException, GEOSGeometry, MultiPolygon
from pyogrio.errors import DataLayerError, DataSourceError
from pyogrio.raw import read

from geo.loading import BrokenShape, as_multipolygon
from requests311.city.format import AreaSource, BoundarySource, Source


class BrokenSource(Exception):
    """A source of polygons cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Shape:
    """One area as its source has it; the boundary is a valid MultiPolygon in WGS 84 degrees."""

    kind: str
    code: str
    name: str
    boundary: MultiPolygon


def read_areas(source: AreaSource, folder: Path) -> Iterator[Shape]:
    """The areas of a source, in its order; raises BrokenSource."""
    for number, (geometry, (code, name)) in enumerate(_features(source, folder, _columns(source)), start=1):
        where = f"{source.name()}, feature {number}"
        if not code or not name:
            raise BrokenSource(f"{where}: {source.code_field if not code else source.name_field!r} is empty")
        if len(code) > 60 or len(name) > 200:
            raise BrokenSource(f"{where}: the code is over 60 or the name over 200 characters long")
        try:
            yield Shape(source.kind, code, name, as_multipolygon(geometry))
        except BrokenShape as error:
            raise BrokenSource(f"{where}: {error}") from error


def read_boundary(source: BoundarySource, folder: Path) -> MultiPolygon:
    """Everything in the source as one boundary; raises BrokenSource."""
    shapes = [as_multipolygon(geometry) for geometry, _ in _features(source, folder, [])]
    if not shapes:
        raise BrokenSource(f"{source.name()}: holds no polygon")
    return union(shapes)


def union(shapes: list[MultiPolygon]) -> MultiPolygon:
    """The outline of all of them together; raises BrokenShape where that has no area."""
    polygons = [polygon for shape in shapes for polygon in shape]
    return as_multipolygon(MultiPolygon(polygons, srid=4326).unary_union)


def _columns(source: AreaSource) -> list[str]:
    return [source.code_field, source.name_field]


def _features(source: Source, folder: Path, columns: list[str]) -> Iterator[tuple[GEOSGeometry, list[str]]]:
    with _located(source, folder) as path:
        if not path.is_file():
            raise BrokenSource(f"{source.name()}: no such file")
        try:
            meta, _, geometries, fields = read(path, layer=source.layer, columns=columns)
        except (DataSourceError, DataLayerError, ValueError) as error:
            raise BrokenSource(f"{source.name()}: {error}") from error
    by_name = dict(zip(meta["fields"].tolist(), fields, strict=True))
    if missing := [column for column in columns if column not in by_name]:
        raise BrokenSource(f"{source.name()}: has no field {missing[0]!r}")
    to_wgs84 = _transformation(source, meta["crs"])
    for number, wkb in enumerate(geometries):
        if wkb is None:
            raise BrokenSource(f"{source.name()}, feature {number + 1}: has no geometry")
        yield _geometry(source, wkb, to_wgs84), [_text(by_name[column][number]) for column in columns]


def _located(source: Source, folder: Path) -> AbstractContextManager[Path]:
    """The file on disk; one inside a zipped package is unpacked for as long as it is read."""
    if source.file is not None:
        return nullcontext(folder / source.file)
    assert source.package is not None
    assert source.resource is not None
    try:
        resource = files(source.package).joinpath(source.resource)
    except (ModuleNotFoundError, ValueError, TypeError) as error:
        raise BrokenSource(f"the Python package {source.package!r} is not installed") from error
    if ".." in Path(source.resource).parts or not resource.is_file():
        raise BrokenSource(f"the Python package {source.package!r} has no file {source.resource!r}")
    return as_file(resource)


def _transformation(source: Source, crs: str | None) -> CoordTransform | None:
    """None where the coordinates are WGS 84 already, which is what a file without a word about it means."""
    if crs in {None, "EPSG:4326", "OGC:CRS84"}:
        return None
    try:
        return CoordTransform(SpatialReference(crs), SpatialReference(4326))
    except GDALException as error:
        raise BrokenSource(f"{source.name()}: its coordinate system is unknown: {error}") from error


def _geometry(source: Source, wkb: bytes, to_wgs84: CoordTransform | None) -> GEOSGeometry:
    try:
        geometry = GEOSGeometry(memoryview(wkb))
        geometry.srid = 4326
        if to_wgs84 is not None:
            gdal = geometry.ogr
            gdal.transform(to_wgs84)
            geometry = GEOSGeometry(memoryview(bytes(gdal.wkb)), srid=4326)
    except (GDALException, GEOSException, ValueError) as error:
        raise BrokenSource(f"{source.name()}: a geometry cannot be read: {error}") from error
    return geometry


def _text(value: Any) -> str:
    """A field's value as a code or a name: 301.0 and 301 are both "301"; nothing is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
