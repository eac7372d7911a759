"""A file of assets → the table, in one transaction or not at all."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from geo.coordinate_systems import UnreadableFile
from geo.feature_files import as_text
from geo.models import Area
from geo.point_files import Point, PointFile

#: An asset may stand outside the boundary (a bridge, a reservoir's road), but this far away it is a wrong file.
FAR_METRES = 5_000
METRES_PER_DEGREE = 111_320

# No lock that a reader would wait for: the file goes into a table of this connection alone, and from there into the
# real one by one INSERT that touches only what differs.
_INCOMING = """
CREATE TEMPORARY TABLE incoming_asset (
    number bigint NOT NULL, id uuid NOT NULL, code text NOT NULL, name text NOT NULL, owner text NOT NULL,
    attributes jsonb NOT NULL, x double precision NOT NULL, y double precision NOT NULL
)
"""
_COPY = "COPY incoming_asset (number, id, code, name, owner, attributes, x, y) FROM STDIN"
_TWINS = """
SELECT code, (array_agg(number ORDER BY number))[1:2] FROM incoming_asset
GROUP BY code HAVING count(*) > 1 ORDER BY min(number) LIMIT %s
"""
_KNOWN = """
SELECT count(*), count(*) FILTER (WHERE a.retired_at IS NOT NULL)
FROM incoming_asset i JOIN geo_asset a ON a.jurisdiction_id = %s AND a.kind = %s AND a.code = i.code
"""
_UPSERT = """
INSERT INTO geo_asset AS a (id, jurisdiction_id, kind, code, name, owner, attributes, place, retired_at, loaded_at)
SELECT id, %s, %s, code, name, owner, attributes, ST_SetSRID(ST_MakePoint(x, y), 4326), NULL, now()
FROM incoming_asset
ON CONFLICT (jurisdiction_id, kind, code) DO UPDATE SET name = EXCLUDED.name, owner = EXCLUDED.owner,
    attributes = EXCLUDED.attributes, place = EXCLUDED.place, retired_at = NULL, loaded_at = EXCLUDED.loaded_at
WHERE (a.name, a.owner, a.attributes, a.retired_at) IS DISTINCT FROM
    (EXCLUDED.name, EXCLUDED.owner, EXCLUDED.attributes, NULL)
    OR ST_AsBinary(a.place) <> ST_AsBinary(EXCLUDED.place)
"""
_RETIRE = """
UPDATE geo_asset a SET retired_at = now(), loaded_at = now()
WHERE a.jurisdiction_id = %s AND a.kind = %s AND a.retired_at IS NULL
    AND NOT EXISTS (SELECT FROM incoming_asset i WHERE i.code = a.code)
"""
_OUTSIDE = """
SELECT count(*) FROM incoming_asset i WHERE NOT EXISTS (
    SELECT FROM geo_areapiece p
    WHERE p.area_id = %s AND ST_Intersects(p.shape, ST_SetSRID(ST_MakePoint(i.x, i.y), 4326))
)
"""
_OWNERS = "SELECT owner, count(*) FROM incoming_asset WHERE owner <> '' GROUP BY owner ORDER BY owner"


class BrokenAssets(Exception):
    """The file has rows that cannot be assets; nothing was written. `problems` says which and why."""

    def __init__(self, problems: Sequence[str], *, all_read: bool) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        #: False where reading stopped at as many problems as were asked for.
        self.all_read = all_read


@dataclass(frozen=True)
class AssetFields:
    """Which fields of the file mean what. `owner` is one code for all, where `owner_field` names none."""

    code: str
    name: str = ""
    owner_field: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Loaded:
    """What a loading did, in assets. `outside` lie outside the boundary; `owners` counts by owner's code."""

    read: int
    new: int
    changed: int
    returned: int
    retired: int
    outside: int
    owners: dict[str, int] = field(default_factory=dict)

    @property
    def unchanged(self) -> int:
        return self.read - self.new - self.changed - self.returned


Progress = Callable[[PointFile], Iterable[Point]]


def load_assets(
    file: PointFile,
    *,
    root: Area,
    kind: str,
    fields: AssetFields,
    dry_run: bool = False,
    problems_at_most: int = 20,
    progress: Progress = lambda file: file,
    say: Callable[[str], None] = lambda text: None,
) -> Loaded:
    """Makes the assets of this kind in the jurisdiction `root` those of the file.

    New ones are made, what differs is changed, and what the file lacks is retired. A dry run does all of it and
    rolls back. Raises UnreadableFile, or BrokenAssets with at most `problems_at_most` problems; nothing is written
    then.
    """
    _refuse_unknown_fields(file, fields)
    with transaction.atomic():
        _wait_for_others(root, kind, say)
        with connection.cursor() as cursor:
            cursor.execute(_INCOMING)
        read = _read(file, root, fields, problems_at_most, progress)
        if not read:
            raise UnreadableFile(f"{file.path}: holds no feature, and would retire every asset of this kind")
        loaded = _store(root, kind, read)
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE incoming_asset")
        if dry_run:
            transaction.set_rollback(True)
    if not dry_run:
        with connection.cursor() as cursor:
            # Until autovacuum comes by, the planner would take the table for as small as it was.
            cursor.execute("ANALYZE geo_asset")
    return loaded


def _refuse_unknown_fields(file: PointFile, fields: AssetFields) -> None:
    for option, name in (("code", fields.code), ("name", fields.name), ("owner", fields.owner_field)):
        if name and name not in file.fields:
            known = ", ".join(file.fields) or "none"
            raise UnreadableFile(f"{file.path}: has no field {name!r} (--{option}-field); it has {known}")


def _wait_for_others(root: Area, kind: str, say: Callable[[str], None]) -> None:
    """One loading of a kind at a time; the lock ends with the transaction, whatever happens."""
    key = f"requests311.load_assets.{root.pk}.{kind}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        if not cursor.fetchone()[0]:
            say(f"Another load_assets of {kind} is running; waiting for it to end …")
            # As long as it takes: the other one may load millions.
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _read(file: PointFile, root: Area, fields: AssetFields, most: int, progress: Progress) -> int:
    """Copies the file into the temporary table; the number of rows. Raises BrokenAssets."""
    problems: list[str] = []
    surroundings = _Surroundings(root)
    count = 0
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for point in progress(file):
            try:
                copy.write_row(_row(point, fields, surroundings))
                count += 1
            except _Refused as refusal:
                problems.append(f"{file.where(point.number)}: {refusal}")
                if len(problems) == most:
                    raise BrokenAssets(problems, all_read=False) from refusal
    with connection.cursor() as cursor:
        # Whatever the planner takes the real table for, every look-up by code is then one in this index.
        cursor.execute("CREATE INDEX ON incoming_asset (code)")
        cursor.execute("ANALYZE incoming_asset")
        cursor.execute(_TWINS, [most - len(problems)])
        for code, (first, second) in cursor.fetchall():
            problems.append(f"{file.where(second)}: has the code {code!r}, which {file.where(first)} has already")
    if problems:
        raise BrokenAssets(problems, all_read=len(problems) < most)
    return count


def _row(point: Point, fields: AssetFields, surroundings: "_Surroundings") -> tuple[Any, ...]:
    """A row of the temporary table; raises _Refused."""
    if point.problem:
        raise _Refused(point.problem)
    surroundings.check(point.longitude, point.latitude)
    special = {fields.code, fields.name, fields.owner_field}
    others = {key: value for key, value in point.fields.items() if key not in special and value is not None}
    return (
        point.number,
        uuid7(),
        _text(point, fields.code, 60, needed=True),
        _text(point, fields.name, 200),
        _text(point, fields.owner_field, 60) or fields.owner,
        json.dumps(others),
        point.longitude,
        point.latitude,
    )


class _Refused(Exception):
    """Why a row cannot be an asset."""


def _text(point: Point, name: str, most: int, *, needed: bool = False) -> str:
    text = as_text(point.fields[name]) if name else ""
    if needed and not text:
        raise _Refused(f"{name!r} is empty")
    if len(text) > most:
        raise _Refused(f"{name!r} is over {most} characters long")
    return text


class _Surroundings:
    """The box around a jurisdiction, and what a far place in it says of the file."""

    def __init__(self, root: Area) -> None:
        west, south, east, north = root.boundary.extent
        high = FAR_METRES / METRES_PER_DEGREE
        wide = high / max(math.cos(math.radians(max(abs(south), abs(north)))), 0.01)
        self._box = (west - wide, south - high, east + wide, north + high)
        self._name = root.name

    def check(self, x: float, y: float) -> None:
        if self._holds(x, y):
            return
        where = f"its place ({x:g}, {y:g}) is over {FAR_METRES // 1000} km outside {self._name}"
        if self._holds(y, x):
            raise _Refused(f"{where}: longitude and latitude are the wrong way round")
        raise _Refused(f"{where}; is it of another city, or in another coordinate system (--crs EPSG:…)?")

    def _holds(self, x: float, y: float) -> bool:
        west, south, east, north = self._box
        return west <= x <= east and south <= y <= north


def _store(root: Area, kind: str, read: int) -> Loaded:
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [root.pk, kind])
        known, returned = cursor.fetchone()
        cursor.execute(_UPSERT, [root.pk, kind])
        written = cursor.rowcount
        cursor.execute(_RETIRE, [root.pk, kind])
        retired = cursor.rowcount
        cursor.execute(_OUTSIDE, [root.pk])
        outside = cursor.fetchone()[0]
        cursor.execute(_OWNERS)
        owners = dict(cursor.fetchall())
    new = read - known
    return Loaded(
        read=read,
        new=new,
        changed=written - new - returned,
        returned=returned,
        retired=retired,
        outside=outside,
        owners=owners,
    )
