"""A Redis of our own: its own port, its own password, its data below var/."""

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from script.machine import files, ports, processes, secret
from script.machine.console import ScriptError


def program() -> str | None:
    """The server's path; Fedora ships Valkey, the same thing under another name."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class Redis:
    """The server of one folder, from `with` to the end of it."""

    def __init__(self, folder: Path, log: Path, register: processes.Register) -> None:
        self.folder = folder
        self.log = log
        self.register = register
        self.port = 0
        self.password = ""
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            processes.stop(self._server.pid)
            self._server.wait()
            self._server = None
            self.register.remove("Redis")

    def _start(self) -> None:
        path = program()
        if path is None:
            raise ScriptError("Redis is not installed.")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self.password = secret.remembered(self.folder / "password")
        self.port = ports.remembered(self.folder / "port")
        # A file and not arguments: every user of the machine can read a command line.
        files.write(
            self.folder / "redis.conf",
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self.password}\ndaemonize no\n"
            "appendonly no\nsave 300 1\ndbfilename dump.rdb\nmaxmemory-policy noeviction\n",
            0o600,
        )
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            # The dump goes into the working folder, which needs no quoting, as `dir` in the file would.
            self._server = processes.start([path, "redis.conf"], output=output, cwd=self.folder)
        self.register.add("Redis", self._server.pid)
        end = time.monotonic() + 20
        while not self._answers():
            if self._server.poll() is not None or time.monotonic() > end:
                words = self.log.read_text(errors="replace")
                raise ScriptError(f"Redis did not start ({self.log}):\n{processes.tail(words)}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2:
                    part = connection.recv(100)
                    if not part:
                        return False
                    answer += part
                return answer.endswith(b"+PONG\r\n")
        except OSError:
            return False
