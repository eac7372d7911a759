"""Draws the areas of a kind for every zoom, with the borders that neighbours share still shared.

A border is simplified once and not once for each side (shapely.coverage_simplify, Visvalingam–Whyatt), so there is
neither gap nor overlap. It takes all areas of a kind at once, and PostGIS 3.3 cannot do it: so they are drawn when
areas are loaded. Only loading imports this module, since shapely is nothing for a web process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import shapely
from django.db import connection

from geo.drawings import ZOOMS
from geo.in_force import IN_FORCE

#: Vertices of all areas of one kind on one day: an exact partition of so many takes some 400 MB to draw.
VERTICES_AT_MOST = 2_000_000
_PIXELS_PER_TILE = 256
#: Nowhere on Earth is a drawing needed any more whose last day is so long ago.
_KEPT = timedelta(days=2)


class TooManyVertices(Exception):
    """The areas of a kind are too detailed to be drawn together."""


@dataclass(frozen=True)
class _Days:
    """From the first day until before the second; None is without an end."""

    first: date | None
    end: date | None


def half_a_pixel(zoom: int) -> float:
    """In degrees of longitude, at a zoom whose tiles have 256 pixels."""
    return 360 / (_PIXELS_PER_TILE << zoom) / 2


def kinds() -> list[tuple[int, str]]:
    """(id of the jurisdiction's area, kind) of everything that is loaded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT COALESCE(parent_id, id), kind FROM geo_area ORDER BY 1, 2")
        return list(cursor.fetchall())


def missing(root_id: int) -> list[str]:
    """Kinds within a jurisdiction, its own boundary's among them, with an area that has not been drawn."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT a.kind FROM geo_area a JOIN geo_areaversion v ON v.area_id = a.id AND v.valid_to IS NULL"
            " WHERE (a.parent_id = %s OR a.id = %s)"
            " AND NOT EXISTS (SELECT FROM geo_areaoutline o WHERE o.version_id = v.id) ORDER BY a.kind",
            [root_id, root_id],
        )
        return [kind for (kind,) in cursor.fetchall()]


def draw(root_id: int, kind: str) -> None:
    """Draws all areas of a kind anew, for today and for the days on which loaded versions begin or end.

    Raises TooManyVertices. SQL as written, so that a migration can call it.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM geo_areaoutline o USING geo_areaversion v, geo_area a"  # noqa: S608 (our own constants)
            f" WHERE v.id = o.version_id AND a.id = v.area_id AND {_OF_KIND}",
            [root_id, root_id, kind],
        )
    for days in _periods(root_id, kind):
        ids, boundaries = _boundaries(root_id, kind, days)
        if ids:
            _write(ids, days, simplified(boundaries))


def simplified(boundaries: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """The shapely polygons for each of ZOOMS, finest first, in the order given; neighbours stay neighbours."""
    coverage = _as_coverage(np.asarray(boundaries, dtype=object))
    for zoom in reversed(ZOOMS):
        # From the next finer one, which is close to it, instead of from the first: a third of the time.
        coverage = shapely.coverage_simplify(coverage, half_a_pixel(zoom))
        yield zoom, coverage


def _as_coverage(shapes: Any) -> Any:
    """The shapes with their common borders vertex by vertex the same, which real files only nearly have."""
    if shapely.coverage_is_valid(shapes):
        return shapes
    clean = shapely.coverage_clean(shapes)
    # Of areas that lie on each other one would be gone from the map: better one too many.
    return np.where(shapely.is_empty(clean), shapes, clean)


_VERSIONS = "FROM geo_areaversion v JOIN geo_area a ON a.id = v.area_id"
_OF_KIND = "((a.parent_id = %s) OR (a.parent_id IS NULL AND a.id = %s)) AND a.kind = %s"
_HOLDS = IN_FORCE.format("v")


def _periods(root_id: int, kind: str) -> list[_Days]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT d {_VERSIONS}, unnest(ARRAY[v.valid_from, v.valid_to]) d"
            f" WHERE d IS NOT NULL AND {_OF_KIND} ORDER BY d",
            [root_id, root_id, kind],
        )
        changes: list[date] = [day for (day,) in cursor.fetchall()]
    past = datetime.now(UTC).date() - _KEPT
    periods = [_Days(*pair) for pair in zip([None, *changes], [*changes, None], strict=True)]
    return [days for days in periods if days.end is None or days.end > past]


def _boundaries(root_id: int, kind: str, days: _Days) -> tuple[list[int], list[Any]]:
    day = days.first or date.min
    where: list[int | str | date] = [root_id, root_id, kind, day, day]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT COALESCE(sum(ST_NPoints(v.boundary)), 0) {_VERSIONS} WHERE {_OF_KIND} AND {_HOLDS}",
            where,
        )
        [vertices] = cursor.fetchone()
        if vertices > VERTICES_AT_MOST:
            raise TooManyVertices(
                f"all areas of kind {kind!r} together have {vertices:,} vertices, and {VERTICES_AT_MOST:,} is the most"
                " that can be drawn; simplify the file with its borders kept, as mapshaper does, and load that"
            )
        cursor.execute(
            f"SELECT v.id, ST_AsBinary(v.boundary) {_VERSIONS} WHERE {_OF_KIND} AND {_HOLDS} ORDER BY a.code, v.id",
            where,
        )
        rows = cursor.fetchall()
    return [pk for pk, _ in rows], [shapely.from_wkb(bytes(wkb)) for _, wkb in rows]


def _write(ids: Sequence[int], days: _Days, drawings: Iterator[tuple[int, Sequence[Any]]]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY geo_areaoutline (version_id, zoom, valid_from, valid_to, vertices, shape) FROM STDIN"
        ) as copy,
    ):
        for zoom, shapes in drawings:
            for pk, shape in zip(ids, shapes, strict=True):
                polygons = shapely.get_parts(shape)
                whole = shapely.set_srid(shapely.multipolygons(polygons), 4326)
                vertices = int(shapely.get_num_coordinates(whole))
                row = (pk, zoom, days.first, days.end, vertices, shapely.to_wkb(whole, hex=True, include_srid=True))
                copy.write_row(row)
