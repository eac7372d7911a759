"""One operation at one concurrency: ours and the bare one in turns, so that a noisy machine meets both."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from script.benchmark import bare as bare_work
from script.benchmark import consumption, photo_client, statements
from script.benchmark.cluster import SlowPlans
from script.benchmark.latencies import percentile
from script.benchmark.load import Load, MeasurementFailed, replay
from script.benchmark.people import People
from script.benchmark.stack import MEDIA
from script.benchmark.workloads.submit_photo import BYTES
from script.benchmark.workloads.workload import CALLS, Workload, World

if TYPE_CHECKING:
    import psycopg

#: More than any machine does in a second; so many calls are prepared where each can be made once.
_AT_MOST_A_SECOND = 1500
#: The same of bare inserts.
_BARE_AT_MOST_A_SECOND = 9000


class NotThere(Exception):
    """The server has no such endpoint."""


@dataclass
class Bench:
    """What a measurement runs on."""

    connection: "psycopg.Connection[Any]"
    url: str
    options: str
    port: int
    roots: dict[str, int]
    people: People
    folder: Path
    seconds: int

    @property
    def slices(self) -> list[int]:
        """Seconds of each turn: wrk counts whole ones."""
        return [self.seconds] if self.seconds < 2 else [self.seconds // 2, self.seconds - self.seconds // 2]


class Measurement:
    """One operation over one size of the table, at as many concurrencies as are asked for."""

    def __init__(self, bench: Bench, workload: Workload, world: World) -> None:
        self.bench = bench
        self.workload = workload
        self.world = world
        self._renew()
        self.calls = workload.calls(world, CALLS if not workload.once else _AT_MOST_A_SECOND)
        if not self.calls:
            raise MeasurementFailed("there is nothing to call it with")
        self._probe()
        #: Statements that can be gone through again and again are captured once.
        self._kept: bare_work.Bare | None = None

    def run(self, connections: int) -> dict[str, Any]:
        """Warms both up, then measures them in turns."""
        self._ours(connections, 1)
        self._bare(connections, 1)
        slow, watch = SlowPlans(), consumption.MemoryWatch(self.bench.roots["web"])
        ours, theirs = Load(), Load()
        counted: list[tuple[str, int, float, int]] = []
        cpu: dict[str, float] = {}
        for seconds in self.bench.slices:
            statements.reset(self.bench.connection)
            before = consumption.cpu_seconds(self.bench.roots)
            with watch.watching():
                part = self._ours(connections, seconds)
            used = consumption.difference(before, consumption.cpu_seconds(self.bench.roots))
            cpu = {kind: round(cpu.get(kind, 0.0) + value, 3) for kind, value in used.items()}
            counted += statements.read(self.bench.connection)
            ours.add(part)
            theirs.add(self._bare(connections, seconds))
        return self._figures(connections, ours, theirs, _summed(counted), cpu, watch, slow)

    def _ours(self, connections: int, seconds: int) -> Load:
        workload, bench = self.workload, self.bench
        self._renew()
        if workload.photo:
            try:
                return photo_client.run(
                    self.calls,
                    port=bench.port,
                    connections=connections,
                    seconds=seconds,
                    size=BYTES,
                    folder=bench.folder,
                )
            finally:
                shutil.rmtree(MEDIA, ignore_errors=True)
        if workload.once:
            self.calls = workload.calls(self.world, _AT_MOST_A_SECOND * seconds)
        return replay(
            self.calls,
            port=bench.port,
            connections=connections,
            seconds=seconds,
            expected=workload.expected,
            once=workload.once,
            folder=bench.folder,
        )

    def _bare(self, connections: int, seconds: int) -> Load:
        bench = self.bench
        work = self._kept or self.workload.bare(self.world, self.calls, _BARE_AT_MOST_A_SECOND * seconds)
        if not work.once:
            self._kept = work
        if not work.statements:
            raise MeasurementFailed("the endpoint ran no statement of its own")
        try:
            return bare_work.run(
                work,
                url=bench.url,
                options=bench.options,
                connections=connections,
                seconds=seconds,
                folder=bench.folder,
            )
        finally:
            for files in bench.folder.glob("files-*"):
                shutil.rmtree(files, ignore_errors=True)

    def _renew(self) -> None:
        """Fresh tokens, in the world and so in calls that are prepared from now on."""
        if self.bench.people.renew() or not self.world.guests:
            self.world.guests = self.bench.people.guest_tokens
            self.world.dispatcher = self.bench.people.dispatcher_token
            if hasattr(self, "calls"):
                self.calls = self.workload.calls(self.world, len(self.calls))

    def _probe(self) -> None:
        """Raises NotThere where the server does not know the path."""
        import http.client

        if self.workload.expected == {201} or self.workload.once:
            return
        call = self.calls[0]
        connection = http.client.HTTPConnection("127.0.0.1", self.bench.port, timeout=30)
        try:
            connection.request(call.method, call.path, headers={"Authorization": f"Bearer {call.token}"})
            answer = connection.getresponse()
            text = answer.read(300).decode(errors="replace")
        finally:
            connection.close()
        if answer.status == 404:
            raise NotThere(f"{call.method} {call.path.partition('?')[0]} answers 404")
        if answer.status not in self.workload.expected:
            raise MeasurementFailed(f"{call.method} {call.path} answered {answer.status}: {text}")

    def _figures(
        self,
        connections: int,
        ours: Load,
        theirs: Load,
        counted: list[tuple[str, int, float, int]],
        cpu: dict[str, float],
        watch: consumption.MemoryWatch,
        slow: SlowPlans,
    ) -> dict[str, Any]:
        words = self._kept.words if self._kept else self.workload.bare(self.world, self.calls[:1], 1).words
        return {
            "operation": self.workload.name,
            "title": self.workload.title,
            "size": self.world.size,
            "concurrency": connections,
            "ours": {
                **_figures(ours),
                **statements.summary(counted, ours.requests),
                "statuses": {str(status): count for status, count in sorted(ours.statuses.items())},
                "cpu_seconds": {**cpu, "load_tool": round(ours.cpu_seconds, 3)},
                "cpu_ms_per_call": {
                    kind: round(1000 * value / max(1, ours.requests), 3)
                    for kind, value in {**cpu, "load_tool": ours.cpu_seconds}.items()
                },
                "memory": consumption.memory(self.bench.roots["web"]),
                "memory_growth": watch.growth(),
            },
            "bare": {"words": words, **_figures(theirs), "cpu_seconds": round(theirs.cpu_seconds, 3)},
            "ratio": round(ours.per_second / theirs.per_second, 3) if theirs.per_second else None,
            "slow_plans": slow.read(),
        }


def _figures(load: Load) -> dict[str, Any]:
    if not load.requests:
        raise MeasurementFailed("not one call was answered in the time")
    return {
        "requests": load.requests,
        "seconds": round(load.seconds, 3),
        "per_second": round(load.per_second, 1),
        "p50_ms": percentile(load.latencies, 0.5),
        "p95_ms": percentile(load.latencies, 0.95),
        "p99_ms": percentile(load.latencies, 0.99),
        "errors": 0,
    }


def _summed(rows: Sequence[tuple[str, int, float, int]]) -> list[tuple[str, int, float, int]]:
    total: dict[str, tuple[int, float, int]] = {}
    for query, calls, milliseconds, count in rows:
        old = total.get(query, (0, 0.0, 0))
        total[query] = (old[0] + calls, old[1] + milliseconds, old[2] + count)
    return sorted(((query, *rest) for query, rest in total.items()), key=lambda row: -row[2])
