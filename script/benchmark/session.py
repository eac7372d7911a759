"""A whole run, inside .venv, with the servers up and Django ready."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.gis.geos import Point
from django.db import connection as django_connection
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from accounts.models import User
from requests311.actions.submit import submit
from requests311.models import Jurisdiction
from script.benchmark import at_rest, push
from script.benchmark.data import copying
from script.benchmark.data.city import read_city
from script.benchmark.data.people import copy_guests, copy_staff
from script.benchmark.data.rows import Generator
from script.benchmark.load import MeasurementFailed
from script.benchmark.measure import Bench, Measurement, NotThere
from script.benchmark.people import People, make_people
from script.benchmark.report import Results
from script.benchmark.stack import Stack
from script.benchmark.workloads import WORKLOADS
from script.benchmark.workloads.workload import World
from script.machine.console import say

REPORTERS, STAFF = 20_000, 200
#: One for each core of the machine that the targets are for.
COPYING = 2
#: So many are written sooner than two processes have started.
_FEW = 20_000


class Session:
    """Fills, measures, fills more, measures again."""

    def __init__(self, options: argparse.Namespace, environment: dict[str, str], stack: Stack) -> None:
        self.options = options
        self.environment = environment
        self.stack = stack
        self.results = Results(options)
        self.connection = _raw_connection()
        code = Jurisdiction.objects.order_by("pk").values_list("code", flat=True)[0]
        self.now = datetime.now(UTC)
        self.reporters = copy_guests(self.connection, REPORTERS, seed=options.seed)
        self.staff = copy_staff(self.connection, STAFF, seed=options.seed)
        self.generator = Generator(
            read_city(code), seed=options.seed, now=self.now, reporters=self.reporters, staff=self.staff
        )
        self.people: People = make_people(self.generator.city.jurisdiction)

    def run(self) -> Results:
        options = self.options
        wanted = [workload for workload in WORKLOADS if workload.name in options.only]
        progress = Progress(
            TextColumn("{task.description:<58}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )
        total = len(options.sizes) * len(wanted) * len(options.concurrency)
        with progress, tempfile.TemporaryDirectory(prefix="requests311-bench-") as folder, self.stack.web() as web:
            bench = self._bench(web, Path(folder))
            measured = progress.add_task("Measuring", total=total)
            filled = 0
            for size in options.sizes:
                self._grow(progress, filled, size)
                filled = size
                world = World(self.generator, [], "", size=size, seed=options.seed)
                for workload in wanted:
                    progress.update(measured, description=f"{workload.title} over {size:,} requests")
                    with self._failures(workload.name, size):
                        measurement = Measurement(bench, workload, world)
                        for connections in options.concurrency:
                            self.results.add(measurement.run(connections))
                            progress.advance(measured)
                self.results.note_memory(size, web)
            progress.update(measured, completed=total, description="Measured")
            if "push" in options.only or "push_at_rest" in options.only:
                self._pushes(progress, Path(folder), world)
        return self.results

    def _bench(self, web: int, folder: Path) -> Bench:
        database = settings.DATABASES["default"]
        return Bench(
            connection=self.connection,
            url=self.environment["DATABASE_URL"],
            options=database["OPTIONS"]["options"],
            port=self.stack.port,
            roots={"web": web, **self._servers()},
            people=self.people,
            folder=folder,
            seconds=self.options.seconds,
        )

    def _servers(self) -> dict[str, int]:
        running = self.stack.register.running
        names = {"postgres": "PostgreSQL", "redis": "Redis"}
        return {kind: running[name][0] for kind, name in names.items() if name in running}

    def _grow(self, progress: Progress, begin: int, end: int) -> None:
        task = progress.add_task(f"Filling the table to {end:,} requests", total=end - begin)
        begun = time.monotonic()
        order = copying.Task(
            city=self.generator.city.jurisdiction.code,
            seed=self.options.seed,
            now=self.now,
            reporters=tuple(self.reporters),
            staff=tuple(self.staff),
            begin=begin,
            end=end,
            share=0,
            of=1,
        )
        with copying.in_bulk(self.connection):
            if end - begin > _FEW:
                copying.grow(order, processes=COPYING, done=lambda count: progress.advance(task, count))
            else:
                copying.copy_past(self.connection, self.generator, begin=begin, end=end)
            copied = time.monotonic()
            progress.update(task, description=f"Making the indexes over {end:,} requests")
        progress.update(task, description=f"Settling {end:,} requests")
        copying.settle(self.connection)
        progress.update(task, description=f"Filled with {end:,} requests")
        self.results.filled(begin, end, self.connection, copying=copied - begun, seconds=time.monotonic() - begun)

    def _pushes(self, progress: Progress, folder: Path, world: World) -> None:
        options = self.options
        task = progress.add_task("Push", total=len({"push", "push_at_rest"} & set(options.only)))
        push.quiet(self.connection, self.environment["BROKER_URL"])
        reports = next(workload for workload in WORKLOADS if workload.name == "submit").calls(
            World(self.generator, ["-"], "-", size=world.size, seed=options.seed), 100
        )

        def report(owner: User) -> None:
            body = reports[0].body or {}
            place = body["location"]
            submit(
                by=owner,
                service=body["service"],
                location=Point(place["longitude"], place["latitude"], srid=4326),
                description=body["description"],
            )

        if "push" in options.only:
            progress.update(task, description=f"Push fan-out to {options.devices:,} devices")
            with self._failures("push", world.size):
                found = push.measure(
                    self.connection, self.stack, self.people.guests[1], report, devices=options.devices, folder=folder
                )
                self.results.push = found | {"size": world.size}
            progress.advance(task)
        if "push_at_rest" in options.only:
            progress.update(task, description="From a change of status to the phone")
            with self._failures("push_at_rest", world.size):
                self.results.push_at_rest = at_rest.measure(self.stack, self.people, reports)
            progress.advance(task)

    @contextmanager
    def _failures(self, operation: str, size: int) -> Iterator[None]:
        """A failure is told at once, the rest is measured all the same, and the exit code says it."""
        try:
            yield
        except NotThere as absence:
            self.results.not_there(operation, str(absence))
        except MeasurementFailed as problem:
            say(f"  FAILED {operation} over {size:,} requests: {problem}")
            self.results.failed(operation, size, str(problem))


def _raw_connection() -> Any:
    """psycopg's own connection of this process, in autocommit."""
    django_connection.ensure_connection()
    return django_connection.connection
