"""Public requests in a box as one GeoJSON FeatureCollection (RFC 7946), written by the database in one statement."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from requests311.map.filters import Filters
from requests311.map.world import Box

_COLUMNS = "c.id, c.number, c.status, c.service_id, c.submitted_at, c.location"

#: `{{w}}` … are the edges of one box; the comparison of degrees is exact where `&&` rounds to 32 bits.
#: Within a CASE, or PostgreSQL would multiply four guesses and take a box over the whole city for an empty one.
_WITHIN = """
    c.visibility = 'public'
    AND CASE WHEN ST_X(c.location) >= {w} AND ST_X(c.location) <= {e}
             AND ST_Y(c.location) >= {s} AND ST_Y(c.location) <= {n} THEN true ELSE false END
    {kinds} {times}
"""
_BY_CELL = f"""
    SELECT found.*
    FROM unnest(%(x{{i}})s::int[], %(y{{i}})s::int[]) AS cell (x, y), LATERAL (
        SELECT {_COLUMNS} FROM requests311_servicerequest c
        WHERE requests311_cell_x(c.location) = cell.x AND requests311_cell_y(c.location) = cell.y AND {{within}}
        ORDER BY c.submitted_at DESC LIMIT {{rows}}
    ) found
"""  # noqa: S608 (our own constants, here and below)
_BY_BOX = f"""
    (SELECT {_COLUMNS} FROM requests311_servicerequest c
    WHERE c.location && ST_MakeEnvelope({{w}}, {{s}}, {{e}}, {{n}}, 4326) AND {{within}}
    ORDER BY c.submitted_at DESC LIMIT {{rows}})
"""  # noqa: S608

_COLLECTION = """
WITH newest AS MATERIALIZED (
    SELECT * FROM ({found}) found ORDER BY submitted_at DESC, id DESC LIMIT {rows}
)
SELECT '{{"type":"FeatureCollection","truncated":' || CASE WHEN count(*) > %(limit)s THEN 'true' ELSE 'false' END
    || ',"features":[' || COALESCE(string_agg(feature, ',' ORDER BY position) FILTER (WHERE position <= %(limit)s), '')
    || ']}}'
FROM (
    SELECT row_number() OVER (ORDER BY newest.submitted_at DESC, newest.id DESC) AS position,
        '{{"type":"Feature","id":"' || newest.id || '","geometry":{{"type":"Point","coordinates":['
        || ST_X(newest.location) || ',' || ST_Y(newest.location) || ']}},"properties":{{"number":"' || newest.number
        || '","status":"' || newest.status || '","service":"' || s.code || '","service_name":' || to_json(s.name)
        || ',"group":' || to_json(s."group") || ',"department":' || to_json(d.name)
        || ',"address":' || to_json(r.address) || ',"submitted_at":' || to_json(newest.submitted_at)
        || ',"updated_at":' || to_json(r.updated_at) || '}}}}' AS feature
    FROM newest
    JOIN requests311_servicerequest r ON r.id = newest.id
    JOIN requests311_service s ON s.id = newest.service_id
    JOIN requests311_department d ON d.id = r.department_id
) written
"""


def collection(boxes: Sequence[Box], filters: Filters, limit: int) -> str:
    """The newest `limit` requests that lie in any of the boxes; its member `truncated` says whether there are more."""
    params: dict[str, Any] = {**filters.params(), "limit": limit}
    # One row more than asked for tells whether there are more. Written out, or PostgreSQL guesses a tenth of all.
    rows = str(limit + 1)
    found = []
    for i, box in enumerate(boxes):
        sides = dict(zip("wsen", (box.west, box.south, box.east, box.north), strict=True))
        cells = box.cells()
        if cells is None:
            # Written out as well: whether time or place is the shorter way depends on this very box.
            edges = {name: f"{value!r}::float8" for name, value in sides.items()}
        else:
            edges = {name: f"%({name}{i})s::float8" for name in sides}
            params |= {f"{name}{i}": value for name, value in sides.items()}
            params |= {f"x{i}": [x for x, _ in cells], f"y{i}": [y for _, y in cells]}
        within = _WITHIN.format(kinds=filters.kinds("c"), times=filters.times("c"), **edges)
        way = _BY_BOX if cells is None else _BY_CELL
        found.append(way.format(i=i, within=within, rows=rows, **edges))
    with connection.cursor() as cursor:
        cursor.execute(_COLLECTION.format(found=" UNION ALL ".join(found), rows=rows), params)
        return str(cursor.fetchone()[0])
