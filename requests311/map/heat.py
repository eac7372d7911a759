"""The heat map: how many public requests lie in each hexagon, none of which tells of a few.

It takes no filters: the difference of two filtered maps would tell of the few whom each of them hides.
"""

import math
from collections.abc import Sequence
from typing import Any

from django.db import connection

from requests311.map.hexagons import EDGE, HEXAGON, RESOLUTIONS
from requests311.map.world import BITS, Box, unit_x, unit_y

#: Hexagons that one answer may have to look at.
HEXAGONS = 5_000
#: Hexagons that an answer without a resolution aims at.
_ENOUGH = 800

_WORLD_METRES = 40_075_016.685578488

# A hexagon counts as a whole, wherever the box cuts it: a part of one would again tell of a few.
_HEAT = f"""
WITH box AS (SELECT * FROM unnest(%(i0)s::int[], %(j0)s::int[], %(i1)s::int[], %(j1)s::int[]) AS b (i0, j0, i1, j1)),
rows AS (
    -- Two boxes may share hexagons.
    SELECT DISTINCT h.i, h.j, h.jurisdiction_id, h.n::bigint AS n
    FROM box JOIN requests311_heatcount h
      ON h.resolution = %(resolution)s AND h.i BETWEEN box.i0 AND box.i1 AND h.j BETWEEN box.j0 AND box.j1
    UNION ALL
    SELECT change.i, change.j, s.jurisdiction_id, change.n
    FROM (
        SELECT i, j, service_id, n
        FROM requests311_mapchange, LATERAL (SELECT %(resolution)s::int AS resolution) asked, {HEXAGON}
    ) change
    JOIN requests311_service s ON s.id = change.service_id
    WHERE EXISTS (SELECT 1 FROM box WHERE change.i BETWEEN i0 AND i1 AND change.j BETWEEN j0 AND j1)
),
counted AS (
    SELECT rows.i, rows.j, sum(rows.n) AS n, max(k.heat_minimum) AS least
    FROM rows JOIN requests311_jurisdiction k ON k.id = rows.jurisdiction_id
    GROUP BY 1, 2 HAVING sum(rows.n) > 0
)
SELECT '{{"type":"FeatureCollection","resolution":' || %(resolution)s
    || ',"withheld":' || count(*) FILTER (WHERE n < least)
    || ',"features":[' || COALESCE(string_agg(
        '{{"type":"Feature","geometry":'
        || ST_AsGeoJSON(ST_Transform(ST_Hexagon(%(edge)s, i, j, ST_SetSRID(ST_MakePoint(0, 0), 3857)), 4326), 6)
        || ',"properties":{{"count":' || n || '}}}}', ',' ORDER BY i, j) FILTER (WHERE n >= least), '')
    || ']}}'
FROM counted
"""  # noqa: S608 (our own constants)


def hexagons_in(boxes: Sequence[Box], resolution: int) -> int:
    """How many hexagons of a resolution lie in the boxes, at most."""
    return sum((i1 - i0 + 1) * (j1 - j0 + 1) for i0, j0, i1, j1 in (_span(box, resolution) for box in boxes))


def fitting_resolution(boxes: Sequence[Box], most: int = _ENOUGH) -> int:
    """The finest resolution that divides the boxes into no more than `most` hexagons; else the coarsest."""
    fitting = [resolution for resolution in RESOLUTIONS if hexagons_in(boxes, resolution) <= most]
    return max(fitting, default=RESOLUTIONS[0])


def heat(boxes: Sequence[Box], resolution: int) -> str:
    """A GeoJSON FeatureCollection of hexagons with their `count`.

    Those with fewer requests than their jurisdiction's `heat_minimum` are left out; `withheld` says how many.
    """
    spans = [_span(box, resolution) for box in boxes]
    i0, j0, i1, j1 = (list(numbers) for numbers in zip(*spans, strict=True))
    params: dict[str, Any] = {
        "resolution": resolution,
        "i0": i0,
        "j0": j0,
        "i1": i1,
        "j1": j1,
        "edge": EDGE / (1 << resolution),
    }
    with connection.cursor() as cursor:
        cursor.execute(_HEAT, params)
        return str(cursor.fetchone()[0])


def _span(box: Box, resolution: int) -> tuple[int, int, int, int]:
    """The first and last column and row of hexagons that may touch a box."""
    edge = EDGE / (1 << resolution)
    height = edge * math.sqrt(3)

    def metres(unit: int) -> float:
        return unit * _WORLD_METRES / (1 << BITS) - _WORLD_METRES / 2

    west, east = metres(unit_x(box.west)), metres(unit_x(box.east))
    south, north = -metres(unit_y(box.south)), -metres(unit_y(box.north))
    return (
        math.floor((west - edge) / (1.5 * edge)),
        math.floor(south / height - 1),
        math.ceil((east + edge) / (1.5 * edge)),
        math.ceil(north / height + 1),
    )
