"""Rows of a file of areas, one at a time, however large the file is: whatever GDAL reads, as WGS 84 polygons."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_char_p, c_int
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, SpatialReference
from django.contrib.gis.gdal.libgdal import lgdal
from django.contrib.gis.geos import GEOSException, GEOSGeometry, MultiPolygon

from geo.loading import BrokenShape, as_multipolygon

#: Vertices of one area: several times what a city's shore with every pier has.
VERTICES_AT_MOST = 250_000
#: What GDAL may take for one feature of GeoJSON, which it reads whole: more than one within the bound above needs.
_MEGABYTES_OF_A_FEATURE = 100
_CODE_AT_MOST, _NAME_AT_MOST = 60, 200
#: Files inside a zip that are taken for the data, best first.
_DATA = (".shp", ".gpkg", ".fgb", ".geojson", ".json", ".gml", ".kml")


class BrokenFile(Exception):
    """The file, or a row of it, cannot be used; the message says where, why, and the way out."""


@dataclass(frozen=True)
class Row:
    """One area as its file has it; `number` counts from 1. `repaired` is what was wrong with its polygon, or empty."""

    number: int
    code: str
    name: str
    boundary: MultiPolygon
    repaired: str


class AreaFile:
    """A file of polygons. Opening it reads its head only; iterating it keeps one row in memory.

    `crs` (EPSG:…) says what the coordinates are where the file does not. Raises BrokenFile.
    """

    def __init__(self, path: Path, *, code_field: str, name_field: str, layer: str = "", crs: str = "") -> None:
        self._path = path
        self._fields = (code_field, name_field)
        if not path.exists():
            raise BrokenFile(f"{path}: no such file")
        self._source = _opened(path)
        self._layer = self._chosen(layer)
        for field in self._fields:
            if field not in self._layer.fields:
                raise BrokenFile(f"{path}: has no field {field!r}; it has {', '.join(self._layer.fields) or 'none'}")
        self._to_wgs84 = self._transformation(crs)

    def __len__(self) -> int:
        """Rows, as the file's head or GDAL's first look says."""
        return int(self._layer.num_feat)

    def __iter__(self) -> Iterator[Row]:
        number = 0
        try:
            for number, feature in enumerate(self._layer, start=1):
                with _gdal_messages():
                    row = self._row(number, feature)
                yield row
        except GDALException as error:
            raise BrokenFile(f"{self._path}: row {number + 1} cannot be read: {error}") from error

    def _chosen(self, name: str) -> Any:
        names = [self._source[number].name for number in range(self._source.layer_count)]
        if name and name not in names:
            raise BrokenFile(f"{self._path}: has no layer {name!r}; it has {', '.join(names)}")
        if not name and len(names) != 1:
            raise BrokenFile(f"{self._path}: has {len(names)} layers ({', '.join(names)}); choose one with --layer")
        return self._source[name or names[0]]

    def _transformation(self, crs: str) -> CoordTransform | None:
        own = self._layer.srs
        if own is None and not crs:
            missing = "has no .prj beside it" if self._data_is_shapefile() else "does not say its coordinate system"
            raise BrokenFile(
                f"{self._path}: {missing}, so nobody can say where on Earth it lies. Put the missing .prj there, or"
                " name the coordinate system of whoever made it: --crs EPSG:4326 if it is degrees, else as in their"
                " documentation (--crs EPSG:2263 …)"
            )
        if own is not None and crs:
            raise BrokenFile(f"{self._path}: says itself that it is in {own.name!r}; leave --crs out")
        try:
            with _gdal_messages():
                source = own or SpatialReference(crs)
                return CoordTransform(source, SpatialReference(4326))
        except (GDALException, TypeError) as error:
            raise BrokenFile(f"{self._path}: the coordinate system {crs or own.name} is not known") from error

    def _data_is_shapefile(self) -> bool:
        return bool(self._source.driver.name == "ESRI Shapefile")

    def _row(self, number: int, feature: Any) -> Row:
        code, name = (_text(feature.get(field)) for field in self._fields)
        where = f"{self._path}, row {number}" + (f" ({code})" if code else "")
        for field, value, most in zip(self._fields, (code, name), (_CODE_AT_MOST, _NAME_AT_MOST), strict=True):
            if not value:
                raise BrokenFile(f"{where}: {field!r} is empty")
            if len(value) > most:
                raise BrokenFile(f"{where}: {field!r} is over {most} characters long")
        shape = self._shape(where, feature)
        try:
            repaired = "" if shape.valid else shape.valid_reason
            return Row(number, code, name, as_multipolygon(shape), repaired)
        except BrokenShape as error:
            raise BrokenFile(f"{where}: {error}") from error

    def _shape(self, where: str, feature: Any) -> GEOSGeometry:
        try:
            geometry = feature.geom
        except GDALException as error:
            raise BrokenFile(f"{where}: has no geometry") from error
        kind = geometry.geom_type.name.removesuffix("25D")
        if kind not in {"Polygon", "MultiPolygon"}:
            raise BrokenFile(
                f"{where}: is a {kind}; areas are polygons, so take it out of the file or choose a --layer"
            )
        if (vertices := geometry.num_coords) > VERTICES_AT_MOST:
            raise BrokenFile(
                f"{where}: has {vertices:,} vertices, {VERTICES_AT_MOST:,} is the most; simplify it with its"
                " neighbours, as mapshaper does, to a metre or so: ogr2ogr -simplify would leave gaps between areas"
            )
        try:
            if self._to_wgs84 is not None:
                geometry.transform(self._to_wgs84)
            return GEOSGeometry(memoryview(bytes(geometry.wkb)), srid=4326)
        except (GDALException, GEOSException, ValueError) as error:
            raise BrokenFile(f"{where}: its coordinates mean no place in the file's coordinate system") from error


def _opened(path: Path) -> DataSource:
    # Left alone, GDAL takes over half a gigabyte for a feature of a million vertices.
    lgdal.CPLSetConfigOption(b"OGR_GEOJSON_MAX_OBJ_SIZE", str(_MEGABYTES_OF_A_FEATURE).encode())
    with _gdal_messages() as messages:
        try:
            return DataSource(_name_for_gdal(path))
        except GDALException as error:
            said = "; ".join(messages)
            if "OGR_GEOJSON_MAX_OBJ_SIZE" in said:
                place = said.split(": GeoJSON")[0].removeprefix("At ")
                raise BrokenFile(
                    f"{path}, {place}: the row there is too large, {VERTICES_AT_MOST:,} vertices are the most an area"
                    " may have; simplify it with its neighbours, as mapshaper does"
                ) from error
            raise BrokenFile(f"{path}: GDAL cannot read it: {said or 'the format is not known'}") from error


def _name_for_gdal(path: Path) -> str:
    """The path; of a zip the one file of data in it, read where it is."""
    if path.suffix.lower() != ".zip":
        return str(path)
    try:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    except (BadZipFile, OSError) as error:
        raise BrokenFile(f"{path}: is not a zip file that can be read") from error
    data = [name for ending in _DATA for name in names if name.lower().endswith(ending)]
    if len(data) != 1:
        found = f"holds {', '.join(data)}; unpack it and name one" if data else f"holds none of {', '.join(_DATA)}"
        raise BrokenFile(f"{path}: {found}")
    return f"/vsizip/{{{path.resolve()}}}/{data[0]}"


def _text(value: Any) -> str:
    """A field's value as a code or a name: 301.0 and 301 are both "301"; nothing is empty."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).replace("\x00", "").strip()


@contextmanager
def _gdal_messages() -> Iterator[list[str]]:
    """What GDAL says meanwhile, kept instead of logged: it becomes part of a refusal.

    Pushed, because Django's own handler of GDAL's errors is not the one in place once pyogrio is imported. GEOS has
    none of its own and logs; what it says is in `valid_reason`.
    """
    messages: list[str] = []

    def keep(_level: int, _number: int, message: bytes) -> None:
        messages.append(message.decode(errors="replace"))

    logger, silence = logging.getLogger("django.contrib.gis"), logging.NullHandler()
    was = logger.propagate
    logger.addHandler(silence)
    logger.propagate = False
    # Held by this name until it is popped: GDAL keeps no reference.
    callback = CFUNCTYPE(None, c_int, c_int, c_char_p)(keep)
    lgdal.CPLPushErrorHandler(callback)
    try:
        yield messages
    finally:
        lgdal.CPLPopErrorHandler()
        logger.propagate = was
        logger.removeHandler(silence)
