"""`manage.py retain`: removes what is older than it is to be kept, or says what it would remove."""

import argparse
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, TaskID

from requests311.retention.run import BATCH, Outcome, retain
from requests311.retention.sweeps import Rows, Sweep, sweeps


class Command(BaseCommand):
    help = (
        "Removes what is older than it is to be kept: events of requests closed long ago, messages and deliveries,"
        " sessions, photos without a report. Beat does the same every hour. Exit codes: 0 done, 1 a part failed"
        " (the others are done), 130 or 143 stopped by Ctrl-C or SIGTERM after the batch at hand."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and remove nothing")
        parser.add_argument("--batch", type=_batch, default=BATCH, help=f"rows a transaction removes, {BATCH}")

    def handle(self, *, dry_run: bool, batch: int, **options: Any) -> None:
        found = [(sweep.name, sweep.count()) for sweep in sweeps()]
        if dry_run:
            for name, rows in found:
                self.stdout.write(f"{name}: {_words(rows)}")
            total: Counter[str] = Counter()
            for _, rows in found:
                total.update(rows)
            self.stdout.write(f"{_words(total)} would be removed; nothing was (dry run).")
            return
        with stopping_on_signals() as stopped, Bars(self.stderr, found) as bars:
            outcome = retain(batch=batch, stop=lambda: bool(stopped), told=bars.told)
        self._report(outcome, stopped[0] if stopped else None)

    def _report(self, outcome: Outcome, stopped_by: int | None) -> None:
        self.stdout.write(f"Removed {_words(outcome.removed)}.")
        for name, error in outcome.failed.items():
            self.stderr.write(f"{name}: {type(error).__name__}: {error}")
        if stopped_by is not None and outcome.left:
            raise CommandError(
                f"Stopped after a whole batch; not finished: {', '.join(outcome.left)}. Run it again to go on.",
                returncode=128 + stopped_by,
            )
        if outcome.failed:
            raise CommandError("Not everything could be removed; the reasons are above. Run it again to go on.")


class Bars:
    """A bar for each sweep on a terminal, a line for each batch elsewhere; on stderr."""

    def __init__(self, stream: Any, found: list[tuple[str, Rows]]) -> None:
        self._stream = stream
        self._progress = Progress(console=Console(stderr=True), disable=not stream.isatty())
        self._tasks: dict[str, TaskID] = {
            name: self._progress.add_task(name, total=sum(rows.values())) for name, rows in found
        }

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def told(self, sweep: Sweep, rows: Rows) -> None:
        if self._progress.disable:
            self._stream.write(f"{sweep.name}: {_words(rows)}")
        elif sweep.name in self._tasks:
            self._progress.advance(self._tasks[sweep.name], sum(rows.values()))


@contextmanager
def stopping_on_signals() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM are noted in the list and the batch at hand ends; a second one ends it at once."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if received:
            # Safe too: the batch is rolled back.
            raise KeyboardInterrupt
        received.append(number)

    former = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _words(rows: Rows) -> str:
    return ", ".join(f"{count:,} {table}" for table, count in rows.items() if count) or "nothing"


def _batch(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 10000")
    return number
