"""Brings the areas of one kind from a file into the database as versions, in one transaction or not at all.

The file is copied row by row into a table of the transaction's own, and the rest is SQL there: this process never
holds more than one row, and nobody who reads or reports waits for it, since rows are only added and dated.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connection, transaction

from geo import outlines
from geo.area_files import AreaFile, Row
from geo.in_force import IN_FORCE, take_effect
from geo.loading import VERTICES_PER_PIECE
from geo.models import Area

#: Rows of one fault that a refusal or a warning names; the rest is counted.
ROWS_NAMED = 20
#: Neighbours drawn by two hands overlap by slivers; more than this is said.
OVERLAP_SQUARE_METRES = 100.0
#: Share of the smaller of two areas. More is no drawing error: two layers in one file, or the districts of two years.
OVERLAP_AT_MOST = 0.1
#: An area with less of itself within its jurisdiction is said.
INSIDE_AT_LEAST = 0.5

Progress = Callable[[AreaFile], Iterable[Row]]


class RefusedAreas(Exception):
    """The file as a whole cannot become the areas of a kind; the message says why, with rows, and the way out."""


@dataclass(frozen=True)
class Change:
    """'+' new or back, '~' another name or polygon from that day on, '-' gone from that day on."""

    sign: str
    code: str
    name: str
    details: str = ""


@dataclass
class Outcome:
    """What one loading did, or in a dry run would do. `valid_from` is None where it holds since ever."""

    valid_from: date | None
    changes: list[Change] = field(default_factory=list)
    unchanged: int = 0
    repaired: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def gone(self) -> list[str]:
        return [change.code for change in self.changes if change.sign == "-"]


@transaction.atomic
def load(
    file: AreaFile,
    *,
    root: Area,
    kind: str,
    today: date,
    valid_from: date | None = None,
    allow_overlaps: bool = False,
    progress: Progress = lambda file: file,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """Makes the areas of a kind within `root` what the file says, from a day on.

    Without `valid_from` that is since ever for a kind that is not there yet, and `today` (the jurisdiction's own)
    for one that is. An area that is no longer in the file ends that day; nothing is deleted. A second loading for the
    same day replaces the first. Raises UnreadableFile, RefusedAreas and TooManyVertices with nothing written.
    """
    with connection.cursor() as cursor:
        # Reading a large file and drawing outlines takes longer than a connection may be idle otherwise.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    adopt()
    there = Area.objects.filter(parent=root, kind=kind).exists()
    day = valid_from or (today if there else None)
    _refuse_what_comes_before_a_change(root, kind, day)
    outcome = Outcome(day)
    _stage(progress(file), outcome)
    say("Checking …")
    _refuse_codes_twice()
    _cut()
    _look_at_overlaps(outcome, allow=allow_overlaps)
    _look_beyond_the_border(root, day or today, outcome)
    say("Comparing …")
    _compare(root, kind)
    _report(outcome)
    if outcome.changes:
        say("Writing …")
        _write(root, kind, day)
        take_effect(root, today)
        say("Drawing outlines …")
        outlines.draw(root.pk, kind)
    # A kind that is loaded here once is load_city's no more, changed or not.
    _run("UPDATE geo_area SET dated = true WHERE parent_id = %s AND kind = %s AND NOT dated", [root.pk, kind])
    _run("DROP TABLE incoming_area, incoming_piece, area_change")
    if outcome.changes:
        # Until autovacuum comes by, the planner would not know the new rows. Last: it keeps other ANALYZEs waiting.
        _run("ANALYZE geo_area, geo_areapiece, geo_areaversion, geo_areaoutline")
    return outcome


def adopt() -> None:
    """Gives a version since ever to areas that have none: a release that knew no versions made them."""
    _run(
        "INSERT INTO geo_areaversion (area_id, name, boundary, square_metres)"
        " SELECT id, name, boundary, square_metres FROM geo_area a"
        " WHERE NOT EXISTS (SELECT FROM geo_areaversion v WHERE v.area_id = a.id) AND NOT a.dated"
    )
    _run(
        "UPDATE geo_areapiece p SET version_id = v.id FROM geo_areaversion v"
        " WHERE v.area_id = p.area_id AND p.version_id IS NULL AND v.valid_from IS NULL"
    )


def _run(sql: str, params: Any = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return int(cursor.rowcount)


def _rows(sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return list(cursor.fetchall())


def _refuse_what_comes_before_a_change(root: Area, kind: str, day: date | None) -> None:
    [(latest,)] = _rows(
        "SELECT max(GREATEST(v.valid_from, v.valid_to)) FROM geo_areaversion v JOIN geo_area a ON a.id = v.area_id"
        " WHERE a.parent_id = %s AND a.kind = %s",
        [root.pk, kind],
    )
    if latest is not None and (day is None or day < latest):
        raise RefusedAreas(
            f"{kind} areas of {root.code} change on {latest} already, and history is not rewritten: load with"
            f" --valid-from {latest} (which replaces that change) or a later day"
        )


def _stage(rows: Iterable[Row], outcome: Outcome) -> None:
    _run("DROP TABLE IF EXISTS pg_temp.incoming_area, pg_temp.incoming_piece, pg_temp.area_change")
    _run(
        "CREATE TEMPORARY TABLE incoming_area (row int, code text, name text,"
        " boundary geometry(MultiPolygon, 4326), square_metres float8) ON COMMIT DROP"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY incoming_area (row, code, name, boundary) FROM STDIN") as copy,
    ):
        number = 0
        for row in rows:
            number += 1
            if row.repaired:
                outcome.repaired.append(f"row {row.number} ({row.code}): {row.repaired}")
            copy.write_row((row.number, row.code, row.name, row.boundary.hexewkb.decode()))
    if not number:
        raise RefusedAreas("the file holds no row; to end every area of a kind is not what an empty file can mean")
    _run("UPDATE incoming_area SET square_metres = ST_Area(boundary::geography)")
    _run("ANALYZE incoming_area")
    if empty := _rows("SELECT row, code FROM incoming_area WHERE NOT square_metres > 0 ORDER BY row LIMIT 1"):
        raise RefusedAreas(f"row {empty[0][0]} ({empty[0][1]}) has no area to speak of")


def _refuse_codes_twice() -> None:
    twice = _rows(
        "SELECT code, array_agg(row ORDER BY row) FROM incoming_area GROUP BY code HAVING count(*) > 1 ORDER BY 2"
    )
    if twice:
        lines = [f"rows {', '.join(map(str, rows[:ROWS_NAMED]))}: code {code!r}" for code, rows in twice]
        raise RefusedAreas(
            f"a code may stand in one row only:\n{_some(lines)}\nDissolve the parts of one area into one row, or name"
            " another --code-field"
        )


def _cut() -> None:
    _run("CREATE TEMPORARY TABLE incoming_piece (row int, shape geometry(Polygon, 4326)) ON COMMIT DROP")
    _run(
        "INSERT INTO incoming_piece SELECT row, (ST_Dump(ST_CollectionExtract(ST_Subdivide(boundary, %s), 3))).geom"
        " FROM incoming_area",
        [VERTICES_PER_PIECE],
    )
    _run("CREATE INDEX ON incoming_piece USING gist (shape)")
    _run("ANALYZE incoming_piece")


def _look_at_overlaps(outcome: Outcome, *, allow: bool) -> None:
    """The areas of a kind are a partition: where two lie on each other a report would go to either."""
    found = _rows(
        "SELECT a.row, a.code, b.row, b.code, metres, metres / LEAST(a.square_metres, b.square_metres) AS share"
        " FROM (SELECT p.row AS one, q.row AS other, sum(ST_Area(ST_Intersection(p.shape, q.shape))) AS degrees"
        " FROM incoming_piece p JOIN incoming_piece q ON p.row < q.row AND p.shape && q.shape"
        " AND ST_Relate(p.shape, q.shape, 'T********') GROUP BY p.row, q.row) pair"
        " JOIN incoming_area a ON a.row = one JOIN incoming_area b ON b.row = other,"
        " LATERAL (SELECT degrees * a.square_metres / ST_Area(a.boundary) AS metres) measured"
        " WHERE metres > %s ORDER BY share DESC",
        [OVERLAP_SQUARE_METRES],
    )
    lines = [
        (share, f"rows {one} ({code}) and {other} ({code_2}) overlap by {metres:,.0f} m², {share:.1%} of the smaller")
        for one, code, other, code_2, metres, share in found
    ]
    large = [line for share, line in lines if share > OVERLAP_AT_MOST]
    if large and not allow:
        raise RefusedAreas(
            f"areas of one kind share a place:\n{_some(large)}\nIf that is what the city wants (the lower code has such"
            " a place), load with --allow-overlaps"
        )
    outcome.warnings += _some([line for _, line in lines]).splitlines()


def _look_beyond_the_border(root: Area, day: date, outcome: Outcome) -> None:
    found = _rows(
        "SELECT i.row, i.code, COALESCE(within.degrees, 0) / ST_Area(i.boundary) AS share"  # noqa: S608
        " FROM incoming_area i LEFT JOIN (SELECT p.row, sum(ST_Area(ST_Intersection(p.shape, r.shape))) AS degrees"
        " FROM incoming_piece p JOIN geo_areapiece r ON r.shape && p.shape"
        f" WHERE r.area_id = %s AND {IN_FORCE.format('r')} GROUP BY p.row) within USING (row)"
        " WHERE COALESCE(within.degrees, 0) / ST_Area(i.boundary) < %s ORDER BY i.row",
        [root.pk, day, day, INSIDE_AT_LEAST],
    )
    [(count,)] = _rows("SELECT count(*) FROM incoming_area")
    if len(found) == count and not any(share > 0 for *_, share in found):
        raise RefusedAreas(
            f"no row lies within {root.name}: it is the file of another place, or not in the coordinate system it"
            " says (--crs)"
        )
    lines = [
        f"row {row} ({code}) lies outside {root.name}" + (f" but for {share:.0%}" if share > 0 else "")
        for row, code, share in found
    ]
    outcome.warnings += _some(lines).splitlines()


def _compare(root: Area, kind: str) -> None:
    """Each code of the file or the database, with the version that has no end."""
    _run(
        "CREATE TEMPORARY TABLE area_change ON COMMIT DROP AS"
        " SELECT COALESCE(i.code, a.code) AS code, i.row, i.name, i.square_metres, a.id AS area_id,"
        " v.id AS version_id, v.name AS old_name, v.valid_from AS old_from,"
        " ST_NPoints(v.boundary) AS old_vertices, ST_NPoints(i.boundary) AS vertices,"
        " ST_AsBinary(v.boundary) = ST_AsBinary(i.boundary) AS same_shape,"
        " CASE WHEN i.row IS NULL THEN 'gone' WHEN a.id IS NULL THEN 'new' WHEN v.id IS NULL THEN 'back'"
        " WHEN v.name = i.name AND ST_AsBinary(v.boundary) = ST_AsBinary(i.boundary) THEN 'same'"
        " ELSE 'changed' END AS what"
        " FROM incoming_area i"
        " FULL JOIN (SELECT * FROM geo_area WHERE parent_id = %s AND kind = %s) a ON a.code = i.code"
        " LEFT JOIN geo_areaversion v ON v.area_id = a.id AND v.valid_to IS NULL"
        " WHERE i.row IS NOT NULL OR v.id IS NOT NULL",
        [root.pk, kind],
    )


def _report(outcome: Outcome) -> None:
    signs = {"new": "+", "back": "+", "changed": "~", "gone": "-"}
    found = _rows(
        "SELECT what, code, COALESCE(name, old_name), old_name, same_shape, old_vertices, vertices FROM area_change"
        " WHERE what <> 'same' ORDER BY code COLLATE \"C\""
    )
    for what, code, name, old_name, same_shape, old_vertices, vertices in found:
        details = []
        if what == "back":
            details.append("was there before")
        if what == "changed" and name != old_name:
            details.append(f"name: {old_name!r} → {name!r}")
        if what == "changed" and not same_shape:
            details.append(f"boundary: redrawn ({old_vertices} → {vertices} vertices)")
        outcome.changes.append(Change(signs[what], code, name, "; ".join(details)))
    [(outcome.unchanged,)] = _rows("SELECT count(*) FROM area_change WHERE what = 'same'")


def _write(root: Area, kind: str, day: date | None) -> None:
    replaced = "what IN ('changed', 'gone') AND old_from IS NOT DISTINCT FROM %s"
    ended = "what IN ('changed', 'gone') AND old_from IS DISTINCT FROM %s"
    # A version that would begin on this very day never was: its place is taken, or it is withdrawn.
    for table, column in (("areaoutline", "version_id"), ("areapiece", "version_id"), ("areaversion", "id")):
        _run(f"DELETE FROM geo_{table} WHERE {column} IN (SELECT version_id FROM area_change WHERE {replaced})", [day])  # noqa: S608
    for table, column in (("areapiece", "version_id"), ("areaversion", "id")):
        _run(
            f"UPDATE geo_{table} SET valid_to = %s"  # noqa: S608 (our own names)
            f" WHERE {column} IN (SELECT version_id FROM area_change WHERE {ended})",
            [day, day],
        )
    _run(
        "INSERT INTO geo_area (parent_id, kind, code, name, boundary, square_metres, dated)"
        " SELECT %s, %s, i.code, i.name, i.boundary, i.square_metres, true"
        " FROM area_change c JOIN incoming_area i USING (row) WHERE c.what = 'new' ORDER BY i.row",
        [root.pk, kind],
    )
    _run(
        "INSERT INTO geo_areaversion (area_id, valid_from, name, boundary, square_metres)"
        " SELECT a.id, %s, i.name, i.boundary, i.square_metres"
        " FROM area_change c JOIN incoming_area i USING (row)"
        " JOIN geo_area a ON a.parent_id = %s AND a.kind = %s AND a.code = i.code"
        " WHERE c.what IN ('new', 'back', 'changed') ORDER BY i.row",
        [day, root.pk, kind],
    )
    _run(
        "INSERT INTO geo_areapiece (area_id, version_id, valid_from, shape)"
        " SELECT a.id, v.id, v.valid_from, p.shape"
        " FROM area_change c JOIN incoming_piece p USING (row)"
        " JOIN geo_area a ON a.parent_id = %s AND a.kind = %s AND a.code = c.code"
        " JOIN geo_areaversion v ON v.area_id = a.id AND v.valid_to IS NULL"
        " WHERE c.what IN ('new', 'back', 'changed')",
        [root.pk, kind],
    )


def _some(lines: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = [f"… and {len(lines) - ROWS_NAMED} more"] if len(lines) > ROWS_NAMED else []
    return "\n".join([*lines[:ROWS_NAMED], *more])
