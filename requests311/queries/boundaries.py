"""Boundaries in force today as GeoJSON or as a vector tile, written by the database from outlines drawn beforehand."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from requests311.map.world import Box, Tile

#: Vertices of one GeoJSON answer; at some 20 bytes each that is 4 MB.
VERTICES_AT_MOST = 200_000
#: What a phone on a bad line can still wait for.
TILE_BYTES_AT_MOST = 100_000

#: What a tile holds beyond its edge, as a share of its width, so that lines do not end at the seam.
_MARGIN = 1 / 64

_TODAY = "(now() AT TIME ZONE j.time_zone)::date"
_CURRENT = f"""
FROM geo_areaoutline o
JOIN geo_areaversion v ON v.id = o.version_id
JOIN geo_area a ON a.id = v.area_id
JOIN requests311_jurisdiction j ON j.boundary_id = COALESCE(a.parent_id, a.id)
WHERE o.zoom = %(drawn)s AND a.kind = %(kind)s AND NOT j.sandbox
  AND (o.valid_from IS NULL OR o.valid_from <= {_TODAY}) AND (o.valid_to IS NULL OR o.valid_to > {_TODAY})
  AND (%(jurisdiction)s = '' OR j.code = %(jurisdiction)s)
"""

_COLLECTION = f"""
WITH found AS (
    SELECT j.code AS jurisdiction, a.code, v.name, v.valid_from, v.square_metres, o.vertices, o.shape
    {_CURRENT} AND ({{boxes}})
), size AS (SELECT COALESCE(sum(vertices), 0) AS vertices FROM found)
SELECT size.vertices, CASE WHEN size.vertices <= %(most)s THEN (
    SELECT json_build_object(
        'type', 'FeatureCollection',
        'features', COALESCE(json_agg(json_build_object(
            'type', 'Feature',
            'id', jurisdiction || '/' || %(kind)s || '/' || code,
            'geometry', ST_AsGeoJSON(shape, 7)::json,
            'properties', json_build_object(
                'jurisdiction', jurisdiction, 'kind', %(kind)s, 'code', code, 'name', name,
                'square_metres', square_metres, 'valid_from', valid_from
            )
        ) ORDER BY jurisdiction, code), '[]')
    )::text FROM found
) END
FROM size
"""  # noqa: S608 (our own constants; what comes from outside are parameters)

#: Web Mercator has no poles: what lies beyond its last parallel is cut before it is projected.
_MERCATOR = "ST_MakeEnvelope(-180, -85.0511287798066, 180, 85.0511287798066, 4326)"
_TILE = f"""
SELECT ST_AsMVT(drawn, 'areas', %(extent)s, 'shape') FROM (
    SELECT ST_AsMVTGeom(
        ST_Transform(CASE WHEN o.shape @ {_MERCATOR} THEN o.shape ELSE ST_Intersection(o.shape, {_MERCATOR}) END, 3857),
        ST_TileEnvelope(%(z)s, %(x)s, %(y)s), %(extent)s, %(extent)s / 64, true
    ) AS shape, j.code AS jurisdiction, a.code, {{name}}
    {_CURRENT} AND o.shape && ST_MakeEnvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)
      AND v.square_metres >= %(least)s
    ORDER BY v.square_metres DESC, a.id
    LIMIT %(count)s
) drawn WHERE shape IS NOT NULL
"""  # noqa: S608 (as above)

#: (grid cells along a tile's edge, least area in cells of a 256 grid, areas at most): coarser until the tile is small
#: enough. What goes first is what is smaller than a few pixels. Both sides of a border lie on the same grid.
_COARSER = ((4096, 0, 100_000), (2048, 1, 10_000), (1024, 4, 3_000), (512, 16, 1_000), (256, 64, 300), (128, 256, 100))
#: Square metres of the whole square map of Web Mercator at the equator.
_WORLD = 40_075_016.7**2


class TooDetailed(Exception):
    """The answer would have more vertices than a phone can take; `vertices` says how many."""

    def __init__(self, vertices: int) -> None:
        self.vertices = vertices
        super().__init__(vertices)


def collection(kind: str, boxes: Sequence[Box], *, drawn: int, jurisdiction: str = "") -> str:
    """A GeoJSON FeatureCollection of everything of a kind that touches one of the boxes; raises TooDetailed.

    `drawn` is the zoom of the outlines (`geo.drawings.drawn_for`). One statement; longitude and latitude in degrees.
    """
    params: dict[str, Any] = {"kind": kind, "drawn": drawn, "jurisdiction": jurisdiction, "most": VERTICES_AT_MOST}
    conditions = []
    for number, box in enumerate(boxes):
        envelope = "ST_MakeEnvelope({}, 4326)".format(", ".join(f"%(b{number}_{i})s" for i in range(4)))
        conditions.append(f"(o.shape && {envelope} AND ST_Intersects(o.shape, {envelope}))")
        params |= {f"b{number}_{i}": degrees for i, degrees in enumerate((box.west, box.south, box.east, box.north))}
    with connection.cursor() as cursor:
        cursor.execute(_COLLECTION.format(boxes=" OR ".join(conditions)), params)
        vertices, text = cursor.fetchone()
    if text is None:
        raise TooDetailed(vertices)
    return str(text)


def tile(kind: str, place: Tile, *, drawn: int, jurisdiction: str = "") -> bytes:
    """A Mapbox vector tile with the layer `areas`, at most TILE_BYTES_AT_MOST; empty where there is nothing.

    One statement, and one more for each time it is too large.
    """
    west, south, east, north = place.degrees(_MARGIN)
    params: dict[str, Any] = {"kind": kind, "drawn": drawn, "jurisdiction": jurisdiction}
    params |= {"z": place.z, "x": place.x, "y": place.y}
    params |= {"west": west, "south": south, "east": east, "north": north}
    data = b""
    for extent, cells, count in _COARSER:
        # A length on the map is 1 / cos(latitude) of the true one; the least area is meant roughly.
        least = cells * _WORLD / 4**place.z / 256**2 / 2
        name = "v.name" if extent > 128 else "left(v.name, 60) AS name"
        with connection.cursor() as cursor:
            cursor.execute(_TILE.format(name=name), {**params, "extent": extent, "least": least, "count": count})
            data = bytes(cursor.fetchone()[0])
        if len(data) <= TILE_BYTES_AT_MOST:
            break
    return data
