"""Clients of our own, in processes like the web server's workers: as many, with as many threads.

The parent starts them, waits until each has its connections, lets them go at once and collects what they measured.
"""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from script.benchmark.load import Load, MeasurementFailed
from script.machine import ROOT, processes

#: One repetition of the work: gives microseconds, or None where there is nothing left to do.
Step = Callable[[], int | None]


def spread_over(connections: int, processes_at_most: int = 2) -> list[int]:
    """Threads of each process for so many connections."""
    count = min(connections, processes_at_most)
    return [connections // count + (1 if at < connections % count else 0) for at in range(count)]


@contextlib.contextmanager
def started(module: str, specifications: Sequence[dict[str, Any]], folder: Path) -> Iterator[list[Any]]:
    """A process of `python -m module` for each; stopped at the end, whatever happens."""
    children: list[Any] = []
    try:
        for at, specification in enumerate(specifications):
            file = folder / f"client-{at}.json"
            file.write_text(json.dumps(specification))
            children.append(
                subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", module, str(file)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    cwd=ROOT,
                    start_new_session=True,
                )
            )
        yield children
    finally:
        for child in children:
            if child.poll() is None:
                processes.stop(child.pid, patience=2)
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with contextlib.suppress(OSError):
                    pipe.close()


def run(module: str, specifications: Sequence[dict[str, Any]], folder: Path) -> Load:
    """Runs them side by side; the sum of what they did in the time of the slowest."""
    with started(module, specifications, folder) as children:
        for child in children:
            _expect(child, b"ready\n")
        for child in children:
            child.stdin.write(b"go\n")
            child.stdin.flush()
        total = Load()
        for child in children:
            found = json.loads(_expect(child, None))
            if "error" in found:
                raise MeasurementFailed(found["error"])
            if found["exhausted"]:
                raise MeasurementFailed("the prepared statements were used up; give fewer --seconds")
            latencies = Counter(dict(found["latencies"]))
            part = Load(sum(latencies.values()), 0.0, found["cpu_seconds"], latencies)
            seconds = max(total.seconds, found["seconds"])
            total.add(part)
            total.seconds = seconds
    return total


def _expect(child: Any, line: bytes | None) -> bytes:
    said: bytes = child.stdout.readline()
    if not said or (line is not None and said != line):
        raise MeasurementFailed(f"a client of the bench ended with {child.wait()}: {said.decode(errors='replace')}")
    return said


# --- in the client ---------------------------------------------------------------------------------


def serve(specification: dict[str, Any], make_step: Callable[[int], Step]) -> None:
    """Runs `threads` steps again and again for `seconds`; talks to `run` over stdin and stdout."""
    result: dict[str, Any] = {"latencies": [], "exhausted": False}
    try:
        steps = [make_step(at) for at in range(specification["threads"])]
        _say("ready")
        sys.stdin.readline()
        begun, cpu = time.perf_counter(), time.process_time()
        outcomes = _repeat(steps, begun + specification["seconds"])
        result["seconds"] = time.perf_counter() - begun
        result["cpu_seconds"] = time.process_time() - cpu
        result["exhausted"] = any(exhausted for _, exhausted, _ in outcomes)
        latencies: Counter[int] = Counter()
        for times, _, error in outcomes:
            latencies.update(times)
            if error:
                result["error"] = error
        result["latencies"] = list(latencies.items())
    except Exception as error:
        result["error"] = f"{type(error).__name__}: {error}"
    _say(json.dumps(result))


def _repeat(steps: Sequence[Step], until: float) -> list[tuple["Counter[int]", bool, str]]:
    outcomes: list[tuple[Counter[int], bool, str]] = []

    def work(step: Step) -> None:
        times: Counter[int] = Counter()
        exhausted, error = False, ""
        try:
            while time.perf_counter() < until:
                taken = step()
                if taken is None:
                    exhausted = True
                    break
                times[taken] += 1
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"
        outcomes.append((times, exhausted, error))

    threads = [threading.Thread(target=work, args=(step,), daemon=True) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def specification() -> dict[str, Any]:
    """What the parent asks of this client."""
    found: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    return found
