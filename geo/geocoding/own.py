"""The city's own address points: what is near a place, and what a person may mean by what they type.

One statement each, which also writes the JSON; no network. Coordinates are WGS 84 degrees, distances metres.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import Point
from django.db import connection

from geo.street_names import readings

#: Further away an address does not say where a place is.
RADIUS_METRES = 500
#: Share of what was typed that an address must have; below it is another address.
LEAST_FIT = 0.4
#: Share from which on an address may well be what was meant.
GOOD_FIT = 0.6
#: Streets that are looked at closely for each way to read what was typed.
STREETS = 200

_DOCUMENT = """jsonb_build_object(
    'label', label, 'number', number, 'street', street, 'unit', unit, 'city', city, 'region', region,
    'postcode', postcode, 'location', jsonb_build_object('latitude', ST_Y(place), 'longitude', ST_X(place)),
    'distance', round(metres::numeric, 1), 'source', 'city'
)"""

# Nearest by degrees is not nearest by metres, since a degree of longitude is shorter than one of latitude. But the
# metres to the last of the nearest by degrees bound where the nearest by metres can be: a box, small in both.
_NEAREST = f"""
WITH here AS (SELECT ST_SetSRID(ST_MakePoint(%(longitude)s, %(latitude)s), 4326) AS point),
reach AS (
    SELECT LEAST(%(radius)s, COALESCE(max(ST_Distance(place::geography, point::geography)), 0) + 0.01) AS metres
    FROM here, LATERAL (SELECT place FROM geo_address ORDER BY place <-> here.point LIMIT %(limit)s) a
),
box AS (
    SELECT ST_Expand(point, metres / (111000 * GREATEST(cos(radians(LEAST(abs(ST_Y(point)) + 0.01, 90))), 0.001)),
                     metres / 110500) AS shape
    FROM here, reach
),
found AS (
    SELECT a.label, a.number, s.name AS street, a.unit, s.city, s.region, s.postcode, a.place, a.id,
           ST_Distance(a.place::geography, here.point::geography) AS metres
    FROM here, geo_address a JOIN geo_street s ON s.id = a.street_id
    WHERE a.place && (SELECT shape FROM box)
)
SELECT COALESCE(jsonb_agg({_DOCUMENT} ORDER BY metres, number, unit, id), '[]')::text, NULL::float
FROM (SELECT * FROM found WHERE metres <= %(radius)s ORDER BY metres, number, unit, id LIMIT %(limit)s) f
"""  # noqa: S608 (our own constants; what comes from outside are parameters)

# Every reading of what was typed finds streets by the trigrams of their names, the nearest first by the index. Of
# those it is measured how much of all that was typed, city and postcode too, is in them; then come house numbers.
_SEARCH = f"""
WITH here AS (SELECT ST_SetSRID(ST_MakePoint(%(longitude)s, %(latitude)s), 4326) AS point),
reading AS MATERIALIZED (
    SELECT *, cardinality(show_trgm(rest)) AS trigrams
    FROM unnest(%(numbers)s::text[], %(rests)s::text[], %(cores)s::text[])
        WITH ORDINALITY r (number, rest, core, nth)
),
near AS MATERIALIZED (
    SELECT r.number, r.nth, length(r.rest) AS typed, s.*,
           similarity(r.rest, s.search) AS alike, r.trigrams AS of_typed
    FROM reading r CROSS JOIN LATERAL (
        SELECT id, name, city, region, postcode, search, trigrams, place FROM geo_street
        ORDER BY core <->> r.core LIMIT {STREETS}
    ) s
),
fitting AS (
    SELECT near.*, LEAST(alike * (trigrams + of_typed) / (1 + alike) / of_typed, 1) AS fit FROM near
),
ranked AS (
    SELECT fitting.*, row_number() OVER (
        PARTITION BY nth ORDER BY fit DESC, fitting.place <-> here.point, length(search), fitting.id
    ) AS place_in_row
    FROM fitting, here WHERE fit >= %(least)s
),
found AS (
    SELECT a.*, r.name AS street, r.city, r.region, r.postcode, length(r.search) AS longer, CASE
        WHEN r.number = '' THEN r.fit
        ELSE (r.typed * r.fit + length(r.number) * CASE WHEN a.number_search = r.number THEN 1 ELSE 0.9 END)
             / (r.typed + length(r.number))
        END - 0.02 * (r.nth - 1) AS score
    FROM ranked r, here, LATERAL (
        (SELECT id, label, number, number_search, unit, place FROM geo_address
         WHERE r.number <> '' AND street_id = r.id
         AND number_search >= r.number AND number_search < r.number || chr(1114111)
         ORDER BY number_search, unit LIMIT %(limit)s)
        UNION ALL
        (SELECT id, label, number, number_search, unit, place FROM geo_address
         WHERE r.number = '' AND street_id = r.id AND r.place_in_row <= %(limit)s
         ORDER BY place <-> here.point, number_search, unit LIMIT %(limit)s)
    ) a
),
once AS (SELECT DISTINCT ON (id) * FROM found ORDER BY id, score DESC),
best AS (
    SELECT once.*, ST_Distance(place::geography, point::geography) AS metres FROM once, here
    ORDER BY score DESC, metres, longer, number_search, unit, id LIMIT %(limit)s
)
SELECT COALESCE(jsonb_agg({_DOCUMENT} ORDER BY score DESC, metres, longer, number_search, unit, id), '[]')::text,
       max(score)
FROM best
"""  # noqa: S608 (our own constants; what comes from outside are parameters)


@dataclass(frozen=True)
class Found:
    """Addresses as a JSON array, the likeliest first, and whether what was meant may well be among them."""

    json: str
    good: bool


def nearest(point: Point, *, limit: int) -> Found:
    """Addresses within RADIUS_METRES, the nearest first."""
    text, _ = _ask(_NEAREST, longitude=point.x, latitude=point.y, radius=RADIUS_METRES, limit=limit)
    return Found(text, good=text != "[]")


def search(text: str, *, near: Point | None, limit: int) -> Found:
    """Addresses like the text, of equally like ones those nearer to `near` first."""
    ways = readings(text)
    if not ways:
        return Found("[]", good=False)
    json, score = _ask(
        _SEARCH,
        numbers=[way.number for way in ways],
        rests=[way.rest for way in ways],
        cores=[way.core for way in ways],
        longitude=near.x if near else None,
        latitude=near.y if near else None,
        least=LEAST_FIT,
        limit=limit,
    )
    return Found(json, good=score is not None and score >= GOOD_FIT)


def _ask(sql: str, **parameters: Any) -> tuple[str, float | None]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        text, score = cursor.fetchone()
    return text, score
