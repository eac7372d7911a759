"""Features of any file that GDAL reads, one at a time, however large the file is."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry
from django.contrib.gis.gdal.field import Field
from django.contrib.gis.gdal.libgdal import lgdal

from geo.coordinate_systems import UnreadableFile, coordinate_system, moved, to_wgs84
from geo.gdal_errors import GDALErrors

#: Files inside a zip that are taken for the data, best first.
_DATA = (".shp", ".gpkg", ".fgb", ".geojson", ".json", ".gml", ".kml")
#: What GDAL may take for one feature of GeoJSON, which it reads whole.
_MEGABYTES_OF_A_FEATURE = 100


class FeatureTooLarge(UnreadableFile):
    """One feature of a GeoJSON is larger than any sensible one; GDAL would read it whole."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: `number` counts from 1; `geometry` is in WGS 84 degrees (longitude, latitude).

    Where `problem` is not empty it says why the feature cannot be used, and the rest may be absent.
    """

    number: int
    fields: dict[str, Any]
    geometry: OGRGeometry | None = None
    problem: str = ""


class FeatureFile:
    """A file with one layer chosen. Opening it reads its head only; iterating it keeps one feature in memory.

    `crs` (EPSG:…) goes before what the file says of its coordinates, and is needed where it says nothing. `done` of
    `total` features are read. Raises UnreadableFile, also while iterating, where the rest cannot be read.
    """

    unit = "feature"

    def __init__(self, path: Path, *, layer: str = "", crs: str = "") -> None:
        self.path = path
        self.done = 0
        self._errors = GDALErrors()
        #: Of one feature: its `problem` says it.
        self._unheard = GDALErrors()
        if not path.is_file():
            raise UnreadableFile(f"{path}: no such file")
        given = coordinate_system(crs) if crs else None
        # Left alone, GDAL takes over half a gigabyte for a feature of a million vertices.
        lgdal.CPLSetConfigOption(b"OGR_GEOJSON_MAX_OBJ_SIZE", str(_MEGABYTES_OF_A_FEATURE).encode())
        name = _name_for_gdal(path)
        with self._errors.heard():
            try:
                # Kept, because a layer lives no longer than its source.
                self._source = DataSource(name)
                self._layer = self._chosen(layer)
                self.fields: Sequence[str] = list(self._layer.fields)
                self.total = int(self._layer.num_feat)
                own = self._layer.srs
                #: The name of the system that the file itself says it is in, or empty.
                self.own_system = str(own.name) if own is not None else ""
                self._transform = self._transformation(given or own)
            except (GDALException, UnicodeError) as error:
                raise self._unreadable(str(error)) from error
        self._read = list(enumerate(self.fields))

    def where(self, number: int) -> str:
        return f"{self.unit} {number}"

    def read_only(self, names: Collection[str]) -> None:
        """Leaves all other fields unread."""
        self._read = [(index, name) for index, name in enumerate(self.fields) if name in names]

    def __iter__(self) -> Iterator[Feature]:
        features = iter(self._layer)
        while True:
            with self._errors.heard():
                try:
                    feature = next(features)
                except StopIteration:
                    break
                except GDALException as error:
                    why = self._errors.text() or str(error)
                    raise UnreadableFile(f"{self.path}: {self.where(self.done + 1)} cannot be read: {why}") from error
            with self._unheard.heard():
                row = self._feature(self.done + 1, feature)
            self.done += 1
            yield row
        # GDAL passes over what it cannot read, and only its errors tell.
        if self._errors.text():
            raise UnreadableFile(f"{self.path}: {self._errors.text()}")

    def _chosen(self, name: str) -> Any:
        names = [self._source[number].name for number in range(self._source.layer_count)]
        if name and name not in names:
            raise UnreadableFile(f"{self.path}: has no layer {name!r}; it has {', '.join(names)}")
        if not name and len(names) != 1:
            raise UnreadableFile(f"{self.path}: has {len(names)} layers ({', '.join(names)}); choose one with --layer")
        return self._source[name or names[0]]

    def _transformation(self, system: Any) -> CoordTransform:
        if system is not None:
            return to_wgs84(system)
        if self._source.driver.name == "ESRI Shapefile":
            unsaid, way_out = "has no .prj beside it and so does not say", "Put the missing .prj there, or name"
        else:
            unsaid, way_out = "does not say", "Name"
        raise UnreadableFile(
            f"{self.path}: {unsaid} which coordinate system it is in. {way_out} that of whoever made it:"
            " --crs EPSG:4326 if it is degrees, else as in their documentation (--crs EPSG:2263 …)"
        )

    def _unreadable(self, error: str) -> UnreadableFile:
        why = self._errors.text() or error
        if "OGR_GEOJSON_MAX_OBJ_SIZE" in why:
            place = why.split(": GeoJSON")[0].removeprefix("At ")
            return FeatureTooLarge(f"{self.path}, {place}: the feature there is too large")
        return UnreadableFile(f"{self.path}: GDAL cannot read it: {why}")

    def _feature(self, number: int, feature: Any) -> Feature:
        try:
            fields = {name: _plain(Field(feature, index).value) for index, name in self._read}
        except UnicodeError:
            return Feature(number, {}, problem="is not UTF-8")
        except (GDALException, ValueError) as error:
            return Feature(number, {}, problem=f"a field cannot be read: {error}")
        try:
            geometry = feature.geom
        except GDALException:
            return Feature(number, fields, problem="has no geometry")
        return Feature(number, fields, geometry, moved(geometry, self._transform))


def as_text(value: Any) -> str:
    """A field's value as a code or a name: 301.0 and 301 are both "301"; nothing is empty."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _name_for_gdal(path: Path) -> str:
    """The path; of a zip the one file of data in it, read where it is."""
    if path.suffix.lower() != ".zip":
        return str(path)
    try:
        with ZipFile(path) as archive:
            names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    except (BadZipFile, OSError) as error:
        raise UnreadableFile(f"{path}: is not a zip file that can be read") from error
    data = [name for ending in _DATA for name in names if name.lower().endswith(ending)]
    if len(data) != 1:
        found = f"holds {', '.join(data)}; unpack it and name one" if data else f"holds none of {', '.join(_DATA)}"
        raise UnreadableFile(f"{path}: {found}")
    return f"/vsizip/{{{path.resolve()}}}/{data[0]}"


def _plain(value: Any) -> Any:
    """As JSON can say it: dates by ISO 8601, and what is not a number is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value
