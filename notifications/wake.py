"""Tells a worker that there is something to do. Only a hint: the work itself is in the database.

A request thread waits for no network but the database and the file store (DESIGN §2), so publishing is done
by one daemon thread a process, from a short bounded queue. A broker that is down or hangs costs the caller
microseconds, and a hint that is lost costs the delay until the sweepers of CELERY_BEAT_SCHEDULE look.
"""

import atexit
import os
import threading
import time
from typing import Any

import structlog
from celery import Task
from prometheus_client import Counter

logger = structlog.get_logger(__name__)

WAKES = Counter("requests311_wakes_total", "Hints to workers, by what became of them.", ["outcome"])

#: Seconds without a try after a failure; about the pace of the sweepers.
PAUSE_SECONDS = 5.0
#: Seconds between two messages of a process for a task that takes many ids: what comes in between goes as one.
#: The first after a quiet time goes at once.
GATHER_SECONDS = 0.05
#: Hints that may wait. Equal ones are one, so that this is only reached by many different ids at once.
QUEUE_LENGTH = 1000
#: Seconds that the end of a process waits for its last hints.
FAREWELL_SECONDS = 1.0


class TakesManyIds(Task):  # type: ignore[type-arg]  # generic in its stubs alone
    """Base of a task that is called with `*ids`, as many as one message may carry."""

    abstract = True
    ids_at_most = 100


Hint = tuple[Any, tuple[Any, ...]]


class Publisher:
    """One process's thread, its queue and its circuit breaker."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.changed = threading.Condition()
        self.waiting: dict[Hint, None] = {}
        self.busy = False
        self.broken_until = 0.0
        self.gathered_at = 0.0
        self.said = False
        threading.Thread(target=self.run, name="wake", daemon=True).start()

    def put(self, hint: Hint) -> None:
        with self.changed:
            if time.monotonic() < self.broken_until:
                outcome = "skipped"
            elif hint in self.waiting:
                outcome = "merged"
            elif len(self.waiting) >= QUEUE_LENGTH:
                outcome = "dropped"
            else:
                self.waiting[hint] = None
                self.changed.notify_all()
                return
        WAKES.labels(outcome=outcome).inc()

    def run(self) -> None:
        while True:
            with self.changed:
                self.busy = False
                self.changed.notify_all()
                while not self.waiting:
                    self.changed.wait()
                task, _ = next(iter(self.waiting))
                self.busy = True
            if _ids_at_most(task) > 1:
                time.sleep(max(0.0, self.gathered_at + GATHER_SECONDS - time.monotonic()))
                self.gathered_at = time.monotonic()
            self.publish(task, self.take(task))

    def take(self, task: Any) -> list[Hint]:
        """The hints that go as one message, the oldest first; they wait no longer."""
        with self.changed:
            hints = [hint for hint in self.waiting if hint[0] is task][: _ids_at_most(task)]
            for hint in hints:
                del self.waiting[hint]
        return hints

    def publish(self, task: Any, hints: list[Hint]) -> None:
        """Twice, since a broker that was restarted leaves dead connections in the pool."""
        args = tuple(arg for _, args in hints for arg in args)
        for last in (False, True):
            try:
                task.apply_async(args=args, retry=False)
            except Exception as error:
                if last:
                    self.fail(error, len(hints))
            else:
                WAKES.labels(outcome="published").inc(len(hints))
                if self.said:
                    self.said = False
                    logger.info("broker_back")
                return

    def fail(self, error: Exception, hints: int) -> None:
        with self.changed:
            lost = hints + len(self.waiting)
            self.waiting.clear()
            self.broken_until = time.monotonic() + PAUSE_SECONDS
        WAKES.labels(outcome="failed").inc(lost)
        if not self.said:
            self.said = True
            logger.warning("broker_unreachable", error=type(error).__name__)

    def flush(self, timeout: float) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: not self.waiting and not self.busy, timeout)


def _ids_at_most(task: Any) -> int:
    return int(getattr(task, "ids_at_most", 1))


_lock = threading.Lock()
_publisher: Publisher | None = None


def _current() -> Publisher:
    """This process's publisher; a forked child has no thread of its parent's and makes its own."""
    global _publisher
    publisher = _publisher
    if publisher is None or publisher.pid != os.getpid():
        with _lock:
            publisher = _publisher
            if publisher is None or publisher.pid != os.getpid():
                publisher = _publisher = Publisher()
                atexit.register(flush, FAREWELL_SECONDS)
    return publisher


def wake(task: Any, *args: Any) -> None:
    """Publishes the Celery task with these arguments (ids) soon; never raises, never waits."""
    try:
        if task.app.conf.task_always_eager:
            task.apply_async(args=args)
        else:
            _current().put((task, args))
    except Exception as error:
        WAKES.labels(outcome="failed").inc()
        logger.warning("wake_failed", error=type(error).__name__)


def flush(timeout: float) -> bool:
    """Waits at most `timeout` seconds until every hint so far is published or given up; answers whether."""
    publisher = _publisher
    if publisher is None or publisher.pid != os.getpid():
        return True
    return publisher.flush(timeout)


def reset() -> None:
    """Closes the circuit breaker, as if no failure had been seen. For tests and for forks."""
    publisher = _publisher
    if publisher is not None and publisher.pid == os.getpid():
        with publisher.changed:
            publisher.broken_until = 0.0
            publisher.said = False
