"""`manage.py load_city samples/…`: brings a city's files into the database, or says why not."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import track

from requests311.city.difference import Difference
from requests311.city.loading import load_city
from requests311.city.problems import BrokenCity

T = TypeVar("T")
#: As a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Loads a city (boundaries, departments, services, routing) from a folder of YAML files."
    # A city can be loaded before the API's own settings are complete.
    requires_system_checks = []
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="jurisdiction, departments, services and routing .yaml")
        parser.add_argument("--dry-run", action="store_true", help="print the difference and write nothing")

    def handle(self, *, folder: Path, dry_run: bool, verbosity: int, **options: Any) -> None:
        if not folder.is_dir():
            raise CommandError(f"{folder}: no such folder")
        try:
            difference = load_city(folder, dry_run=dry_run, progress=self._progress, say=self._say)
        except BrokenCity as error:
            count = len(error.problems)
            raise CommandError(
                f"{error}\n{folder} is refused: {count} problem{'s' if count > 1 else ''}; nothing was written."
            ) from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was written.", returncode=INTERRUPTED) from error
        for change in difference.changes:
            # A first loading makes hundreds of rows; what is changed or removed is always said.
            if dry_run or verbosity > 1 or change.sign != "+":
                self.stdout.write(str(change))
        self.stdout.write(_summary(folder, difference, dry_run=dry_run))

    def _say(self, text: str) -> None:
        self.stderr.write(text)

    def _progress(self, items: Sequence[T], what: str) -> Iterable[T]:
        """A bar on a terminal, a line elsewhere; on stderr, so that a printed difference can be kept."""
        if self.stderr.isatty():
            return track(items, description=what, console=Console(stderr=True), transient=True)
        self._say(f"{what} …")
        return items


def _summary(folder: Path, difference: Difference, *, dry_run: bool) -> str:
    if not difference:
        return f"{folder}: nothing to change."
    counts = [(difference.count(sign), word) for sign, word in (("+", "new"), ("~", "changed"), ("-", "removed"))]
    what = ", ".join(f"{count} {word}" for count, word in counts)
    return f"{folder}: {what}; nothing was written (dry run)." if dry_run else f"{folder}: {what}."
