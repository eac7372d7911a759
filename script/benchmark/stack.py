"""The server's processes: web as production has it, a worker only where messages are measured."""

import contextlib
import threading
from collections.abc import Iterator
from typing import IO, Any

from script.machine import ROOT, VAR, ports, processes, venv

LOG = VAR / "log" / "bench.log"
CREDENTIALS = VAR / "bench" / "service-account.json"
MEDIA = VAR / "bench" / "media"
#: Workers of the web server: one a core of the machine that the targets are for.
WEB_WORKERS = 2


class Stack:
    """Starts and stops each part; what one `with` starts, the end of it stops."""

    def __init__(self, environment: dict[str, str], register: processes.Register) -> None:
        self.environment = environment
        self.register = register
        self.port = ports.next_free(8100)
        self.emulator_port = ports.next_free(self.port + 1)
        environment["FIREBASE_CREDENTIALS"] = str(CREDENTIALS)
        environment["FCM_ENDPOINT"] = f"http://127.0.0.1:{self.emulator_port}"
        environment["STORAGE_URL"] = MEDIA.as_uri()
        # Every call still counts, at a limit that none reaches.
        scopes = ("GUEST", "SIGN_IN", "REFRESH", "SUBMIT", "PHOTO", "WRITE", "READ", "MAP", "GEOCODE")
        environment |= {f"RATE_LIMIT_{scope}": "100000000/hour" for scope in scopes}
        LOG.parent.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def web(self) -> Iterator[int]:
        """The web server; its process id."""
        command = [str(venv.PYTHON), "-m", "config.serve", "--port", str(self.port), "--workers", str(WEB_WORKERS)]
        with self._running("web", command) as pid:
            _wait(f"http://127.0.0.1:{self.port}/readyz")
            yield pid

    @contextlib.contextmanager
    def emulator(self) -> Iterator[int]:
        """Phones: the FCM emulator."""
        command = [str(venv.PYTHON), "manage.py", "fcm_emulator", "--port", str(self.emulator_port)]
        with self._running("phones", [*command, "--credentials", str(CREDENTIALS)]) as pid:
            _wait(f"http://127.0.0.1:{self.emulator_port}/")
            yield pid

    @contextlib.contextmanager
    def worker(self, *, processes: int = 2) -> Iterator[int]:
        """The Celery worker with its beat, with so many processes."""
        command = [str(venv.PYTHON), "-m", "celery", "-q", "-A", "config", "worker", "-B", "-c", str(processes)]
        command += ["-s", str(VAR / "bench" / "beat"), "-Q", "default,notifications,photos", "-l", "warning"]
        with self._running("worker", [*command, "--without-gossip", "--without-mingle"]) as pid:
            yield pid

    @contextlib.contextmanager
    def _running(self, name: str, command: list[str]) -> Iterator[int]:
        output: IO[Any]
        with LOG.open("ab") as output:
            child = processes.start(command, output=output, env=self.environment, cwd=ROOT)
        self.register.add(name, child.pid)
        try:
            yield child.pid
        finally:
            processes.stop(child.pid, patience=40)
            child.wait()
            self.register.remove(name)


def _wait(url: str) -> None:
    from script.server import wait_ready

    wait_ready(url, threading.Event())
