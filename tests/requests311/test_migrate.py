"""`manage.py migrate` while the city works: nobody waits for it longer than a second."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from io import StringIO
from threading import Event
from typing import Any

import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from requests311 import schema_locks
from tests.factories.cities import small_city
from tests.factories.people import guest
from tests.processes import database_url, wait_until
from tests.requests311.reporting import report

pytestmark = pytest.mark.django_db(transaction=True)

#: What a writer allows itself; what the guard allows a migration (a second) and a good margin.
PATIENCE = "3s"


@pytest.fixture(autouse=True)
def new_release(transactional_db: None, settings: LazySettings) -> Iterator[None]:
    """An app with migrations that are not applied, and one request in the table they change."""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.requests311.migrating"]
    report(small_city(), guest())
    yield
    call_command("migrate", "migrating", "zero", verbosity=0, no_lock_limit=True)


@contextmanager
def another() -> Iterator["psycopg.Connection[Any]"]:
    """A connection of somebody else."""
    with psycopg.connect(database_url()) as made:
        yield made


A_WRITE = "UPDATE requests311_servicerequest SET description = 'written'"


def migrate(target: str, screen: StringIO | None = None, **options: Any) -> str:
    out = screen or StringIO()
    call_command("migrate", "migrating", target, stdout=out, stderr=out, **options)
    return out.getvalue()


def in_a_thread(pool: ThreadPoolExecutor, work: Callable[[], Any]) -> "Future[Any]":
    def run() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return pool.submit(run)


def value(sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def has_column(name: str) -> bool:
    columns = "information_schema.columns WHERE table_name = 'requests311_servicerequest'"
    return bool(value(f"SELECT count(*) FROM {columns} AND column_name = '{name}'"))


class Screen(StringIO):
    """Tells when a text was shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text, self.shown = text, Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._text in text:
            self.shown.set()
        return written


class TestLocks:
    def test_waits_half_a_second_at_most_and_leaves_the_session_as_it_was(self) -> None:
        before = value("SHOW lock_timeout")
        seen = import_module("tests.requests311.migrating.migrations.0001_column").SEEN
        seen.clear()
        migrate("0001")
        assert seen == ["500ms"]
        assert value("SHOW lock_timeout") == before == "5s"

    def test_gives_up_and_says_who_holds_it(self) -> None:
        with another() as holder:
            holder.execute(A_WRITE)
            with pytest.raises(CommandError) as info:
                migrate("0001", attempts=1)
            assert f"\n  {holder.info.backend_pid} (" in str(info.value)
        assert "not to be had in 1 tries" in str(info.value)
        assert not has_column("migrating")
        assert value("SHOW lock_timeout") == "5s"
        assert "OK" in migrate("0001")

    def test_under_load_it_gets_through_once_the_long_transaction_ends_and_no_writer_waits(self) -> None:
        """A reader's long transaction is in its way, and it is in nobody's."""
        screen, stop, behind = Screen("Try 2 of"), Event(), Event()
        writes = 0

        def hammer() -> None:
            nonlocal writes
            with another() as writer:
                writer.autocommit = True
                writer.execute(f"SET lock_timeout = '{PATIENCE}'")
                while not stop.is_set():
                    writer.execute(A_WRITE)
                    writes += 1
                    if screen.shown.is_set():
                        behind.set()

        with another() as holder, ThreadPoolExecutor(2) as pool:
            holder.execute("SELECT count(*) FROM requests311_servicerequest")
            writer = in_a_thread(pool, hammer)
            try:
                done = in_a_thread(pool, lambda: migrate("0001", screen))
                assert screen.shown.wait(timeout=60)
                # Given up once, the writers went on while the long transaction still held the table.
                assert behind.wait(timeout=60)
                assert not done.done()
                holder.rollback()
                said = done.result(timeout=60)
            finally:
                stop.set()
            writer.result(timeout=60)
        assert writes > 1
        assert said.count("Somebody holds the lock") >= 1
        assert said.rstrip().endswith("OK")
        assert has_column("migrating")

    def test_without_limits_for_a_maintenance_window(self) -> None:
        seen = import_module("tests.requests311.migrating.migrations.0001_column").SEEN
        seen.clear()
        migrate("0001", no_lock_limit=True)
        assert seen == ["5s"]

    def test_what_would_hold_a_big_table_is_rolled_back(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(schema_locks, "BIG", 0)  # our one request is a big table now
        migrate("0002")
        with pytest.raises(CommandError) as info:
            migrate("0003")
        assert "--no-lock-limit" in str(info.value)
        assert not has_column("slow")
        assert value("SHOW statement_timeout") == "0"
        assert value("SELECT count(*) FROM django_migrations WHERE name = '0003_too_slow'") == 0


class TestConcurrentIndexes:
    def building(self) -> bool:
        return bool(value("SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting%'"))

    def test_waits_for_long_transactions_while_nobody_waits_for_it(self) -> None:
        migrate("0001")
        with another() as holder, ThreadPoolExecutor(1) as pool:
            holder.execute(A_WRITE)
            done = in_a_thread(pool, lambda: migrate("0002"))
            wait_until(self.building, "the index was not begun")
            time.sleep(2 * schema_locks.WAIT)
            with another() as writer:
                writer.execute(f"SET lock_timeout = '{PATIENCE}'")
                writer.execute("LOCK TABLE requests311_servicerequest IN ROW EXCLUSIVE MODE")
            assert not done.done()
            holder.commit()
            done.result(timeout=60)
        assert value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'migrating_index'::regclass")

    def test_one_left_unfinished_is_dropped_and_built_again(self) -> None:
        migrate("0001")
        with another() as holder, ThreadPoolExecutor(1) as pool:
            holder.execute(A_WRITE)
            done = in_a_thread(pool, lambda: migrate("0002"))
            wait_until(self.building, "the index was not begun")
            value("SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index")
            with pytest.raises(OperationalError, match="canceling statement"):
                done.result(timeout=60)
        assert not value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'migrating_index'::regclass")
        said = migrate("0002")
        assert "Dropped the index migrating_index" in said
        assert value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'migrating_index'::regclass")

    def test_one_that_is_being_built_is_left_alone(self) -> None:
        migrate("0001")
        with another() as holder, ThreadPoolExecutor(1) as pool:
            holder.execute(A_WRITE)
            done = in_a_thread(pool, lambda: migrate("0002"))
            wait_until(self.building, "the index was not begun")
            assert schema_locks.drop_invalid_indexes(connection) == []
            holder.commit()
            done.result(timeout=60)
