"""Features of a file, one at a time: whatever GDAL reads, and CSV with columns of coordinates.

Memory does not grow with the file. CSV goes through Python's own reader, which can say what is wrong with which line.
"""

import csv
import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry, SpatialReference
from django.contrib.gis.gdal.field import Field

#: Bytes of a line of CSV. A file without line ends must not be read as one.
LONGEST_LINE = 100_000
LONGITUDE_NAMES = ("longitude", "lon", "lng", "long", "x")
LATITUDE_NAMES = ("latitude", "lat", "y")

_AUTHORITY_CODE = re.compile(r"[A-Za-z]+:[A-Za-z0-9]+")
_CSV = {".csv", ".tsv", ".txt"}


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says why, and the way out."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: `number` as the file counts, its fields, and its geometry in WGS 84 (longitude, latitude).

    Where `problem` is not empty it says why the feature cannot be used, and the rest may be absent.
    """

    number: int
    fields: dict[str, Any] = field(default_factory=dict)
    geometry: OGRGeometry | None = None
    problem: str = ""


class FeatureFile:
    """A file that is open for one reading.

    `unit` is what its features are called ("line" of a CSV), `fields` their names, `total` how many there are, or
    None where only reading would tell. Iterating raises UnreadableFile where the rest of the file cannot be read.
    """

    unit = "feature"
    fields: Sequence[str]
    total: int | None

    def __iter__(self) -> Iterator[Feature]:
        raise NotImplementedError

    def where(self, number: int) -> str:
        return f"{self.unit} {number}"


@contextmanager
def open_features(
    path: Path, *, crs: str = "", layer: str = "", longitude_field: str = "", latitude_field: str = ""
) -> Iterator[FeatureFile]:
    """Opens a file and reads its head. `crs` (EPSG:…) goes before what the file says of its coordinates.

    `longitude_field` and `latitude_field` name the columns of a CSV where they have no usual name; with a `crs`
    they are its easting and northing. Raises UnreadableFile.
    """
    if not path.exists():
        raise UnreadableFile(f"{path}: no such file")
    given = _system(crs) if crs else None
    if path.suffix.lower() in _CSV:
        with path.open("rb") as stream:
            yield _CSVFile(path, stream, given, longitude_field, latitude_field)
    else:
        if longitude_field or latitude_field:
            raise UnreadableFile(f"{path}: has geometries of its own; only a CSV has columns of coordinates")
        yield _GDALFile(path, layer, given)


def _system(crs: str) -> SpatialReference:
    # GDAL would take a file's name or an address here too.
    if _AUTHORITY_CODE.fullmatch(crs):
        try:
            return SpatialReference(crs)
        except (GDALException, ValueError):
            pass
    raise UnreadableFile(f"{crs!r} is no coordinate system; give a code such as EPSG:4326")


def _to_wgs84(system: SpatialReference) -> CoordTransform:
    return CoordTransform(system, SpatialReference(4326))


def _transformed(geometry: OGRGeometry, to_wgs84: CoordTransform | None) -> str:
    """Moves it to WGS 84; why that cannot be, or nothing."""
    try:
        if to_wgs84 is not None:
            geometry.transform(to_wgs84)
        west, south, east, north = geometry.extent
    except GDALException:
        return "its coordinates do not exist in the file's coordinate system; say the right one by --crs EPSG:…"
    if not all(map(math.isfinite, (west, south, east, north))):
        return "its coordinates are not numbers"
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        return (
            f"its coordinates ({west:g}, {south:g}) are not WGS 84 degrees; "
            "say by --crs EPSG:… which coordinate system they are in"
        )
    return ""


# --- Everything but CSV --------------------------------------------------------------------------


class _GDALFile(FeatureFile):
    def __init__(self, path: Path, layer: str, given: SpatialReference | None) -> None:
        self._path = path
        with _complaints() as complaints:
            try:
                # Kept, because a layer lives no longer than its source.
                self._source = DataSource(path)
                self._layer = self._chosen(layer)
                self.fields = list(self._layer.fields)
                self.total = self._layer.num_feat
                system = given or self._layer.srs
            except (GDALException, UnicodeError) as error:
                why = "; ".join(complaints) or str(error)
                raise UnreadableFile(f"{path}: GDAL cannot read it: {why}") from error
        if system is None:
            raise UnreadableFile(
                f"{path}: does not say which coordinate system it is in (a Shapefile says so in its .prj); "
                "say it by --crs EPSG:…"
            )
        self._to_wgs84 = _to_wgs84(system)

    def _chosen(self, name: str) -> Any:
        names = [layer.name for layer in cast("Any", self._source)]
        if name and name not in names:
            raise UnreadableFile(f"{self._path}: has no layer {name!r}; it has {', '.join(names)}")
        if not name and len(names) != 1:
            raise UnreadableFile(f"{self._path}: has {len(names)} layers; choose one by --layer: {', '.join(names)}")
        return self._source[name or 0]

    def __iter__(self) -> Iterator[Feature]:
        number = 0
        with _complaints() as complaints:
            try:
                for number, feature in enumerate(self._layer, start=1):
                    yield self._feature(number, feature)
            except GDALException as error:
                why = "; ".join(complaints) or str(error)
                raise UnreadableFile(f"{self._path}: feature {number + 1} cannot be read: {why}") from error
            # GDAL passes over what it cannot read, and only its log tells.
            if complaints:
                raise UnreadableFile(f"{self._path}: {'; '.join(complaints)}")

    def _feature(self, number: int, feature: Any) -> Feature:
        try:
            fields = {name: _plain(Field(feature, index).value) for index, name in enumerate(self.fields)}
        except UnicodeError:
            return Feature(number, problem="is not UTF-8")
        except (GDALException, ValueError) as error:
            return Feature(number, fields={}, problem=f"a field cannot be read: {error}")
        try:
            geometry = feature.geom
        except GDALException:
            return Feature(number, fields, problem="has no geometry")
        if geometry.empty:
            return Feature(number, fields, problem="has no geometry")
        return Feature(number, fields, geometry, _transformed(geometry, self._to_wgs84))


def _plain(value: Any) -> Any:
    """As JSON can say it: dates by ISO 8601, and what is not a number is nothing."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return value


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """The first errors that GDAL writes to its log meanwhile."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if len(heard) < 5:
                heard.append(record.getMessage())

    logger, listener = logging.getLogger("django.contrib.gis"), Listener(logging.ERROR)
    before = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.propagate = before
        logger.removeHandler(listener)


# --- CSV -----------------------------------------------------------------------------------------


class _BrokenLine(Exception):
    """A line that cannot be read as text, and why."""


class _Lines:
    """Lines of text, counted, none longer than LONGEST_LINE; the CSV reader goes on with it after an error."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_LINE + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = self._stream.readline(LONGEST_LINE + 1)
            raise _BrokenLine(f"is longer than {LONGEST_LINE:,} bytes")
        if b"\0" in line:
            raise _BrokenLine("holds a null byte")
        try:
            return line.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _BrokenLine("is not UTF-8") from error


class _CSVFile(FeatureFile):
    unit = "line"
    total = None

    def __init__(
        self, path: Path, stream: BinaryIO, given: SpatialReference | None, longitude_field: str, latitude_field: str
    ) -> None:
        self._lines = _Lines(stream)
        try:
            head = next(self._lines, "")
            delimiter = max(",;\t|", key=head.count)
            names = next(csv.reader([head], delimiter=delimiter, strict=True), [])
        except (_BrokenLine, csv.Error) as error:
            raise UnreadableFile(f"{path}: line 1 {error}; it should hold the names of the columns") from error
        if not names:
            raise UnreadableFile(f"{path}: is empty; its first line should hold the names of the columns")
        self._x = _column(path, names, longitude_field, LONGITUDE_NAMES, "--longitude-field")
        self._y = _column(path, names, latitude_field, LATITUDE_NAMES, "--latitude-field")
        self._names = names
        self.fields = [name for index, name in enumerate(names) if index not in (self._x, self._y)]
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        self._to_wgs84 = _to_wgs84(given) if given is not None else None

    def __iter__(self) -> Iterator[Feature]:
        while True:
            number = self._lines.number + 1
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except (_BrokenLine, csv.Error) as error:
                yield Feature(number, problem=str(error))
                continue
            if values:
                yield self._feature(number, values)

    def _feature(self, number: int, values: list[str]) -> Feature:
        if len(values) != len(self._names):
            return Feature(number, problem=f"has {len(values)} columns, not {len(self._names)}")
        fields: dict[str, Any] = dict(zip(self._names, values, strict=True))
        x, y = (fields.pop(self._names[index]).strip() for index in (self._x, self._y))
        try:
            geometry = OGRGeometry(f"POINT ({float(x)!r} {float(y)!r})")
        except (ValueError, GDALException):
            return Feature(number, fields, problem=f"its coordinates are not numbers: {x[:40]!r}, {y[:40]!r}")
        return Feature(number, fields, geometry, _transformed(geometry, self._to_wgs84))


def _column(path: Path, names: Sequence[str], wanted: str, usual: Sequence[str], option: str) -> int:
    by_name = {name.strip().casefold(): index for index, name in reversed(list(enumerate(names)))}
    for name in [wanted] if wanted else usual:
        if name.casefold() in by_name:
            return by_name[name.casefold()]
    what = f"no column {wanted!r}" if wanted else f"none of the columns {', '.join(usual)}"
    raise UnreadableFile(f"{path}: has {what}; name the right one by {option}. It has {', '.join(names)}")
