"""The HTTP load: wrk, which replays prepared calls. Bounded in time, and to loopback."""

import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from script.benchmark.calls import Call, joined
from script.benchmark.latencies import uncorrected
from script.machine import processes
from script.machine.console import ScriptError

SCRIPT = Path(__file__).with_name("replay.lua")


class MeasurementFailed(ScriptError):
    """An answer that a client could not have used; the figures beside it mean nothing."""


@dataclass
class Load:
    """What one slice of load came to."""

    requests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: "Counter[int]" = field(default_factory=Counter)
    statuses: "Counter[int]" = field(default_factory=Counter)

    def add(self, other: "Load") -> None:
        self.requests += other.requests
        self.seconds += other.seconds
        self.cpu_seconds += other.cpu_seconds
        self.latencies.update(other.latencies)
        self.statuses.update(other.statuses)

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


def replay(
    calls: Sequence[Call],
    *,
    port: int,
    connections: int,
    seconds: int,
    expected: frozenset[int],
    once: bool,
    folder: Path,
) -> Load:
    """Sends the calls from that many connections at once. Raises MeasurementFailed on any other status."""
    program = shutil.which("wrk")
    if program is None:
        raise ScriptError("wrk is not installed.")
    file = folder / "calls"
    file.write_bytes(joined(calls, f"127.0.0.1:{port}"))
    environment = {
        **os.environ,
        "REPLAY_FILE": str(file),
        "REPLAY_ONCE": "1" if once else "0",
        "REPLAY_KEYS": secrets.token_hex(8),
    }
    command = [program, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(SCRIPT)]
    before = _children_cpu()
    output = processes.run([*command, f"http://127.0.0.1:{port}/"], what="wrk", env=environment)
    return _read(output, connections, expected, _children_cpu() - before)


def _read(output: str, connections: int, expected: frozenset[int], cpu: float) -> Load:
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise MeasurementFailed(f"wrk gave no result:\n{processes.tail(output)}")
    found = json.loads(line.removeprefix("RESULT "))
    statuses = Counter({int(status): count for status, count in found["statuses"].items()})
    wrong = {status: count for status, count in statuses.items() if status not in expected}
    if wrong or found["socket_errors"]:
        raise MeasurementFailed(
            f"of {found['requests']} answers {wrong or 'none'} were not {sorted(expected)}, "
            f"{found['socket_errors']} connections failed. The first: {found['refusal'] or 'no answer'}"
        )
    if found["exhausted"]:
        raise MeasurementFailed("the prepared calls were used up; give fewer --seconds")
    latencies = uncorrected(
        Counter(dict(found["latencies"])),
        requests=found["requests"],
        connections=connections,
        microseconds=found["microseconds"],
    )
    return Load(found["requests"], found["microseconds"] / 1e6, cpu, latencies, statuses)


def _children_cpu() -> float:
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)
