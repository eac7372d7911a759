"""What the processes take: seconds of CPU by kind, megabytes of each web worker."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import psutil

_MEGABYTE = 1_000_000


def cpu_seconds(roots: Mapping[str, int]) -> dict[str, float]:
    """User and system time of each kind's process and everything it started, the ended ones included."""
    return {kind: _cpu(pid) for kind, pid in roots.items()}


def _cpu(pid: int) -> float:
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
    return total


def workers(web: int) -> list[psutil.Process]:
    """The web server's worker processes."""
    return [process for process in psutil.Process(web).children() if process.status() != psutil.STATUS_ZOMBIE]


def memory(web: int) -> list[dict[str, float]]:
    """Of each web worker, in megabytes: all it maps (RSS), its fair share (PSS), what is its alone (USS)."""
    found = []
    for worker in workers(web):
        with contextlib.suppress(psutil.NoSuchProcess):
            full = worker.memory_full_info()
            found.append(
                {
                    "pid": worker.pid,
                    "rss": round(full.rss / _MEGABYTE, 1),
                    "pss": round(full.pss / _MEGABYTE, 1),
                    "uss": round(full.uss / _MEGABYTE, 1),
                }
            )
    return found


class MemoryWatch:
    """The largest web worker's RSS, looked at five times a second."""

    def __init__(self, web: int) -> None:
        self.web = web
        self.megabytes: list[float] = []

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(0.2):
                with contextlib.suppress(psutil.NoSuchProcess, ValueError):
                    self.megabytes.append(max(process.memory_info().rss for process in workers(self.web)) / _MEGABYTE)

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def growth(self) -> float | None:
        """The last third's mean beside the first third's; None where too little was seen."""
        third = len(self.megabytes) // 3
        if not third:
            return None
        first, last = self.megabytes[:third], self.megabytes[-third:]
        return round((sum(last) / third) / (sum(first) / third), 3)


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    return {kind: round(after[kind] - before[kind], 3) for kind in after}
