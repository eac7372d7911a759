"""Points of a file, one at a time: of whatever GDAL reads, and of a CSV with columns of coordinates."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.contrib.gis.gdal import CoordTransform, GDALException, OGRGeometry

from geo.coordinate_systems import (
    NOT_NUMBERS,
    UnreadableFile,
    coordinate_system,
    moved,
    outside_degrees,
    to_wgs84,
)
from geo.csv_files import CSVFile
from geo.feature_files import Feature, FeatureFile
from geo.gdal_errors import GDALErrors

LONGITUDE_NAMES = ("longitude", "lon", "lng", "long", "x")
LATITUDE_NAMES = ("latitude", "lat", "y")

_CSV = {".csv", ".tsv", ".txt"}


@dataclass(frozen=True, slots=True)
class Point:
    """One point in WGS 84 degrees with its fields; `number` as the file counts.

    Where `problem` is not empty it says why the row cannot be used, and the rest may be absent.
    """

    number: int
    fields: dict[str, Any]
    longitude: float = 0.0
    latitude: float = 0.0
    problem: str = ""


class PointFile(ABC):
    """A file that is open for one reading.

    `unit` is what its rows are called ("line" of a CSV), `fields` their names without those of the coordinates;
    `done` of `total` says how far it is read, in features or in bytes of a CSV.
    """

    unit: str
    path: Path
    fields: Sequence[str]
    total: int

    @property
    @abstractmethod
    def done(self) -> int: ...

    @abstractmethod
    def read_only(self, names: Collection[str]) -> None:
        """Leaves all other fields unread."""

    @abstractmethod
    def __iter__(self) -> Iterator[Point]: ...

    def where(self, number: int) -> str:
        return f"{self.unit} {number}"


@contextmanager
def open_points(
    path: Path, *, crs: str = "", layer: str = "", longitude_field: str = "", latitude_field: str = ""
) -> Iterator[PointFile]:
    """Opens a file and reads its head. `crs` (EPSG:…) goes before what the file says of its coordinates.

    `longitude_field` and `latitude_field` name the columns of a CSV where they have no usual name; with a `crs`
    they are its easting and northing. Raises UnreadableFile, also while it is read.
    """
    if not path.is_file():
        raise UnreadableFile(f"{path}: no such file")
    if path.suffix.lower() in _CSV:
        transform = to_wgs84(coordinate_system(crs)) if crs else None
        with path.open("rb") as stream:
            yield _PointsOfCSV(CSVFile(path, stream), transform, longitude_field, latitude_field)
    else:
        if longitude_field or latitude_field:
            raise UnreadableFile(f"{path}: has geometries of its own; only a CSV has columns of coordinates")
        yield _PointsOfFeatures(FeatureFile(path, layer=layer, crs=crs))


class _PointsOfFeatures(PointFile):
    unit = FeatureFile.unit

    def __init__(self, file: FeatureFile) -> None:
        self._file = file
        self.path, self.fields, self.total = file.path, file.fields, file.total

    @property
    def done(self) -> int:
        return self._file.done

    def read_only(self, names: Collection[str]) -> None:
        self._file.read_only(names)

    def __iter__(self) -> Iterator[Point]:
        return map(_point, self._file)


def _point(feature: Feature) -> Point:
    geometry: Any = feature.geometry
    if geometry is None:
        return Point(feature.number, feature.fields, problem=feature.problem)
    kind = str(geometry.geom_type)
    if kind.startswith("MultiPoint") and len(geometry) == 1:  # as some programs write every point
        geometry = geometry[0]
    elif not kind.startswith("Point"):
        return Point(feature.number, feature.fields, problem=f"is a {kind}, not a point")
    if geometry.empty:
        return Point(feature.number, feature.fields, problem="has no geometry")
    return Point(feature.number, feature.fields, geometry.x, geometry.y, feature.problem)


class _PointsOfCSV(PointFile):
    unit = "line"

    def __init__(
        self, file: CSVFile, transform: CoordTransform | None, longitude_field: str, latitude_field: str
    ) -> None:
        self._file = file
        self.path, self.total = file.path, file.total
        self._transform = transform
        self._x = _column(file, longitude_field, LONGITUDE_NAMES, "--longitude-field")
        self._y = _column(file, latitude_field, LATITUDE_NAMES, "--latitude-field")
        self._unheard = GDALErrors()
        self.fields = [name for index, name in enumerate(file.columns) if index not in (self._x, self._y)]
        self.read_only(self.fields)

    @property
    def done(self) -> int:
        return self._file.done

    def read_only(self, names: Collection[str]) -> None:
        # Of two columns of one name it is the first, as with the coordinates.
        self._read = {name: self._file.columns.index(name) for name in self.fields if name in names}

    def __iter__(self) -> Iterator[Point]:
        for row in self._file:
            if row.problem:
                yield Point(row.number, {}, problem=row.problem)
            else:
                yield self._point(row.number, row.values)

    def _point(self, number: int, values: list[str]) -> Point:
        fields = {name: values[index] for name, index in self._read.items()}
        written = values[self._x].strip(), values[self._y].strip()
        try:
            x, y = map(float, written)
            if self._transform is None:
                problem = outside_degrees(x, y, x, y)
            else:
                geometry: Any = OGRGeometry(f"POINT ({x!r} {y!r})")
                with self._unheard.heard():
                    problem = moved(geometry, self._transform)
                x, y = geometry.x, geometry.y
        except (ValueError, GDALException):
            x = y = 0.0
            problem = NOT_NUMBERS
        if problem == NOT_NUMBERS:
            problem += f": {written[0][:40]!r}, {written[1][:40]!r}"
        return Point(number, fields, x, y, problem)


def _column(file: CSVFile, wanted: str, usual: Sequence[str], option: str) -> int:
    by_name = {name.strip().casefold(): index for index, name in reversed(list(enumerate(file.columns)))}
    for name in [wanted] if wanted else usual:
        if name.casefold() in by_name:
            return by_name[name.casefold()]
    what = f"no column {wanted!r}" if wanted else f"none of the columns {', '.join(usual)}"
    raise UnreadableFile(f"{file.path}: has {what}; name the right one by {option}. It has {', '.join(file.columns)}")
