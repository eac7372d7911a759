"""Points with their fields out of a file, one at a time: memory does not grow with the file.

CSV by Python's own reader, which can say what is wrong with which line; everything else by GDAL.
"""

import csv
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.contrib.gis.gdal import CoordTransform, DataSource, GDALException, OGRGeometry, SpatialReference

#: Bytes of a line of CSV. A file without line ends must not be read as one.
LONGEST_LINE = 100_000
WGS84 = 4326

#: Field names to look for, in small letters, the best first.
Names = Sequence[str]


class UnreadableFile(Exception):
    """The file cannot be read at all, and why."""


@dataclass(frozen=True)
class Row:
    """One point: `longitude`, `latitude` in WGS 84 degrees, and the fields that were asked for, stripped."""

    where: str
    fields: tuple[str, ...]
    longitude: float
    latitude: float


@dataclass(frozen=True)
class Fault:
    """One row that cannot be used: `where` it stands ("line 17"), and why."""

    where: str
    reason: str


class Source:
    """A file that is open. Rows come once; `done` of `total` says how far, in bytes of CSV or in features."""

    total: int
    done: int = 0

    def rows(self) -> Iterator[Row | Fault]:
        raise NotImplementedError


@contextmanager
def open_rows(
    file: Path, wanted: Mapping[str, Names], *, place: tuple[Names, Names], crs: str = "", layer: str = ""
) -> Iterator[Source]:
    """The file's points with the fields `wanted`: option → names to look for; none found, the field is empty.

    `place` are the names of the columns of x and y in a CSV. `crs` (EPSG:…) says what the file does not.
    Raises UnreadableFile, with the way out.
    """
    if not file.is_file():
        raise UnreadableFile(f"{file}: no such file.")
    if file.suffix.lower() in {".csv", ".tsv", ".txt"}:
        with file.open("rb") as stream:
            yield CSVSource(file, stream, wanted, place, crs)
    else:
        yield GDALSource(file, wanted, crs, layer)


def reference_system(crs: str) -> SpatialReference:
    """Raises UnreadableFile for what GDAL does not know."""
    try:
        return SpatialReference(crs)
    except (GDALException, TypeError, ValueError) as error:
        raise UnreadableFile(f"--crs {crs}: no such coordinate system; give a code such as EPSG:4326.") from error


def _choose(wanted: Mapping[str, Names], known: Sequence[str], file: Path) -> list[int | None]:
    """For each wanted field its place among the known ones. A single name was given by hand and must be there."""
    by_name = {name.strip().casefold(): place for place, name in reversed(list(enumerate(known)))}
    chosen = []
    for option, names in wanted.items():
        found = next((by_name[name.casefold()] for name in names if name.casefold() in by_name), None)
        if found is None and len(names) == 1:
            raise UnreadableFile(f"{file}: has no field {names[0]!r} (--{option}-field); it has {', '.join(known)}.")
        chosen.append(found)
    return chosen


def _in_degrees(longitude: float, latitude: float) -> bool:
    return -180 <= longitude <= 180 and -90 <= latitude <= 90


# --- CSV ---------------------------------------------------------------------------------------


class _BrokenLine(Exception):
    pass


class _Lines:
    """Lines of text, counted; one that cannot be is told by _BrokenLine and passed over. An iterator and not a
    generator, since the CSV reader goes on with it after an error."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.number = 0
        self.bytes = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = self._read()
            raise _BrokenLine(f"is longer than {LONGEST_LINE:,} bytes")
        if b"\0" in line:
            raise _BrokenLine("holds a NUL byte")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise _BrokenLine(f"is not UTF-8 (byte {error.start + 1} of the line)") from error
        return text.removeprefix("\ufeff") if self.number == 1 else text

    def _read(self) -> bytes:
        line = self.stream.readline(LONGEST_LINE + 1)
        self.bytes += len(line)
        return line


class CSVSource(Source):
    def __init__(
        self, file: Path, stream: BinaryIO, wanted: Mapping[str, Names], place: tuple[Names, Names], crs: str
    ) -> None:
        self.total = file.stat().st_size
        self.lines = _Lines(stream)
        try:
            first = next(self.lines, "")
            delimiter = max(",;\t|", key=first.count)
            header = next(csv.reader([first], delimiter=delimiter, strict=True), [])
        except (_BrokenLine, csv.Error) as error:
            raise UnreadableFile(f"{file}: line 1 {error}; it should hold the names of the columns.") from error
        if not header:
            raise UnreadableFile(f"{file}: is empty; its first line should hold the names of the columns.")
        self.columns = len(header)
        self.chosen = _choose(wanted, header, file)
        x, y = _choose({"longitude": [*place[0], ""], "latitude": [*place[1], ""]}, header, file)
        if x is None or y is None:
            raise UnreadableFile(
                f"{file}: no columns with coordinates; name them by --longitude-field and --latitude-field."
                f" It has {', '.join(header)}."
            )
        self.x, self.y = x, y
        self.reader = csv.reader(self.lines, delimiter=delimiter, strict=True)
        self.transform = CoordTransform(reference_system(crs), SpatialReference(WGS84)) if crs else None

    def rows(self) -> Iterator[Row | Fault]:
        while True:
            where = f"line {self.lines.number + 1}"
            try:
                values = next(self.reader)
            except StopIteration:
                return
            except (_BrokenLine, csv.Error) as error:
                yield Fault(where, str(error))
                continue
            finally:
                self.done = self.lines.bytes
            if values:
                yield self._row(where, values)

    def _row(self, where: str, values: list[str]) -> Row | Fault:
        if len(values) != self.columns:
            return Fault(where, f"has {len(values)} columns, not {self.columns}")
        try:
            x, y = float(values[self.x]), float(values[self.y])
        except ValueError:
            x = y = math.nan
        if not (math.isfinite(x) and math.isfinite(y)):
            return Fault(where, f"coordinates are not numbers: {values[self.x][:40]!r}, {values[self.y][:40]!r}")
        if self.transform is not None:
            point: Any = OGRGeometry(f"POINT({x!r} {y!r})")
            try:
                point.transform(self.transform)
            except GDALException:
                return Fault(where, f"coordinates {x:g}, {y:g} do not exist in the given --crs")
            x, y = point.x, point.y
        if not _in_degrees(x, y):
            return Fault(where, f"coordinates {x:g}, {y:g} are not WGS 84 degrees; are they of another --crs?")
        fields = tuple("" if place is None else values[place].strip() for place in self.chosen)
        return Row(where, fields, x, y)


# --- Everything else ---------------------------------------------------------------------------


class GDALSource(Source):
    def __init__(self, file: Path, wanted: Mapping[str, Names], crs: str, layer: str) -> None:
        try:
            # Kept: a layer lives no longer than its data source.
            self.source: Any = DataSource(file)
            self.layer = self._layer(file, layer)
            self.total = self.layer.num_feat
        except (GDALException, UnicodeError) as error:
            raise UnreadableFile(f"{file}: GDAL cannot read it: {error}") from error
        known = self.layer.fields
        self.names = [None if place is None else known[place] for place in _choose(wanted, known, file)]
        reference = reference_system(crs) if crs else self.layer.srs
        if reference is None:
            raise UnreadableFile(f"{file}: does not say its coordinate system; give it by --crs EPSG:….")
        self.transform = CoordTransform(reference, SpatialReference(WGS84))

    def _layer(self, file: Path, layer: str) -> Any:
        names = [one.name for one in self.source]
        if layer and layer not in names:
            raise UnreadableFile(f"{file}: has no layer {layer!r}; it has {', '.join(names)}.")
        if not layer and len(names) != 1:
            raise UnreadableFile(f"{file}: has {len(names)} layers; choose one by --layer: {', '.join(names)}.")
        return self.source[layer or 0]

    def rows(self) -> Iterator[Row | Fault]:
        features = iter(self.layer)
        with _gdal_complaints() as complaints:
            while True:
                where = f"feature {self.done + 1}"
                try:
                    feature = next(features)
                except StopIteration:
                    break
                except GDALException:
                    # There is no reading on after it: the iterator has ended.
                    yield Fault(where, "; ".join(complaints) or "GDAL cannot read it, nor what follows")
                    return
                self.done += 1
                yield self._row(where, feature)
            if complaints:
                yield Fault("the file", "; ".join(complaints))

    def _row(self, where: str, feature: Any) -> Row | Fault:
        try:
            fields = tuple("" if name is None else str(feature.get(name) or "").strip() for name in self.names)
        except UnicodeError:
            return Fault(where, "is not UTF-8")
        if any("\0" in field for field in fields):
            return Fault(where, "holds a NUL byte")
        try:
            point = feature.geom
            if point.geom_type.name not in {"Point", "Point25D"}:
                return Fault(where, f"is a {point.geom_type.name}, not a point")
            point.transform(self.transform)
            x, y = point.x, point.y
        except GDALException:
            return Fault(where, "has no place, or one that its coordinate system does not know")
        if not (math.isfinite(x) and math.isfinite(y) and _in_degrees(x, y)):
            return Fault(where, f"coordinates {x:g}, {y:g} are not WGS 84 degrees; are they of another --crs?")
        return Row(where, fields, x, y)


@contextmanager
def _gdal_complaints() -> Iterator[list[str]]:
    """What GDAL says is wrong meanwhile: it skips broken features, and only its log tells."""
    complaints: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if len(complaints) < 5:
                complaints.append(record.getMessage())

    logger, listener = logging.getLogger("django.contrib.gis"), Listener(logging.ERROR)
    logger.addHandler(listener)
    try:
        yield complaints
    finally:
        logger.removeHandler(listener)
