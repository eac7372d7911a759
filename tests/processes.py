"""Our programs as processes of their own, over the test's database."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]


def database_url() -> str:
    """The test database of this xdist worker, for another process."""
    database = connection.settings_dict
    user, password = quote(database["USER"], safe=""), quote(database["PASSWORD"], safe="")
    return f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"


def free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def wait_until(is_so: Callable[[], bool], otherwise: str, *, seconds: float = 60) -> None:
    """Bounded waiting for something that will be so; the bound is for what never comes, not for speed."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, otherwise
        time.sleep(0.05)


class Web:
    """A running web server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, drain_file: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.drain_file = drain_file
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def wait_up(self) -> None:
        def is_up() -> bool:
            assert self.process.poll() is None, "the web server ended"
            with contextlib.suppress(httpx.TransportError):
                return self.http.get("/livez").status_code == 200
            return False

        wait_until(is_up, "the web server did not come up")


@contextlib.contextmanager
def web(folder: Path, *options: str, up: bool = True, environment: dict[str, str] | None = None) -> Iterator[Web]:
    """Starts a web server on a free port and takes its whole family down at the end."""
    port = free_port()
    drain_file = folder / "draining"
    process = subprocess.Popen(
        [sys.executable, "-m", "config.serve", "--port", str(port), *options],
        cwd=ROOT,
        env={
            **os.environ,
            "ENVIRONMENT": "test",
            "DATABASE_URL": database_url(),
            "STORAGE_URL": (folder / "media").as_uri(),
            **(environment or {}),
            "DRAIN_FILE": str(drain_file),
        },
    )
    server = Web(process, port, drain_file)
    try:
        if up:
            server.wait_up()
        yield server
    finally:
        server.http.close()
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait()
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
