"""Keeps the map's counts: folds the journal into them, or counts everything anew.

One at a time, by an advisory lock; requests never wait for either. A read takes counts and journal in one
statement, so that both folding and dying half-way leave every answer exact.
"""

from itertools import pairwise
from time import monotonic
from typing import Any

from django.db import connection, transaction

from requests311.map.filters import SPANS
from requests311.map.hexagons import HEXAGON, RESOLUTIONS

#: Levels of the cells that are kept; the map shows no others.
LEVELS = (6, 8, 10, 12, 14, 16)
#: Lines of the journal that one transaction takes: some tenths of a second.
BATCH = 5_000

_LOCK = 0x311_3A9

_JOURNAL = """
    DELETE FROM requests311_mapchange
    WHERE id IN (SELECT id FROM requests311_mapchange ORDER BY id LIMIT %(limit)s)
    RETURNING world_x, world_y, service_id, status, day, n
"""

_REQUESTS = """
    SELECT requests311_world_x(location) AS world_x, requests311_world_y(location) AS world_y, service_id, status,
           requests311_day(submitted_at) AS day, 1 AS n
    FROM requests311_servicerequest WHERE visibility = 'public'
"""

# Grouped finely first: most of what comes together lies together.
_ADD = f"""
WITH {{first}} source AS MATERIALIZED ({{source}}),
fine AS MATERIALIZED (
    SELECT world_x >> 14 AS x, world_y >> 14 AS y, service_id, status, day >> 6 AS block, sum(n) AS n,
           sum(n * world_x::bigint) AS sum_x, sum(n * world_y::bigint) AS sum_y
    FROM source GROUP BY 1, 2, 3, 4, 5
),
counted AS (
    INSERT INTO requests311_mapcount AS c (level, span, block, x, y, service_id, status, n, sum_x, sum_y)
    SELECT level, span, CASE span WHEN 0 THEN 0 ELSE block / (span / 64) END, x >> (16 - level), y >> (16 - level),
           service_id, status, sum(n), sum(sum_x), sum(sum_y)
    FROM fine, unnest(%(levels)s::int[]) AS level, unnest(%(spans)s::int[]) AS span
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    HAVING sum(n) <> 0 OR sum(sum_x) <> 0 OR sum(sum_y) <> 0
    ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (level, span, block, x, y, service_id, status) DO UPDATE
    SET n = c.n + EXCLUDED.n, sum_x = c.sum_x + EXCLUDED.sum_x, sum_y = c.sum_y + EXCLUDED.sum_y
    RETURNING ctid, n
),
warmed AS (
    INSERT INTO requests311_heatcount AS h (resolution, i, j, jurisdiction_id, n)
    SELECT resolution, i, j, jurisdiction_id, sum(n)
    FROM (
        SELECT world_x, world_y, jurisdiction_id, sum(n) AS n
        FROM source JOIN requests311_service s ON s.id = service_id
        GROUP BY 1, 2, 3 HAVING sum(n) <> 0
    ) place, unnest(%(resolutions)s::int[]) AS resolution, {HEXAGON}
    GROUP BY 1, 2, 3, 4
    HAVING sum(n) <> 0
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (resolution, i, j, jurisdiction_id) DO UPDATE SET n = h.n + EXCLUDED.n
)
SELECT (SELECT count(*) FROM source), (SELECT array_agg(ctid) FROM counted WHERE n = 0)
"""  # noqa: S608 (our own constants)

_FOLD = _ADD.format(first="", source=_JOURNAL)
# One snapshot sees a request if and only if it sees its line in the journal.
_RECOUNT = _ADD.format(first="gone AS (DELETE FROM requests311_mapchange),", source=_REQUESTS)

_WIDER = """
    INSERT INTO requests311_mapcount (level, span, block, x, y, service_id, status, n, sum_x, sum_y)
    SELECT level, %(span)s, CASE %(span)s WHEN 0 THEN 0 ELSE block * %(narrow)s / %(span)s END, x, y, service_id,
           status, sum(n), sum(sum_x), sum(sum_y)
    FROM requests311_mapcount WHERE level = %(level)s AND span = %(narrow)s GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
_COARSER = """
    INSERT INTO requests311_mapcount (level, span, block, x, y, service_id, status, n, sum_x, sum_y)
    SELECT %(coarse)s, span, block, x >> 2, y >> 2, service_id, status, sum(n), sum(sum_x), sum(sum_y)
    FROM requests311_mapcount WHERE level = %(fine)s GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

_EMPTY = "DELETE FROM requests311_mapcount WHERE ctid = ANY(%s::tid[]) AND n = 0"


def fold(limit: int = BATCH) -> int:
    """Adds the oldest `limit` lines of the journal to the counts; how many there were, 0 if another one folds."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_FOLD, _params(limit=limit))
        taken, empty = cursor.fetchone()
        if empty:
            cursor.execute(_EMPTY, [empty])
    return int(taken)


def fold_all(seconds: float) -> int:
    """Folds until the journal is empty or the time is over; how many lines there were."""
    until = monotonic() + seconds
    total = 0
    while taken := fold(BATCH):
        total += taken
        if taken < BATCH or monotonic() > until:
            break
    return total


def recount() -> int:
    """Counts all public requests anew; how many there are. For a first filling, and after a bulk load.

    Takes a minute or so for a million, during which the map shows the counts of before.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '256MB'")
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute("DELETE FROM requests311_mapcount")
        cursor.execute("DELETE FROM requests311_heatcount")
        short, long = SPANS
        cursor.execute(_RECOUNT, _params(levels=[LEVELS[-1]], spans=[short]))
        total = int(cursor.fetchone()[0])
        # The rest adds up what is added up already: a tenth of counting every request eighteen times.
        for narrow, span in ((short, long), (long, 0)):
            cursor.execute(_WIDER, {"level": LEVELS[-1], "narrow": narrow, "span": span})
        for coarse, fine in reversed(list(pairwise(LEVELS))):
            cursor.execute(_COARSER, {"coarse": coarse, "fine": fine})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE requests311_mapcount, requests311_heatcount")
    return total


def _params(**more: Any) -> dict[str, Any]:
    return {"levels": list(LEVELS), "spans": [0, *SPANS], "resolutions": list(RESOLUTIONS), **more}
