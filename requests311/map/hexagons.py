"""The heat map's hexagons: flat-topped, on the plane of Web Mercator, numbered as PostGIS' ST_Hexagon does.

Not H3: its index can only be computed by an extension that managed PostgreSQL and Debian lack, or in Python,
and then not within the statement that keeps the counts. ST_HexagonGrid would look at every request again.
"""

#: From the coarsest to the finest; an edge has EDGE / 2^resolution metres of Web Mercator (at 40° 0.77 of that).
RESOLUTIONS = range(6)
EDGE = 12_800.0

_WORLD_METRES = 40_075_016.685578488

_UNIT = f"{_WORLD_METRES / 2**30!r}::float8"
_HALF = f"{_WORLD_METRES / 2!r}::float8"

#: SQL: `resolution` and world_x, world_y → i, j. Two columns of hexagons come into question; the nearer centre has it.
#: All in float8, since numeric is twenty times slower; OFFSET 0 keeps each step from being written out in the next.
HEXAGON = f"""
LATERAL (SELECT {EDGE}::float8 / (1 << resolution) AS edge, world_x * {_UNIT} - {_HALF} AS mx,
                {_HALF} - world_y * {_UNIT} AS my OFFSET 0) metres,
LATERAL (SELECT edge * sqrt(3::float8) AS height, edge * 1.5::float8 AS width,
                floor(mx / (edge * 1.5::float8))::int AS i0 OFFSET 0) strip,
LATERAL (SELECT round(my / height - (i0 & 1) * 0.5::float8)::int AS j0,
                round(my / height - ((i0 + 1) & 1) * 0.5::float8)::int AS j1 OFFSET 0) rows,
LATERAL (SELECT mx - i0 * width AS x0, my - (j0 + (i0 & 1) * 0.5::float8) * height AS y0,
                mx - (i0 + 1) * width AS x1, my - (j1 + ((i0 + 1) & 1) * 0.5::float8) * height AS y1 OFFSET 0) off,
LATERAL (SELECT CASE WHEN x0 * x0 + y0 * y0 <= x1 * x1 + y1 * y1 THEN i0 ELSE i0 + 1 END AS i,
                CASE WHEN x0 * x0 + y0 * y0 <= x1 * x1 + y1 * y1 THEN j0 ELSE j1 END AS j OFFSET 0) hexagon
"""
