"""Generated rows into the database, by COPY, from several processes."""

import contextlib
import multiprocessing
import queue
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    import psycopg

    from script.benchmark.data.rows import Generator

#: Requests of one transaction.
CHUNK = 10_000
TABLES = ("requests311_servicerequest", "requests311_event", "requests311_photo")


@dataclass(frozen=True)
class Task:
    """What a copying process needs to make its generator, and its share of the chunks."""

    city: str
    seed: int
    now: datetime
    reporters: tuple[UUID, ...]
    staff: tuple[UUID, ...]
    begin: int
    end: int
    share: int
    of: int


def copy_past(
    connection: "psycopg.Connection[Any]",
    generator: "Generator",
    *,
    begin: int,
    end: int,
    chunk: int = CHUNK,
    share: int = 0,
    of: int = 1,
    done: Callable[[int], None] = lambda count: None,
) -> None:
    """Rows `begin` to `end` of the past, chunk by chunk in the order of time; of them every `of`-th chunk."""
    chunks = [(first, min(first + chunk, end)) for first in range(begin, end, chunk)]
    for first, last in chunks[share::of]:
        lines = generator.past(
            first, last - first, since=(first - begin) / (end - begin), until=(last - begin) / (end - begin)
        )
        with connection.transaction(), connection.cursor() as cursor:
            _copy(cursor, generator.request_columns.copy, lines.requests)
            _copy(cursor, generator.event_columns.copy, lines.events)
            _copy(cursor, generator.photo_columns.copy, lines.photos)
        done(last - first)


def _copy(cursor: Any, statement: str, lines: Sequence[str]) -> None:
    with cursor.copy(statement) as copy:
        copy.write("".join(lines))


def grow(task: Task, *, processes: int, done: Callable[[int], None]) -> None:
    """The task's rows from that many processes at once. Raises RuntimeError with a process's own words."""
    context = multiprocessing.get_context("spawn")
    said: multiprocessing.Queue[int | str] = context.Queue()
    workers = [
        context.Process(target=_work, args=(Task(**{**vars(task), "share": at, "of": processes}), said), daemon=True)
        for at in range(processes)
    ]
    try:
        for worker in workers:
            worker.start()
        left = task.end - task.begin
        while left > 0:
            try:
                word = said.get(timeout=1)
            except queue.Empty:
                if any(worker.exitcode for worker in workers):
                    raise RuntimeError("a process that copies rows died") from None
                continue
            if isinstance(word, str):
                raise RuntimeError(word)
            left -= word
            done(word)
        for worker in workers:
            worker.join()
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
            if worker.pid is not None:
                worker.join()


def _work(task: Task, said: "multiprocessing.Queue[int | str]") -> None:
    import signal

    # Ctrl-C reaches the whole terminal; the process that started this one decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from script.benchmark.data.city import read_city
    from script.benchmark.data.rows import Generator

    try:
        assert settings.DATABASES
        generator = Generator(
            read_city(task.city), seed=task.seed, now=task.now, reporters=task.reporters, staff=task.staff
        )
        connection.ensure_connection()
        raw: Any = connection.connection
        # Our own empty database: a crash means to begin again, not to have lost a report.
        raw.execute("SET synchronous_commit = off")
        raw.execute("SET session_replication_role = replica")
        copy_past(
            raw,
            generator,
            begin=task.begin,
            end=task.end,
            share=task.share,
            of=task.of,
            done=said.put,
        )
    except Exception as error:
        said.put(f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def in_bulk(connection: "psycopg.Connection[Any]") -> Iterator[None]:
    """Makes the tables quick to fill, by a superuser in an empty house: indexes that guard nothing are made anew
    afterwards, and foreign keys, which generated rows keep by themselves, are not looked up.

    The tables' own triggers run all the same, but for those of the map, whose counts `settle` makes anew.
    """
    names = list(TABLES)
    triggers = connection.execute(_OUR_TRIGGERS, [names]).fetchall()
    indexes = connection.execute(_PLAIN_INDEXES, [names]).fetchall()
    for table, trigger in triggers:
        connection.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{trigger}"'.encode())
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"'.encode())
    yield
    connection.execute("SET maintenance_work_mem = '512MB'")
    for _, definition in indexes:
        connection.execute(definition.encode())
    for table, trigger in triggers:
        connection.execute(f'ALTER TABLE {table} ENABLE TRIGGER "{trigger}"'.encode())


_OUR_TRIGGERS = r"""
SELECT t.tgrelid::regclass::text, t.tgname FROM pg_trigger t
WHERE t.tgrelid = ANY(%s::text[]::regclass[]) AND NOT t.tgisinternal AND t.tgenabled = 'O'
    AND t.tgname !~ '^pgtrigger_map_'
"""

#: Those of a partitioned table stay: they cannot be taken from one partition alone.
_PLAIN_INDEXES = """
SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE i.indrelid = ANY(%s::text[]::regclass[]) AND c.relkind = 'r' AND NOT i.indisunique
"""


def settle(connection: "psycopg.Connection[Any]") -> None:
    """The map's counts, VACUUM and ANALYZE, as beat and autovacuum would have done meanwhile, and all on the disk."""
    from requests311.map.counts import recount

    recount()
    for table in (*TABLES, "requests311_mapchange", "requests311_mapcount", "requests311_heatcount"):
        connection.execute(f"VACUUM (ANALYZE) {table}".encode())
    connection.execute("CHECKPOINT")
