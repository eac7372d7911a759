"""script/bench in small: statements, plans and growth, which hold on any machine.

The same calls as the bench makes, by the same code, over 4,000 and then 40,000 requests of one city.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from script.benchmark.calls import Call
from script.benchmark.capture import Executed, perform
from script.benchmark.cluster import scanned_tables
from script.benchmark.data.rows import Generator
from script.benchmark.workloads import WORKLOADS
from script.benchmark.workloads.workload import Workload, World
from tests.bench.conftest import FEW, MANY
from tests.factories.photos import photo

pytestmark = pytest.mark.django_db

#: Tables that grow with every report: none of them is ever read from end to end.
BIG = {"requests311_servicerequest", "requests311_event", "requests311_photo", "notifications_delivery"}
#: Statements of one call at most; the session and COMMIT included, BEGIN and the test's own savepoints too.
STATEMENTS = {
    "submit": 12, "submit_photo": 13, "detail": 4, "list_of_50": 5, "queue": 5, "transition": 12,
    "box_of_100": 4, "tile_z10": 4, "tile_z14": 4, "tile_z16": 4, "locate": 3, "open311_list": 5,
}  # fmt: skip
#: Pages of the database that a call may touch more over ten times the requests.
GROWTH = 1.3
#: The index over ten times the rows may be a level deeper.
A_LEVEL = 12
CALLS = 16


@dataclass
class Figures:
    """Of one operation over one size: a figure for every call."""

    statements: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)
    absent: bool = False


def explained(statement: Executed) -> dict[str, Any]:
    """The plan as it ran, with the pages it touched."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement.text}".replace("%", "%%"), [])
        [[[plan]]] = cursor.fetchall()
    found: dict[str, Any] = plan["Plan"]
    return found


def pages_of_big_tables(plan: dict[str, Any]) -> int:
    """Of the big tables and their indexes only: small ones are bloated by what other tests rolled back."""
    children = plan.get("Plans", [])
    if plan.get("Relation Name") in BIG:
        return touched(plan)  # what is below is the way there: its bitmap
    return sum(map(pages_of_big_tables, children))


def touched(plan: dict[str, Any]) -> int:
    """Pages of a node and all below it."""
    return int(plan.get("Shared Hit Blocks", 0)) + int(plan.get("Shared Read Blocks", 0))


def is_query(statement: Executed) -> bool:
    return statement.shape.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE"))


def with_photo(call: Call, caller: Client) -> Call:
    """The report names a photo that was just uploaded."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    answer = caller.post(
        "/api/v1/photos",
        {"file": SimpleUploadedFile("a.jpg", photo(), "image/jpeg")},
        headers={"Authorization": f"Bearer {call.token}"},
    )
    assert answer.status_code == 201, answer.content
    return Call(call.method, call.path, call.token, {**(call.body or {}), "photos": [answer.json()["id"]]},
                call.headers, call.fresh_key)  # fmt: skip


def measured(workload: Workload, world: World) -> Figures:
    caller = Client(SERVER_NAME="127.0.0.1")
    found = Figures()
    calls = workload.calls(world, CALLS)
    assert calls, "there is nothing to call it with"
    for at, call in enumerate(calls):
        if workload.photo:
            if at >= 3:
                break
            call = with_photo(call, caller)
        status, statements = perform(call, caller)
        if status == 404:
            found.absent = True
            return found
        assert status in workload.expected, (status, call)
        if at == 0:
            continue  # it also filled what the process keeps: the catalogue
        found.statements.append(len(statements))
        pages = 0
        for statement in filter(is_query, statements):
            # An UPDATE is only planned; running it twice would meet its own change.
            plan = (
                explained(statement)
                if not statement.shape.lstrip().upper().startswith("UPDATE")
                else planned(statement)
            )
            pages += pages_of_big_tables(plan)
            found.scans += [f"{table}: {statement.text[:300]}" for table in scanned_tables(plan) if table in BIG]
        found.pages.append(pages)
    return found


def planned(statement: Executed) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement.text}".replace("%", "%%"), [])
        [[[plan]]] = cursor.fetchall()
    found: dict[str, Any] = plan["Plan"]
    return found


@pytest.fixture(scope="module")
def figures(filled: Callable[[int], World], tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, Figures]]:
    from django.conf import settings
    from django.test import override_settings

    folder = tmp_path_factory.mktemp("photos")
    stores = {name: {**store, "OPTIONS": {**store.get("OPTIONS", {}), "location": str(folder / name)}}
              if name != "staticfiles" else store
              for name, store in settings.STORAGES.items()}  # fmt: skip
    found: dict[str, dict[int, Figures]] = {workload.name: {} for workload in WORKLOADS}
    with override_settings(STORAGES=stores):
        for size in (FEW, MANY):
            world = filled(size)
            for workload in WORKLOADS:
                found[workload.name][size] = measured(workload, world)
    return found


NAMES = [workload.name for workload in WORKLOADS]


def there(figures: dict[str, dict[int, Figures]], name: str) -> dict[int, Figures]:
    if figures[name][FEW].absent:
        pytest.skip(f"{name}: not there yet")
    return figures[name]


@pytest.mark.parametrize("name", NAMES)
def test_statements_of_a_call(figures: dict[str, dict[int, Figures]], name: str) -> None:
    found = there(figures, name)
    assert max(found[MANY].statements) <= STATEMENTS[name], found[MANY].statements
    assert sorted(set(found[FEW].statements)) == sorted(set(found[MANY].statements))


@pytest.mark.parametrize("name", NAMES)
def test_no_big_table_is_read_from_end_to_end(figures: dict[str, dict[int, Figures]], name: str) -> None:
    found = there(figures, name)
    assert not found[MANY].scans, "\n".join(found[MANY].scans[:3])


#: Their answer itself grows with the table, up to a bound; the time for it is the bench's to tell.
GROWING_ANSWERS = {"box_of_100", "tile_z10", "tile_z14", "tile_z16", "list_of_50", "queue", "open311_list"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in GROWING_ANSWERS])
def test_ten_times_the_requests_touch_no_more_pages(figures: dict[str, dict[int, Figures]], name: str) -> None:
    found = there(figures, name)
    few, many = (sorted(found[size].pages)[len(found[size].pages) // 2] for size in (FEW, MANY))
    assert many <= GROWTH * few + A_LEVEL, json.dumps({"few": found[FEW].pages, "many": found[MANY].pages})


def test_a_list_touches_pages_for_its_rows_and_not_for_the_table(figures: dict[str, dict[int, Figures]]) -> None:
    """51 rows of a page: of each its row, its photos, and the way there; never all that the filter leaves.

    A row is one page, the look for its photos three at most; two statuses read 51 rows each before they are merged.
    Without a lead the dearest of these calls touches 14 pages a row.
    """
    assert max(figures["list_of_50"][MANY].pages) <= 51 * (3 + 2 + 1), figures["list_of_50"][MANY].pages


def test_the_bare_statement_is_the_endpoints_own(few: World) -> None:
    for name in ("detail", "list_of_50", "locate"):
        workload = next(workload for workload in WORKLOADS if workload.name == name)
        work = workload.bare(few, workload.calls(few, 8), 8)
        table = "geo_areapiece" if name == "locate" else "requests311_servicerequest"
        assert len(work.statements) == 8
        for statement in work.statements:
            assert table in statement, (name, statement[:400])
            assert "%s" not in statement
        assert len(set(work.statements)) > 1


def test_bare_writes_run_and_write_one_row(few: World) -> None:
    for name in ("submit", "submit_photo", "transition"):
        workload = next(workload for workload in WORKLOADS if workload.name == name)
        work = workload.bare(few, [], 4)
        assert len(work.statements) >= 4
        assert work.once == (name != "transition")
        for statement in work.statements[:4]:
            with connection.cursor() as cursor:
                raw: Any = cursor.cursor
                raw.execute(statement)
                assert raw.rowcount == 1


def test_rows_that_arrive_are_others_at_every_size(generator: Generator) -> None:
    """Those of the smaller table are in it still when the larger one is measured."""
    ids = [
        {line.split("VALUES ")[1].split(",")[0] for line in World(generator, [], "", size=size).arrivals(20)}
        for size in (1000, 10_000)
    ]
    assert len(ids[0] | ids[1]) == 40
