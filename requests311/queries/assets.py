"""The city's things as JSON text built by the database: near a place, one of them, and what was reported of it."""

from uuid import UUID

from django.contrib.gis.geos import Point
from django.db import connection

from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.models import ServiceRequest
from requests311.queries.documents import request_documents
from requests311.statuses import OPEN

#: The newest reports of an asset that its page shows; GET /requests?asset= pages through all.
SHOWN = 20

_OPEN = sorted(status.value for status in OPEN)

#: What everybody may know: private reports are not counted, or the count would tell that there are some.
_ENTRY = """
    'id', a.id,
    'jurisdiction', j.code,
    'kind', a.kind,
    'code', a.code,
    'name', a.name,
    'location', json_build_object('latitude', ST_Y(a.place), 'longitude', ST_X(a.place)),
    'open_requests', (
        SELECT count(*) FROM requests311_servicerequest r
        WHERE r.asset_id = a.id AND r.visibility = 'public' AND r.status = ANY(%s::text[])
    )
"""

# KNN over the geography's index: it gives the nearest by metres first, so no more rows are read than are shown.
_NEAR = f"""
SELECT COALESCE(json_agg(json_build_object({_ENTRY}, 'distance', round(a.metres::numeric, 1))
    ORDER BY a.metres, a.id), '[]')::text
FROM (
    SELECT a.*, ST_Distance(geography(a.place), here.point) AS metres
    FROM (SELECT geography(ST_SetSRID(ST_MakePoint(%s::float8, %s::float8), 4326)) AS point) here
    CROSS JOIN geo_asset a
    WHERE a.retired_at IS NULL AND (%s::text = '' OR a.kind = %s)
        AND ST_DWithin(geography(a.place), here.point, %s::float8)
    ORDER BY geography(a.place) <-> here.point
    LIMIT %s
) a
JOIN requests311_jurisdiction j ON j.boundary_id = a.jurisdiction_id
"""  # noqa: S608 (our own constants; what comes from outside are parameters)

_ONE = f"""
SELECT json_build_object({_ENTRY}, 'retired_at', a.retired_at)::text
FROM geo_asset a JOIN requests311_jurisdiction j ON j.boundary_id = a.jurisdiction_id
WHERE a.id = %s
"""  # noqa: S608 (our own constants; what comes from outside are parameters)


def assets_near(point: Point, *, radius: float, limit: int, kind: str = "") -> str:
    """A JSON array, nearest first, of what stands within `radius` metres; `distance` is in metres on the ellipsoid."""
    with connection.cursor() as cursor:
        cursor.execute(_NEAR, [_OPEN, point.x, point.y, kind, kind, radius, limit])
        return str(cursor.fetchone()[0])


def asset_with_requests(id: UUID, *, actor: Actor, base_url: str) -> str | None:
    """One asset, a retired one too, as a JSON object with its newest requests; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_ONE, [_OPEN, id])
        row = cursor.fetchone()
    if row is None:
        return None
    requests = _newest(of_asset(id), actor=actor, base_url=base_url)
    return f'{row[0][:-1]}, "requests": {requests}}}'


def earlier_requests(key: str, *, actor: Actor, base_url: str) -> str | None:
    """A JSON array of what was reported of the same asset before the request with this id or number.

    None where that request is absent or not the caller's to see.
    """
    request = ServiceRequest.objects.visible_to(actor).by_id_or_number(key).only("pk", "asset").first()
    if request is None:
        return None
    if request.asset_id is None:
        return "[]"
    return _newest(of_asset(request.asset_id), Condition("{r}.id < %s", request.pk), actor=actor, base_url=base_url)


def of_asset(id: UUID) -> Condition:
    """The requests that name this asset."""
    return Condition("{r}.asset_id = %s", id)


def _newest(*conditions: Condition, actor: Actor, base_url: str) -> str:
    """A JSON array of the newest SHOWN requests that meet the conditions, as far as the caller may see them."""
    found = request_documents(actor.sees(), *conditions, actor=actor, base_url=base_url, limit=SHOWN)
    return f"[{found.page(SHOWN).text}]"
