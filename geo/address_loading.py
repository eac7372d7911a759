"""Brings the address points of one jurisdiction into the database: all of a file, or nothing.

Two steps. The rows go into a temporary table in batches, each a COPY of its own, so that hours of reading hold
back no vacuum; that step finds everything that is wrong. Then one short transaction makes the jurisdiction's
addresses equal to that table: readers see the old ones until it commits, and wait for nothing.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from django.db import connection, transaction

from geo.coordinate_systems import UnreadableFile
from geo.feature_files import as_text
from geo.models import Address, Area, Street
from geo.point_files import Point, PointFile
from geo.street_names import core, folded, folded_number

#: Rows a COPY.
BATCH = 50_000
#: Faults that are told one by one.
TOLD = 20

#: The fields of a row, in this order; by these names options and OpenAddresses call them.
FIELDS = ("code", "number", "street", "unit", "city", "region", "postcode")
LABEL = "{number} {street} {unit}, {city}, {region} {postcode}"
_LABEL_FIELDS = frozenset(FIELDS) - {"code"}
_LONGEST = {
    "code": Address._meta.get_field("code").max_length,
    "number": Address._meta.get_field("number").max_length,
    "unit": Address._meta.get_field("unit").max_length,
    "street": Street._meta.get_field("name").max_length,
    "city": Street._meta.get_field("city").max_length,
    "region": Street._meta.get_field("region").max_length,
    "postcode": Street._meta.get_field("postcode").max_length,
}

_STAGING = """
CREATE TEMPORARY TABLE staged_address (
    found_at text NOT NULL, code text NOT NULL, number text NOT NULL, number_search text NOT NULL,
    street text NOT NULL, unit text NOT NULL, city text NOT NULL, region text NOT NULL, postcode text NOT NULL,
    search text NOT NULL, core text NOT NULL, label text NOT NULL,
    longitude double precision NOT NULL, latitude double precision NOT NULL
)
"""
_COLUMNS = ("found_at", "code", "number", "number_search", "street", "unit", "city", "region", "postcode",
            "search", "core", "label", "longitude", "latitude")  # fmt: skip

_SAME = "(number, street, unit, city, region, postcode, longitude, latitude)"
#: One code for two different addresses. The same address twice is one.
_CLASHES = f"""
SELECT code, (array_agg(found_at))[1:2], count(*) OVER () FROM staged_address
GROUP BY code HAVING count(*) > 1 AND count(DISTINCT {_SAME}) > 1 ORDER BY code LIMIT {TOLD}
"""  # noqa: S608 (our own constants)
_DISTINCT = """
CREATE TEMPORARY TABLE distinct_address AS
SELECT DISTINCT ON (code) * FROM staged_address ORDER BY code;
CREATE UNIQUE INDEX ON distinct_address (code);
ANALYZE distinct_address
"""

_STREETS = """
INSERT INTO geo_street (jurisdiction_id, name, city, region, postcode, search, core, trigrams, place)
SELECT %(jurisdiction)s, street, city, region, postcode, min(search), min(core), cardinality(show_trgm(min(search))),
       ST_SetSRID(ST_MakePoint(round(avg(longitude)::numeric, 5), round(avg(latitude)::numeric, 5)), 4326)
FROM distinct_address GROUP BY street, city, region, postcode
ON CONFLICT (jurisdiction_id, name, city, region, postcode) DO UPDATE
SET search = excluded.search, core = excluded.core, trigrams = excluded.trigrams, place = excluded.place
WHERE (geo_street.search, geo_street.core) IS DISTINCT FROM (excluded.search, excluded.core)
   OR NOT geo_street.place ~= excluded.place
"""
_GONE = """
DELETE FROM geo_address a WHERE a.jurisdiction_id = %(jurisdiction)s
AND NOT EXISTS (SELECT FROM distinct_address d WHERE d.code = a.code)
"""
_ADDRESSES = """
INSERT INTO geo_address AS a (jurisdiction_id, code, street_id, number, number_search, unit, label, place)
SELECT %(jurisdiction)s, d.code, s.id, d.number, d.number_search, d.unit, d.label,
       ST_SetSRID(ST_MakePoint(d.longitude, d.latitude), 4326)
FROM distinct_address d
JOIN geo_street s ON s.jurisdiction_id = %(jurisdiction)s AND s.name = d.street AND s.city = d.city
                 AND s.region = d.region AND s.postcode = d.postcode
ON CONFLICT (jurisdiction_id, code) DO UPDATE
SET street_id = excluded.street_id, number = excluded.number, number_search = excluded.number_search,
    unit = excluded.unit, label = excluded.label, place = excluded.place
WHERE (a.street_id, a.number, a.number_search, a.unit, a.label)
      IS DISTINCT FROM (excluded.street_id, excluded.number, excluded.number_search, excluded.unit, excluded.label)
   OR NOT a.place ~= excluded.place
RETURNING xmax = 0
"""
_LEFT_STREETS = """
DELETE FROM geo_street s WHERE s.jurisdiction_id = %(jurisdiction)s
AND NOT EXISTS (SELECT FROM geo_address a WHERE a.street_id = s.id)
"""


Progress = Callable[[PointFile], Iterable[Point]]


class BadLabel(ValueError):
    """The pattern of labels names a field that there is not."""


@dataclass(frozen=True)
class Fault:
    """One row that cannot be an address: `where` it stands ("line 17"), and why."""

    where: str
    reason: str


@dataclass
class Outcome:
    """What a loading found and changed. `faults` are the first TOLD of `faulty`; nothing was changed if any."""

    rows: int = 0
    faulty: int = 0
    faults: list[Fault] = field(default_factory=list)
    repeated: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0

    @property
    def refused(self) -> bool:
        return bool(self.faulty)

    def fault(self, fault: Fault) -> None:
        self.faulty += 1
        if len(self.faults) < TOLD:
            self.faults.append(fault)


def load_addresses(
    file: PointFile,
    *,
    jurisdiction: Area,
    wanted: Mapping[str, Sequence[str]],
    label: str = LABEL,
    dry_run: bool = False,
    progress: Progress = lambda file: file,
) -> Outcome:
    """Makes the addresses of the jurisdiction those of the file, or changes nothing where a row is wrong.

    `wanted` has for each of FIELDS the names to look for; where none is found, the field is empty. A dry run does it
    all and takes it back. Raises UnreadableFile and BadLabel.
    """
    outcome = Outcome()
    labels = label_parts(label)
    names = _chosen(file, wanted)
    file.read_only([name for name in names if name])
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged_address, distinct_address")
        cursor.execute(_STAGING)
        try:
            _stage(cursor, _staged(file, progress, names, labels, outcome))
            if not outcome.refused:
                _replace(cursor, jurisdiction, outcome, dry_run=dry_run)
        finally:
            # After a broken connection there is no table left to drop, and no way to say so.
            if connection.is_usable():
                cursor.execute("DROP TABLE IF EXISTS staged_address, distinct_address")
    return outcome


def label_parts(pattern: str) -> list[str]:
    """The parts between commas. Raises BadLabel for a field that there is not."""
    unknown = [name for name in re.findall(r"\{([^}]*)\}", pattern) if name not in _LABEL_FIELDS]
    if unknown or "street" not in re.findall(r"\{([^}]*)\}", pattern) or re.sub(r"\{\w+\}", "", pattern).count("{"):
        raise BadLabel(f"{pattern!r}: write {{street}} and any of {', '.join(sorted(_LABEL_FIELDS))}, each in braces")
    return [part.strip() for part in pattern.split(",")]


def _chosen(file: PointFile, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """The file's field for each of FIELDS, or nothing. A single name was given by hand and must be there."""
    by_name = {name.strip().casefold(): name for name in reversed(file.fields)}
    chosen = []
    for option in FIELDS:
        names = wanted[option]
        found = next((by_name[name.casefold()] for name in names if name.casefold() in by_name), "")
        if not found and len(names) == 1:
            known = ", ".join(file.fields) or "none"
            raise UnreadableFile(f"{file.path}: has no field {names[0]!r} (--{option}-field); it has {known}")
        chosen.append(found)
    return chosen


def _stage(cursor: Any, rows: Iterator[tuple[Any, ...]]) -> None:
    copy = f"COPY staged_address ({', '.join(_COLUMNS)}) FROM STDIN"
    # Once a row is wrong nothing will be written: the rest is read for its faults alone.
    while first := next(rows, None):
        with cursor.copy(copy) as writer:
            writer.write_row(first)
            for row in islice(rows, BATCH - 1):
                writer.write_row(row)


def _staged(
    file: PointFile, progress: Progress, names: Sequence[str], labels: list[str], outcome: Outcome
) -> Iterator[tuple[Any, ...]]:
    for point in progress(file):
        outcome.rows += 1
        where = file.where(point.number)
        fields = [as_text(point.fields.get(name)) for name in names]
        if reason := point.problem or _wrong(fields):
            outcome.fault(Fault(where, reason))
        elif not outcome.faulty:
            yield _prepared(where, point, fields, labels)


def _wrong(fields: Sequence[str]) -> str:
    """Why the row is no address; empty where it is one."""
    street = fields[2]
    if not street:
        return "has no street"
    if not _folded_street(street)[0]:
        return f"street {street[:40]!r} has neither letter nor digit"
    for name, value in zip(FIELDS, fields, strict=True):
        if len(value) > (_LONGEST[name] or 0):
            return f"{name} is longer than {_LONGEST[name]} characters"
    return ""


def _prepared(where: str, point: Point, fields: Sequence[str], labels: list[str]) -> tuple[Any, ...]:
    code, number, street, unit, city, region, postcode = fields
    search, street_core = _searched(street, city, region, postcode)
    if not code:
        said = "\x1f".join((number, street, unit, city, region, postcode, repr(point.longitude), repr(point.latitude)))
        code = hashlib.blake2s(said.encode(), digest_size=16).hexdigest()
    label = _label(labels, number=number, street=street, unit=unit, city=city, region=region, postcode=postcode)
    return (where, code, number, folded_number(number)[:50], street, unit, city, region, postcode,
            search, street_core, label, point.longitude, point.latitude)  # fmt: skip


def _label(parts: list[str], **fields: str) -> str:
    written = (" ".join(part.format_map(fields).split()) for part in parts)
    return ", ".join(part for part in written if part)


# A file goes street by street, so that a few thousand are nearly all hits.
@lru_cache(maxsize=8192)
def _folded_street(street: str) -> tuple[str, str]:
    return folded(street), core(street)


@lru_cache(maxsize=8192)
def _searched(street: str, city: str, region: str, postcode: str) -> tuple[str, str]:
    name, street_core = _folded_street(street)
    return " ".join(filter(None, (name, folded(city), folded(region), folded(postcode)))), street_core


def _replace(cursor: Any, jurisdiction: Area, outcome: Outcome, *, dry_run: bool) -> None:
    with transaction.atomic():
        # Two loadings of one jurisdiction take turns, however long the other takes; nobody else asks for this lock.
        cursor.execute("SET LOCAL lock_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"addresses of {jurisdiction.code}"])
        cursor.execute("SET LOCAL lock_timeout = DEFAULT")
        cursor.execute(_CLASHES)
        for code, where, clashes in cursor.fetchall():
            outcome.fault(Fault(" and ".join(where), f"have one code, {code!r}, and say different things"))
            outcome.faulty = clashes
        if outcome.refused:
            return
        cursor.execute(_DISTINCT)
        cursor.execute("SELECT count(*) FROM distinct_address")
        outcome.repeated = outcome.rows - cursor.fetchone()[0]
        of = {"jurisdiction": jurisdiction.pk}
        cursor.execute(_STREETS, of)
        cursor.execute(_GONE, of)
        outcome.removed = cursor.rowcount
        cursor.execute(
            f"WITH written (is_new) AS ({_ADDRESSES})"  # noqa: S608
            " SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written",
            of,
        )
        outcome.new, outcome.changed = cursor.fetchone()
        cursor.execute(_LEFT_STREETS, of)
        cursor.execute("ANALYZE geo_street")
        cursor.execute("ANALYZE geo_address")
        if dry_run:
            transaction.set_rollback(True)
