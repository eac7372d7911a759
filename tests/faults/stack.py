"""The whole server as processes of its own, so that a test can stop, kill and start each part."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import redis

from tests.processes import Web, database_url, free_port, wait_until, web

ROOT = Path(__file__).resolve().parents[2]


class Broker:
    """A Redis of this test alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        client = redis.Redis(port=self.port)

        def answers() -> bool:
            with contextlib.suppress(redis.ConnectionError):
                return bool(client.ping())
            return False

        wait_until(answers, "Redis did not start")
        client.close()

    def stop(self) -> None:
        """As a machine that is gone: nothing it held comes back."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Workers:
    """A Celery worker with its beat, in a process group that can be killed at once."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def figures(self) -> str:
        """What the worker tells Prometheus."""
        answer = httpx.get(f"http://127.0.0.1:{self.environment['WORKER_METRICS_PORT']}/metrics", trust_env=False)
        return answer.raise_for_status().text

    def start(self, *, processes: int = 2) -> None:
        # Its children count in files of their own, which a former worker's must not be added to.
        metrics = Path(tempfile.mkdtemp(dir=self.folder))
        self.environment["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
        arguments = ["-A", "config", "worker", "-B", "-s", str(self.folder / "beat"), "-l", "warning"]
        arguments += ["-c", str(processes)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", *arguments, "-Q", "default,notifications,photos"],
            cwd=ROOT,
            env=self.environment,
            start_new_session=True,
        )

    def kill(self) -> None:
        """kill -9 of the worker and all its children, in the middle of whatever they do."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


class Stack:
    """Broker, workers, web server and the FCM emulator, over the test's database."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.broker = Broker(folder)
        self.environment = {
            **os.environ,
            **environment,
            "ENVIRONMENT": "test",
            "DATABASE_URL": database_url(),
            "BROKER_URL": self.broker.url,
            "REDIS_URL": self.broker.url,
            "STORAGE_URL": (folder / "media").as_uri(),
            "WORKER_METRICS_PORT": str(free_port()),
            "LOG_LEVEL": "WARNING",
            "SWEEP_SECONDS": "1",
            # The shortest lease there is, so that what a killed worker held is free again soon.
            "PUSH_TIMEOUT_SECONDS": "1",
            "DELIVERY_LEASE_SECONDS": "1",
            **{f"RATE_LIMIT_{scope}": "100000/hour" for scope in ("GUEST", "SUBMIT", "PHOTO", "REFRESH", "SIGN_IN")},
        }
        self.workers = Workers(self.environment, folder)

    def web(self, *options: str) -> contextlib.AbstractContextManager[Web]:
        return web(self.folder, *options, environment=self.environment)

    def close(self) -> None:
        self.workers.kill()
        self.broker.stop()


@contextlib.contextmanager
def running_stack(folder: Path, environment: dict[str, str]) -> Iterator[Stack]:
    stack = Stack(folder, environment)
    try:
        yield stack
    finally:
        stack.close()
