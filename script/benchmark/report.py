"""Every figure of a run, and whether the targets are met, as JSON."""

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from script.benchmark import consumption, targets

if TYPE_CHECKING:
    import psycopg

FORMAT = 1
_SIZES = """
SELECT relname, pg_relation_size(oid), pg_total_relation_size(oid) FROM pg_class
WHERE relname IN ('requests311_servicerequest', 'requests311_event', 'requests311_photo')
"""


class Results:
    """Collects what is measured; `as_json` is the file."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.begun = datetime.now(UTC)
        self.measurements: list[dict[str, Any]] = []
        self.fills: list[dict[str, Any]] = []
        self.memory: list[dict[str, Any]] = []
        self.absences: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.push: dict[str, Any] | None = None
        self.push_at_rest: dict[str, Any] | None = None
        self.postgres = ""

    def add(self, measurement: dict[str, Any]) -> None:
        self.measurements.append(measurement)

    def filled(
        self, begin: int, end: int, connection: "psycopg.Connection[Any]", *, copying: float, seconds: float
    ) -> None:
        """After `copying` seconds all rows were there, after `seconds` also their indexes and statistics."""
        tables = {row[0]: {"bytes": row[1], "with_indexes": row[2]} for row in connection.execute(_SIZES).fetchall()}
        self.fills.append(
            {"from": begin, "to": end, "tables": tables}
            | {"copy_seconds": round(copying, 1), "seconds": round(seconds, 1)}
        )
        row = connection.execute("SELECT version() || '; ' || postgis_full_version()").fetchone()
        self.postgres = row[0] if row else ""

    def note_memory(self, size: int, web: int) -> None:
        self.memory.append({"size": size, "workers": consumption.memory(web)})

    def not_there(self, operation: str, why: str) -> None:
        if operation not in [absence["operation"] for absence in self.absences]:
            self.absences.append({"operation": operation, "why": why})

    def failed(self, operation: str, size: int, why: str) -> None:
        self.failures.append({"operation": operation, "size": size, "why": why})

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "format": FORMAT,
            "measured_at": self.begun.isoformat(timespec="seconds"),
            "seconds": round((datetime.now(UTC) - self.begun).total_seconds()),
            "machine": machine() | {"postgres": self.postgres},
            "conditions": {
                "sizes": list(self.options.sizes),
                "concurrency": list(self.options.concurrency),
                "seconds_a_measurement": self.options.seconds,
                "seed": self.options.seed,
                "web_workers": 2,
                "worker_during_http": False,
            },
            "fills": self.fills,
            "measurements": self.measurements,
            "memory": self.memory,
            "push": self.push,
            "push_at_rest": self.push_at_rest,
            "not_there_yet": self.absences,
            "failures": self.failures,
        }
        found["growth"] = growth(self.measurements)
        verdicts = targets.judge(figures(found))
        found["targets"] = [verdict.as_json() for verdict in verdicts]
        found["targets_met"] = all(verdict.met is True for verdict in verdicts)
        return found


def machine() -> dict[str, Any]:
    """Where it was measured, as far as it matters."""
    model = ""
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = next((line.split()[1] for line in _lines(Path("/proc/meminfo")) if line.startswith("MemTotal")), "0")
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "memory_megabytes": int(memory) // 1000,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def growth(measurements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each operation and concurrency: p95 over the largest table beside that over the smallest."""
    groups: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in measurements:
        groups.setdefault((row["operation"], row["concurrency"]), []).append(row)
    found = []
    for (operation, concurrency), rows in groups.items():
        ordered = sorted(rows, key=lambda row: int(row["size"]))
        small, large = ordered[0], ordered[-1]
        if small["size"] != large["size"]:
            found.append(
                {
                    "operation": operation,
                    "concurrency": concurrency,
                    "from": small["size"],
                    "to": large["size"],
                    "p95": round(large["ours"]["p95_ms"] / small["ours"]["p95_ms"], 3),
                    "bare_p95": round(large["bare"]["p95_ms"] / max(0.001, small["bare"]["p95_ms"]), 3),
                }
            )
    return found


def figures(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What the targets are about, where it was measured as they ask: operation → figure → value."""
    rows: dict[str, dict[str, float]] = {}
    for row in found["measurements"]:
        if row["size"] == targets.SIZE and row["concurrency"] == targets.CONCURRENCY:
            values = rows.setdefault(row["operation"], {})
            values["per_second"] = row["ours"]["per_second"]
            if row["ratio"] is not None:
                values["ratio"] = row["ratio"]
            if row["ours"]["memory_growth"] is not None:
                values["memory_growth"] = row["ours"]["memory_growth"]
    for row in found["growth"]:
        if (row["from"], row["to"], row["concurrency"]) == (10_000, targets.SIZE, targets.CONCURRENCY):
            rows.setdefault(row["operation"], {})["p95_growth"] = row["p95"]
    for row in found["memory"]:
        if row["size"] == targets.SIZE and row["workers"]:
            rows["web"] = {"worker_megabytes": max(worker["rss"] for worker in row["workers"])}
    for row in found["fills"]:
        if row["to"] == targets.SIZE:
            rows["fill"] = {"seconds_a_million": row["copy_seconds"] * 1_000_000 / (row["to"] - row["from"])}
    if found["push"]:
        rows["push"] = {"ratio": found["push"]["ratio"]}
    if found["push_at_rest"]:
        rows["push_at_rest"] = {"median_seconds": found["push_at_rest"]["median_seconds"]}
    return rows
