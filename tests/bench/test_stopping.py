"""Whatever the bench starts ends with it, also in the middle of a load."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from script.benchmark import clients
from script.benchmark.load import MeasurementFailed
from script.machine.processes import birth

ROOT = Path(__file__).resolve().parents[2]

#: A client that would go on for a minute; its process ids are told as soon as it works.
LOAD = """
import sys, tempfile
from pathlib import Path
from script.benchmark import clients
from script.machine import preparation

def body():
    folder = Path(sys.argv[1])
    with clients.started("tests.bench.endless", [{"threads": 2, "seconds": 60}] * 2, folder) as children:
        for child in children:
            clients._expect(child, b"ready\\n")
            child.stdin.write(b"go\\n")
            child.stdin.flush()
        print(*[child.pid for child in children], flush=True)
        for child in children:
            child.stdout.readline()
    return 0

preparation.command(body)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_client(tmp_path: Path, number: signal.Signals) -> None:
    bench = subprocess.Popen([sys.executable, "-c", LOAD, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert bench.stdout is not None
    children = [int(word) for word in bench.stdout.readline().split()]
    assert len(children) == 2
    assert all(psutil.pid_exists(pid) for pid in children)
    os.kill(bench.pid, number)
    assert bench.wait(30) == 128 + number
    until = time.monotonic() + 10
    while any(birth(pid) for pid in children) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(birth(pid) for pid in children)
    bench.stdout.close()


def test_a_client_that_cannot_work_says_why(tmp_path: Path) -> None:
    with pytest.raises(MeasurementFailed, match="nothing to do here"):
        clients.run("tests.bench.endless", [{"threads": 1, "seconds": 1, "broken": True}], tmp_path)


def test_clients_count_what_they_did(tmp_path: Path) -> None:
    load = clients.run("tests.bench.endless", [{"threads": 2, "seconds": 0.3}], tmp_path)
    assert load.requests == sum(load.latencies.values()) > 10
    assert 0.3 <= load.seconds < 5
