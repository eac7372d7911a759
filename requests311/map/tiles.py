"""Vector tiles (Mapbox Vector Tile 2.1) of the public requests, written by the database in one statement.

Below zoom 14 a tile has the layer `clusters`, from the counts. From zoom 14 on it has the layer `requests`, the
newest as points; what of a tile does not fit is in `clusters` as below, so nothing is dropped silently.
"""

from django.db import connection

from requests311.map.counts import LEVELS
from requests311.map.filters import Filters
from requests311.map.world import BITS, FINEST, Tile
from requests311.statuses import OPEN

#: From this zoom on requests are points.
POINTS_FROM = 14
#: Points in a tile, at most.
POINTS = 500
#: Bytes that points may take. A point takes less than _POINT_BYTES besides the texts of service and group, which
#: are counted as if no two points shared them; 64 clusters with the longest of names take 27 kB.
_POINTS_BYTES = 70_000
_POINT_BYTES = 96

#: Counts, and what of the journal is not folded yet.
_COUNTS = """
    SELECT c.x >> {up} AS x, c.y >> {up} AS y, c.service_id, c.status, c.n, c.sum_x::float8 AS sum_x,
           c.sum_y::float8 AS sum_y
    FROM requests311_mapcount c
    WHERE c.level = {level} AND {blocks} AND c.x = ANY(%(cells_x)s) AND c.y >= %(cells_top)s AND c.y <= %(cells_bottom)s
        {kinds} AND {needed}
"""
_JOURNAL = """
    SELECT c.world_x >> {shift}, c.world_y >> {shift}, c.service_id, c.status, c.n, c.n * c.world_x::float8,
           c.n * c.world_y::float8
    FROM requests311_mapchange c
    WHERE c.world_x >= %(west)s AND c.world_x < %(east)s AND c.world_y >= %(north)s AND c.world_y < %(south)s
        {kinds} {days} AND {needed}
"""
_IN_TILE = """
    requests311_world_x(c.location) >= %(west)s AND requests311_world_x(c.location) < %(east)s
    AND requests311_world_y(c.location) >= %(north)s AND requests311_world_y(c.location) < %(south)s
"""
#: OFFSET 0, so that each place is reckoned once and not for every comparison.
_REQUESTS = """
    SELECT world_x >> {shift}, world_y >> {shift}, service_id, status, 1, world_x::float8, world_y::float8
    FROM (
        SELECT c.service_id, c.status, requests311_world_x(c.location) AS world_x,
               requests311_world_y(c.location) AS world_y
        FROM requests311_servicerequest c
        WHERE c.visibility = 'public' {where} {kinds} AND {needed}
        OFFSET 0
    ) placed
    WHERE world_x >= %(west)s AND world_x < %(east)s AND world_y >= %(north)s AND world_y < %(south)s
"""

_PLACE = "ST_MakePoint(({x} - %(west)s) * 4096.0::float8 / %(size)s, ({y} - %(north)s) * 4096.0::float8 / %(size)s)"

_CLUSTERS = f"""
    SELECT ST_AsMVT(feature, 'clusters', 4096, 'place')
    FROM (
        SELECT {_PLACE.format(x="sum(sum_x) / sum(n)", y="sum(sum_y) / sum(n)")} AS place,
               sum(n)::bigint AS count, sum(open)::bigint AS open, (sum(n) - sum(open))::bigint AS closed,
               (array_agg("group" ORDER BY n DESC, "group"))[1] AS "group", max(n)::bigint AS group_count
        FROM (
            SELECT x, y, s."group", sum(n) AS n, sum(sum_x) AS sum_x, sum(sum_y) AS sum_y, sum(open) AS open
            FROM (
                -- Added up before services are joined: PostgreSQL takes `rows` for few and compares each with each.
                SELECT x, y, service_id, sum(n) AS n, sum(sum_x) AS sum_x, sum(sum_y) AS sum_y,
                       COALESCE(sum(n) FILTER (WHERE status = ANY(%(open)s)), 0) AS open
                FROM rows GROUP BY 1, 2, 3 OFFSET 0
            ) added JOIN requests311_service s ON s.id = added.service_id
            GROUP BY 1, 2, 3 HAVING sum(n) > 0
        ) grouped
        GROUP BY x, y
        ORDER BY x, y
    ) feature
"""  # noqa: S608

_POINTS = f"""
newest AS MATERIALIZED (
    SELECT found.*
    FROM unnest(%(cells_x)s::int[]) AS x, generate_series(%(cells_top)s::int, %(cells_bottom)s::int) AS y, LATERAL (
        SELECT c.id, c.number, c.status, c.service_id, c.submitted_at,
               requests311_world_x(c.location) AS world_x, requests311_world_y(c.location) AS world_y
        FROM requests311_servicerequest c
        WHERE c.visibility = 'public' AND requests311_cell_x(c.location) = x AND requests311_cell_y(c.location) = y
            {{within}} {{kinds}} {{times}}
        ORDER BY c.submitted_at DESC LIMIT {POINTS + 1}
    ) found
    ORDER BY found.submitted_at DESC, found.id DESC LIMIT {POINTS + 1}
),
weighed AS MATERIALIZED (
    SELECT newest.*, s.code, s."group",
           sum({_POINT_BYTES} + octet_length(s.code) + octet_length(s."group")) OVER newest_first AS bytes,
           row_number() OVER newest_first AS position
    FROM newest JOIN requests311_service s ON s.id = newest.service_id
    WINDOW newest_first AS (ORDER BY submitted_at DESC, newest.id DESC)
),
points AS MATERIALIZED (SELECT * FROM weighed WHERE position <= {POINTS} AND bytes <= {_POINTS_BYTES}),
cut AS MATERIALIZED (SELECT (SELECT count(*) FROM points) < (SELECT count(*) FROM weighed) AS cut)
"""  # noqa: S608

_POINTS_LAYER = f"""
    SELECT ST_AsMVT(feature, 'requests', 4096, 'place')
    FROM (
        SELECT {_PLACE.format(x="world_x", y="world_y")} AS place, id::text AS id, number, status, code AS service,
               "group", greatest(0, extract(epoch FROM now() - submitted_at)::bigint / 86400) AS age
        FROM points ORDER BY submitted_at DESC, id DESC
    ) feature
"""  # noqa: S608

#: Points are taken off what is counted, so that nobody is counted twice.
_SHOWN = """
    SELECT world_x >> {shift}, world_y >> {shift}, service_id, status, -1, -world_x::float8, -world_y::float8
    FROM points WHERE {needed}
"""


def tile(place: Tile, filters: Filters) -> bytes:
    """The tile's bytes, empty where nothing public lies; at most 100 kB."""
    sql = _points_tile(place, filters) if place.z >= POINTS_FROM else _clusters_tile(place, filters)
    level = _level(place)
    columns, lines = place.cells(level)
    params = {
        **filters.params(),
        **place.bounds(),
        "size": 1 << (BITS - place.z),
        "cells_x": list(columns),
        "cells_top": lines[0],
        "cells_bottom": lines[-1],
        "open": sorted(OPEN),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return bytes(cursor.fetchone()[0])


def shown_level(z: int) -> int:
    """Level of the cells that clusters stand for: 8 × 8 in a tile of odd zoom, 4 × 4 of even; one from 17 on."""
    return min(z + 2 + z % 2, FINEST) if z <= FINEST else z


def _level(place: Tile) -> int:
    """The coarsest level of counts that can be added up to what is shown."""
    return next((level for level in LEVELS if level >= shown_level(place.z)), FINEST)


def _clusters_tile(place: Tile, filters: Filters) -> str:
    return f"WITH rows AS ({_counted(place, filters, 'true')}) {_CLUSTERS}"


def _points_tile(place: Tile, filters: Filters) -> str:
    cut = "(SELECT cut FROM cut)"
    shift = BITS - shown_level(place.z)
    within = f"AND {_IN_TILE}" if place.z > FINEST else ""
    newest = _POINTS.format(within=within, kinds=filters.kinds("c"), times=filters.times("c"))
    if place.z <= FINEST:
        counted = _counted(place, filters, cut)
    else:
        cell = (
            "AND requests311_cell_x(c.location) = (%(cells_x)s::int[])[1] "
            "AND requests311_cell_y(c.location) = %(cells_top)s "
        )
        counted = _REQUESTS.format(shift=shift, where=cell + filters.times("c"), kinds=filters.kinds("c"), needed=cut)
    rows = f"{counted} UNION ALL {_SHOWN.format(shift=shift, needed=cut)}"
    return (
        f"WITH {newest}, rows (x, y, service_id, status, n, sum_x, sum_y) AS ({rows}) "
        f"SELECT ({_POINTS_LAYER}) || ({_CLUSTERS})"
    )


def _counted(place: Tile, filters: Filters, needed: str) -> str:
    """What the tile holds. With `since`: whole blocks from the counts, the begun one from the requests themselves."""
    level = _level(place)
    shift = BITS - shown_level(place.z)
    kinds = filters.kinds("c")

    def counts(blocks: str) -> str:
        return _COUNTS.format(up=level - shown_level(place.z), level=level, blocks=blocks, kinds=kinds, needed=needed)

    if filters.since is None:
        parts = [counts("c.span = 0 AND c.block = 0")]
        days = ""
    else:
        begun = f"{filters.times('c')} AND c.submitted_at < to_timestamp(%(whole)s)"
        parts = [
            counts("c.span = 64 AND c.block = ANY(%(short)s)"),
            counts("c.span = 512 AND c.block = ANY(%(long)s)"),
            _REQUESTS.format(shift=shift, where=begun, kinds=kinds, needed=needed),
        ]
        days = "AND c.day >= %(whole_day)s"
    parts.append(_JOURNAL.format(shift=shift, kinds=kinds, days=days, needed=needed))
    return " UNION ALL ".join(parts)
