"""The heat map's hexagons: flat-topped, on the plane of Web Mercator, numbered as PostGIS' ST_Hexagon does.

Not H3: its index can only be computed by an extension that managed PostgreSQL and Debian lack, or in Python,
and then not within the statement that keeps the counts. ST_HexagonGrid would look at every request again.
"""

#: From the coarsest to the finest; an edge has EDGE / 2^resolution metres of Web Mercator (at 40° 0.77 of that).
RESOLUTIONS = range(6)
EDGE = 12_800.0

_WORLD_METRES = 40_075_016.685578488

#: SQL: `resolution` and world_x, world_y → i, j. Two columns of hexagons come into question; the nearer centre has it.
HEXAGON = f"""
LATERAL (SELECT {EDGE} / (1 << resolution) AS edge, world_x * {_WORLD_METRES / 2**30!r} - {_WORLD_METRES / 2} AS mx,
                {_WORLD_METRES / 2} - world_y * {_WORLD_METRES / 2**30!r} AS my) metres,
LATERAL (SELECT edge * sqrt(3.0::float8) AS height, floor(mx / (1.5 * edge))::int AS i0) strip,
LATERAL (SELECT round(my / height - (i0 & 1) * 0.5)::int AS j0,
                round(my / height - ((i0 + 1) & 1) * 0.5)::int AS j1) rows,
LATERAL (SELECT (mx - i0 * 1.5 * edge) ^ 2 + (my - (j0 + (i0 & 1) * 0.5) * height) ^ 2
              <= (mx - (i0 + 1) * 1.5 * edge) ^ 2 + (my - (j1 + ((i0 + 1) & 1) * 0.5) * height) ^ 2 AS first) nearer,
LATERAL (SELECT CASE WHEN first THEN i0 ELSE i0 + 1 END AS i, CASE WHEN first THEN j0 ELSE j1 END AS j) hexagon
"""
