"""Requests on a map for tests, the slow and obvious way of counting them, and a reader of vector tiles."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import shapely
from django.contrib.gis.geos import Point
from django.utils import timezone
from pyogrio import list_layers
from pyogrio.raw import read as read_layer

from requests311.map.filters import Filters
from requests311.map.world import BITS, Tile, unit_x, unit_y
from requests311.models import ServiceRequest
from requests311.statuses import OPEN, Status
from tests.factories.cities import SmallCity
from tests.requests311.reporting import request_row

ENDED = ("closed", "rejected", "duplicate", "withdrawn")


def put(city: SmallCity, longitude: float, latitude: float, **fields: Any) -> ServiceRequest:
    """One request there, straight into the table."""
    [row] = put_all([row_at(city, longitude, latitude, **fields)])
    return row


def put_all(rows: Sequence[ServiceRequest]) -> list[ServiceRequest]:
    return ServiceRequest.objects.bulk_create(rows, batch_size=2000)


def row_at(city: SmallCity, longitude: float, latitude: float, *, days: float = 0, **fields: Any) -> ServiceRequest:
    """A row, `days` days old; not saved."""
    at = timezone.now() - timedelta(days=days)
    if fields.get("status") in ENDED:
        fields["closed_at"] = at
    if isinstance(fields.get("service"), str):
        fields["service"] = city.services[fields["service"]]
    values = {"location": Point(longitude, latitude, srid=4326), "submitted_at": at, "updated_at": at}
    return request_row(city, **{**values, **fields})


def anywhere(city: SmallCity, dice: random.Random) -> ServiceRequest:
    """A row somewhere in the city, of any kind and age; not saved."""
    return row_at(
        city,
        city.origin[0] + dice.random() * 0.2,
        city.origin[1] + dice.random() * 0.2,
        days=dice.random() ** 3 * 2500,
        service=dice.choice(["pothole", "streetlight", "graffiti", "heating"]),
        status=dice.choice(["submitted", "on_hold", "closed", "withdrawn"]),
        visibility=dice.choice(["public", "public", "public", "private"]),
    )


def several(city: SmallCity, number: int, *, seed: int) -> list[ServiceRequest]:
    dice = random.Random(seed)
    return [anywhere(city, dice) for _ in range(number)]


def tile_of(longitude: float, latitude: float, z: int) -> Tile:
    return Tile(z, unit_x(longitude) >> (BITS - z), unit_y(latitude) >> (BITS - z))


def unpacked(data: bytes) -> dict[str, list[dict[str, Any]]]:
    """The layers of a vector tile as GDAL reads them: the features' properties, and `at` in tile units."""
    layers: dict[str, list[dict[str, Any]]] = {}
    if not data:
        return layers
    for name, _ in list_layers(data):
        meta, _, shapes, values = read_layer(data, layer=name)
        places = [(shape.x, shape.y) for shape in shapely.from_wkb(shapes)]
        columns = dict(zip(meta["fields"], values, strict=True))
        layers[name] = [
            {"at": place, **{field: _plain(column[i]) for field, column in columns.items() if field != "mvt_id"}}
            for i, place in enumerate(places)
        ]
    return layers


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


@dataclass(frozen=True)
class Seen:
    """A public request as the slow way reads it, once for all questions."""

    row: ServiceRequest
    x: int
    y: int


def public() -> list[Seen]:
    """The public requests, one by one from the table."""
    rows = ServiceRequest.objects.filter(visibility="public").select_related("service")
    return [Seen(row, unit_x(row.location.x), unit_y(row.location.y)) for row in rows]


def matching(seen: Sequence[Seen], filters: Filters, place: Tile) -> list[Seen]:
    """Those that a tile must show."""
    shift = BITS - place.z
    return [
        one
        for one in seen
        if (one.x >> shift, one.y >> shift) == (place.x, place.y)
        and (filters.status is None or one.row.status in filters.status)
        and (filters.service is None or one.row.service.code in filters.service)
        and (filters.group is None or one.row.service.group in filters.group)
        and (filters.since is None or one.row.submitted_at >= filters.since)
    ]


def clusters_of(
    seen: Sequence[Seen], filters: Filters, place: Tile, level: int
) -> list[tuple[int, int, int, str, int]]:
    """(count, open, closed, dominant group, its count) of each cell, the slow way; by cell."""
    cells: dict[tuple[int, int], list[ServiceRequest]] = {}
    for one in matching(seen, filters, place):
        cells.setdefault((one.x >> (BITS - level), one.y >> (BITS - level)), []).append(one.row)
    found = []
    for _, rows in sorted(cells.items()):
        groups = Counter(row.service.group for row in rows)
        group, most = min(groups.items(), key=lambda pair: (-pair[1], pair[0]))
        still = sum(Status(row.status) in OPEN for row in rows)
        found.append((len(rows), still, len(rows) - still, group, most))
    return found


def features(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text)["features"]
    return found


def moment(days: float) -> datetime:
    """That many days ago."""
    return timezone.now() - timedelta(days=days)
