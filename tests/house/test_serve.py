"""`python -m config.serve` as a process: answers, drains on SIGTERM, loses no request, says what is wrong."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.processes import free_port, web

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.django_db(transaction=True)


def test_answers_and_ends_with_0(tmp_path: Path) -> None:
    with web(tmp_path) as server:
        assert server.http.get("/livez").status_code == 200
        assert server.http.get("/readyz").status_code == 200
        workers = psutil.Process(server.process.pid).children()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert not any(worker.is_running() for worker in workers)
        assert not server.drain_file.exists()


def test_readyz_fails_first_while_everything_else_is_answered(tmp_path: Path) -> None:
    with web(tmp_path, "--drain", "3") as server:
        server.process.send_signal(signal.SIGTERM)
        for _ in range(200):
            if server.drain_file.exists():
                break
            time.sleep(0.01)
        ready = server.http.get("/readyz")
        assert ready.status_code == 503
        # A kept-alive client is told to go, or it would hold the worker for as long as it keeps asking.
        assert ready.headers["Connection"] == "close"
        assert server.http.get("/livez").status_code == 200
        assert server.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            server.http.get("/livez")


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    """The body of a request is still on its way when SIGTERM comes; the answer arrives all the same."""
    with web(tmp_path) as server:
        begun, go = threading.Event(), threading.Event()

        def slow_body() -> Iterator[bytes]:
            yield b"{"
            begun.set()
            assert go.wait(20)
            yield b"}"

        answers: list[int] = []

        def send() -> None:
            with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
                headers = {"Content-Type": "application/json", "Content-Length": "2"}
                answers.append(client.post("/api/v1/auth/guest", content=slow_body(), headers=headers).status_code)

        sender = threading.Thread(target=send)
        sender.start()
        assert begun.wait(20)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert server.process.poll() is None
        go.set()
        sender.join(30)
        assert answers == [201]
        assert server.process.wait(30) == 0


def test_sigterm_while_the_workers_are_still_importing(tmp_path: Path) -> None:
    """They inherit the parent's handler by fork; without a reset the signal is lost and they stay 30 s."""
    with web(tmp_path, up=False) as server:
        # One child first: it checks the settings and is gone before the two workers come.
        for _ in range(4000):
            if len(_children(server.process.pid)) == 2:
                break
            time.sleep(0.005)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert time.monotonic() - begun < 15


def test_a_signal_that_comes_with_the_fork_ends_the_worker() -> None:
    """The window between fork() and the first line of the child: too small to be hit by waiting for it."""
    program = """if True:
        import os, signal, time
        from config.serve import fork_deaf_to_no_signal

        signal.signal(signal.SIGTERM, lambda *_: None)
        # Before ours in the child, where the parent's handler still stands.
        os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
        fork_deaf_to_no_signal()
        child = os.fork()
        if child == 0:
            time.sleep(0.01)
            os._exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os.kill(os.getpid(), signal.SIGTERM)  # the parent hears again
    """
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stdout) == (0, f"{-signal.SIGTERM}\n"), answer.stderr


def _children(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        found: list[psutil.Process] = psutil.Process(pid).children()
        return found
    return []


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with web(tmp_path, "--workers", "1") as server:
        (first,) = _children(server.process.pid)
        first.kill()
        for _ in range(300):
            if (others := _children(server.process.pid)) and others[0].pid != first.pid:
                break
            time.sleep(0.1)
        server.wait_up()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0


def test_a_wrong_setting_is_told_once() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "config.serve", "--port", str(free_port())],
        cwd=ROOT,
        env={**os.environ, "ENVIRONMENT": "test", "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 78
    assert answer.stderr.count("DATABASE_URL: missing") == 1
