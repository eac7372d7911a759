"""Races without luck: the second one starts while the first holds its locks, and is seen to wait for them."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any

from django.db import connection, transaction


def one_behind_the_other(first: Callable[[], Any], second: Callable[[], Any]) -> "tuple[Future[Any], Future[Any]]":
    """Runs `first` up to its COMMIT, has `second` wait for it on its own connection, and then commits."""
    done, go = Event(), Event()

    def hold() -> Any:
        try:
            with transaction.atomic():
                answer = first()
                done.set()
                go.wait(timeout=30)
            return answer
        finally:
            done.set()
            connection.close()

    def follow() -> Any:
        try:
            return second()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(hold)
        assert done.wait(timeout=30)
        other = pool.submit(follow)
        try:
            while not other.done() and not _somebody_waits():
                time.sleep(0.01)
        finally:
            go.set()
    return one, other


def _somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])
