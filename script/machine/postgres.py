"""A PostgreSQL cluster of our own: its own port, its own password, none of the system's clusters touched."""

import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

from script.machine import accounts, files, ports, processes, secret
from script.machine.console import ScriptError

NAME = "requests311"
#: Where packages of Debian, Fedora and Homebrew put the programs; they are not always in PATH.
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)
#: Where a cluster goes when the account that runs it cannot pass through the checkout's parents.
ELSEWHERE = Path("/var/lib/requests311")


class Installation(NamedTuple):
    """One installed PostgreSQL server."""

    major: int
    programs: Path


#: Before this there is no UNIQUE NULLS NOT DISTINCT, which routing rules and memberships are kept unique by.
OLDEST_MAJOR = 15


def installations() -> list[Installation]:
    """Every PostgreSQL server that is new enough and has PostGIS, newest first."""
    found = set()
    candidates = [Path(place) for pattern in PLACES for place in _glob(pattern)]
    candidates += [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    for folder in candidates:
        # A link into the real folder (Debian machines have some in PATH) counts as that folder.
        programs = (folder / "postgres").resolve().parent
        if not (programs / "initdb").is_file() or not (programs / "postgres").is_file():
            continue
        major = _major(programs / "postgres")
        if major is not None and major >= OLDEST_MAJOR and _has_postgis(programs, major):
            found.add(Installation(major, programs))
    return sorted(found, reverse=True)


def _glob(pattern: str) -> list[str]:
    return [str(path) for path in Path("/").glob(pattern.lstrip("/"))]


def _major(program: Path) -> int | None:
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    match = re.search(r"(\d+)(\.\d+|devel|beta\d|rc\d)", answer.stdout)
    return int(match[1]) if match else None


def _has_postgis(programs: Path, major: int) -> bool:
    prefix = programs.parent
    shares = [
        Path(f"/usr/share/postgresql/{major}"),
        prefix / "share/postgresql",
        prefix / "share/pgsql",
        prefix / f"share/postgresql@{major}",
        prefix / "share",
    ]
    if shutil.which(str(programs / "pg_config")):
        answer = subprocess.run(  # noqa: S603
            [programs / "pg_config", "--sharedir"], capture_output=True, text=True, check=False
        )
        shares.insert(0, Path(answer.stdout.strip() or "/nonexistent"))
    return any((share / "extension/postgis.control").is_file() for share in shares)


class Postgres:
    """The cluster of one folder, from `with` to the end of it.

    `durable=False` is for tests: no fsync, and a cluster that a power cut broke is made again. `settings` are
    more of postgresql.conf's, by name.
    """

    def __init__(
        self,
        folder: Path,
        log: Path,
        register: processes.Register,
        *,
        durable: bool,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.log = log
        self.register = register
        self.durable = durable
        self.settings = dict(settings or {})
        self.account = accounts.unprivileged()
        self.port = 0
        self.password = ""
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgres://{NAME}:{self.password}@127.0.0.1:{self.port}/{NAME}"

    def __enter__(self) -> Self:
        try:
            self._prepare()
            try:
                self._start()
            except ScriptError:
                if self.durable:
                    raise
                shutil.rmtree(self.folder / "data")
                self._prepare()
                self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    # --- making ------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        self._settle()
        self.password = secret.remembered(self.folder / "password")
        self.port = ports.remembered(self.folder / "port")
        if not (self.folder / "data").exists():
            self._make()

    def _settle(self) -> None:
        """Makes the folder, or a link to one that the account reaches.

        As root PostgreSQL runs as `postgres`, for whom a checkout below /root or a `mktemp -d` is out of
        reach. Opening those folders to it would weaken them, so the cluster lives below /var/lib instead.
        """
        if self.folder.is_symlink() and not self._link_is_ours():
            self.folder.unlink()
        if self.folder.exists():
            return
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        if self.account is None or accounts.reaches(self.account, self.folder / "data"):
            self.folder.mkdir()
            self.folder.chmod(0o755)
            if self.account is None or accounts.reaches(self.account, self.folder / "data"):
                return
            self.folder.rmdir()
        elsewhere = ELSEWHERE / secrets.token_hex(8)
        elsewhere.mkdir(parents=True)
        for folder in (ELSEWHERE, elsewhere):
            folder.chmod(0o755)
        files.write(elsewhere / "checkout", f"{self.folder.absolute()}\n")
        self.folder.symlink_to(elsewhere)

    def _link_is_ours(self) -> bool:
        """False for a link that leads nowhere, and in a copy of a checkout that still uses the cluster."""
        target = self.folder.resolve()
        if not target.is_dir():
            return False
        note = target / "checkout"
        owner = Path(note.read_text().strip()) if note.exists() else self.folder.absolute()
        if owner != self.folder.absolute():
            if owner.is_symlink() and owner.resolve() == target:
                return False
            # The checkout was moved, and took its cluster along.
            files.write(note, f"{self.folder.absolute()}\n")
        return True

    def _make(self) -> None:
        """initdb beside the final name, then a rename: Ctrl-C in between leaves no half-made cluster."""
        installation = next(iter(installations()), None)
        if installation is None:
            raise ScriptError(f"PostgreSQL {OLDEST_MAJOR} or newer with PostGIS is not installed.")
        home = self.folder.resolve()
        new = home / "new"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        password = home / "password-of-initdb"
        files.write(password, f"{self.password}\n", 0o600)
        if self.account is not None:
            for path in (new, password):
                os.chown(path, *self.account)
        try:
            processes.run(
                [
                    str(installation.programs / "initdb"),
                    f"--pgdata={new}",
                    f"--username={NAME}",
                    f"--pwfile={password}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    # The same order of text on every machine. macOS has no C.UTF-8.
                    "--locale=C" if sys.platform == "darwin" else "--locale=C.UTF-8",
                    *([] if self.durable else ["--no-sync"]),
                ],
                what="Making the PostgreSQL cluster",
                account=self.account,
                cwd=Path("/"),
            )
            new.rename(home / "data")
        finally:
            password.unlink(missing_ok=True)
            shutil.rmtree(new, ignore_errors=True)

    # --- running -----------------------------------------------------------------------------------

    def _start(self) -> None:
        data = self.folder.resolve() / "data"
        major = int((data / "PG_VERSION").read_text())
        programs = next((found.programs for found in installations() if found.major == major), None)
        if programs is None:
            raise ScriptError(
                f"{self.folder} was made by PostgreSQL {major}, which is not installed any more.\n"
                f"Install it again with its PostGIS, or remove {self.folder}/ and lose what is in it."
            )
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            # TCP only: a socket's path may be longer than the 100 characters it is allowed.
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "256MB",
            # The default, 4, is that of a disk with a head; plans of a test and of a city should be the same.
            "random_page_cost": "1.1",
            "log_line_prefix": "%m [%p] ",
            "timezone": "UTC",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
            # Tests roll back what they write: autovacuum sees an empty table, and says so to the planner in the
            # middle of a test that looks at plans.
            settings["autovacuum"] = "off"
        settings |= self.settings
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            begin = output.tell()
            self._server = processes.start(
                [str(programs / "postgres"), "-D", str(data), *options],
                output=output,
                account=self.account,
                cwd=Path("/"),
            )
        self.register.add("PostgreSQL", self._server.pid, processes.FAST)
        self._wait(begin)

    def _wait(self, begin: int) -> None:
        """Until the server answers and our database exists; at most a minute (recovery after a power cut)."""
        import psycopg

        assert self._server is not None
        end = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(
                    host="127.0.0.1",
                    port=self.port,
                    user=NAME,
                    password=self.password,
                    dbname="postgres",
                    connect_timeout=5,
                    autocommit=True,
                ) as connection:
                    known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [NAME])
                    if known.fetchone() is None:
                        connection.execute(f"CREATE DATABASE {NAME}")
                    return
            except psycopg.OperationalError as error:
                if self._server.poll() is None and time.monotonic() < end:
                    time.sleep(0.05)
                    continue
                with self.log.open("rb") as log:
                    log.seek(begin)
                    words = log.read().decode(errors="replace")
                raise ScriptError(
                    f"PostgreSQL did not start ({self.log}):\n{processes.tail(words or str(error))}"
                ) from error

    def _stop(self) -> None:
        if self._server is not None:
            processes.stop(self._server.pid, processes.FAST, patience=20)
            self._server.wait()
            self._server = None
            self.register.remove("PostgreSQL")
