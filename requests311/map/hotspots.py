"""Hot spots: many reports of one service, close together, in a short time.

DBSCAN over metres finds what is close; within each such place, reports that follow one another without a longer
pause belong together. A burst main, a power cut or a storm shows in minutes, before anybody has read them all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from requests311.actors import Actor
from requests311.errors import NotAllowed
from requests311.policies import Permission
from requests311.statuses import OPEN, Status

#: Reports that one answer looks at, the newest.
REPORTS = 20_000
#: Hot spots in an answer, the largest, and request numbers in each, the newest.
SPOTS, NUMBERS = 200, 20

#: They say themselves that nothing is there.
_NOT_COUNTED = (Status.REJECTED, Status.WITHDRAWN)

_SEEN = f"""
    SELECT r.id FROM requests311_servicerequest r
    WHERE {{where}} AND r.submitted_at >= %(since)s AND r.status <> ALL(%(not_counted)s) {{services}}
    ORDER BY r.submitted_at DESC LIMIT {REPORTS}
"""  # noqa: S608 (our own constants)
_OF_SERVICES = "AND r.service_id = ANY(ARRAY(SELECT id FROM requests311_service WHERE code = ANY(%(service)s)))"

# Metres are those of the UTM zone of each jurisdiction's middle: true to a thousandth across a city or a county.
_SPOTS = """
WITH seen (id) AS MATERIALIZED ({seen}),
zone AS MATERIALIZED (
    SELECT j.id AS jurisdiction_id,
           CASE WHEN ST_Y(middle) < 0 THEN 32700 ELSE 32600 END
               + least(60, floor((ST_X(middle) + 180) / 6)::int + 1) AS srid
    FROM requests311_jurisdiction j JOIN geo_area a ON a.id = j.boundary_id, ST_PointOnSurface(a.boundary) middle
),
placed AS MATERIALIZED (
    SELECT r.id, r.number, r.status, r.service_id, r.submitted_at, zone.srid,
           ST_Transform(r.location, zone.srid) AS place
    FROM seen JOIN requests311_servicerequest r ON r.id = seen.id
    JOIN zone ON zone.jurisdiction_id = r.jurisdiction_id
),
near AS (
    SELECT placed.*, ST_ClusterDBSCAN(place, eps := %(metres)s, minpoints := 3)
        OVER (PARTITION BY service_id, srid) AS cluster
    FROM placed
),
paused AS (
    SELECT near.*, (submitted_at - lag(submitted_at) OVER one > make_interval(hours => %(hours)s))::int AS pause
    FROM near WHERE cluster IS NOT NULL
    WINDOW one AS (PARTITION BY service_id, srid, cluster ORDER BY submitted_at, id)
),
told AS (
    SELECT paused.*, COALESCE(sum(pause) OVER one, 0) AS turn
    FROM paused WINDOW one AS (PARTITION BY service_id, srid, cluster ORDER BY submitted_at, id)
),
spots AS (
    SELECT service_id, srid, count(*) AS n, count(*) FILTER (WHERE status = ANY(%(open)s)) AS open,
           min(submitted_at) AS first_at, max(submitted_at) AS last_at, ST_Centroid(ST_Collect(place)) AS middle,
           ST_Collect(place) AS places, (array_agg(number ORDER BY submitted_at DESC, id DESC))[1:{numbers}] AS numbers
    FROM told GROUP BY service_id, srid, cluster, turn
    HAVING count(*) >= %(reports)s
    ORDER BY n DESC, last_at DESC LIMIT {spots}
)
SELECT '{{"type":"FeatureCollection","truncated":' || (SELECT count(*) >= {rows} FROM seen) || ',"features":['
    || COALESCE(string_agg(
        '{{"type":"Feature","geometry":' || ST_AsGeoJSON(ST_Transform(middle, 4326), 6)
        || ',"properties":' || json_build_object(
            'jurisdiction', j.code, 'service', s.code, 'service_name', s.name, 'group', s."group",
            'count', n, 'open', open,
            'radius_metres', ceil(ST_MaxDistance(middle, places)),
            'first_at', first_at, 'last_at', last_at, 'numbers', numbers
        ) || '}}', ',' ORDER BY n DESC, last_at DESC), '') || ']}}'
FROM spots JOIN requests311_service s ON s.id = service_id JOIN requests311_jurisdiction j ON j.id = s.jurisdiction_id
"""


@dataclass(frozen=True)
class HotSpots:
    """What counts as one: at least `reports` of a service, each within `metres` of the next, no pause over `hours`."""

    since: datetime
    metres: int
    hours: int
    reports: int
    service: Sequence[str] | None = None


def hot_spots(by: Actor, wanted: HotSpots) -> str:
    """A GeoJSON FeatureCollection of points, the largest first, private reports included.

    Only where a membership of `by` allows it; raises NotAllowed where none does. `truncated`: only the newest
    20,000 reports were looked at.
    """
    where = by.may(Permission.READ_HOT_SPOTS)
    if not by.has(Permission.READ_HOT_SPOTS):
        raise NotAllowed("Hot spots are for dispatchers; your role does not show them.")
    # The condition's parameters stand in order, ours have names.
    named = {f"p{place}": value for place, value in enumerate(where.params)}
    seen = _SEEN.format(
        where=where.sql() % tuple(f"%({name})s" for name in named),
        services="" if wanted.service is None else _OF_SERVICES,
    )
    sql = _SPOTS.format(seen=seen, numbers=NUMBERS, spots=SPOTS, rows=REPORTS)
    with connection.cursor() as cursor:
        cursor.execute(
            sql,
            {
                **named,
                "since": wanted.since,
                "not_counted": sorted(_NOT_COUNTED),
                "service": list(wanted.service or ()),
                "metres": wanted.metres,
                "hours": wanted.hours,
                "reports": wanted.reports,
                "open": sorted(OPEN),
            },
        )
        return str(cursor.fetchone()[0])
