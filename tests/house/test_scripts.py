"""What script/server and script/test do to a machine: ports, passwords, locks, packages, private servers."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
import redis as redis_client

from script import story
from script import test as script_test
from script.machine import accounts, locks, packages, ports, postgres, processes, secret, venv
from script.machine.accounts import Account
from script.machine.console import ScriptError
from script.machine.postgres import Postgres
from script.machine.redis import Redis, program

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
needs_postgres = pytest.mark.skipif(not postgres.installations(), reason="no PostgreSQL server installed here")
needs_redis = pytest.mark.skipif(program() is None, reason="no Redis server installed here")
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")


# --- ports -----------------------------------------------------------------------------------------


def test_a_port_is_remembered(tmp_path: Path) -> None:
    first = ports.remembered(tmp_path / "port")
    assert ports.remembered(tmp_path / "port") == first
    assert first in ports.RANGE


@pytest.mark.parametrize("kept", ["5432", "6379", "80", "-1", "", "words"])
def test_a_port_of_the_system_is_never_taken(tmp_path: Path, kept: str) -> None:
    (tmp_path / "port").write_text(kept)
    assert ports.remembered(tmp_path / "port") in ports.RANGE
    assert not ports.SYSTEM & set(ports.RANGE)


def test_a_remembered_port_that_somebody_took_is_given_up(tmp_path: Path) -> None:
    first = ports.remembered(tmp_path / "port")
    with socket.socket() as other:
        other.bind(("127.0.0.1", first))
        other.listen()
        assert not ports.free(first)
        second = ports.remembered(tmp_path / "port")
    assert second != first
    assert (tmp_path / "port").read_text() == f"{second}\n"


def test_next_free_passes_over_the_system_and_the_taken() -> None:
    assert ports.next_free(5432) > 5433
    assert ports.next_free(6379) > 6379


# --- passwords -------------------------------------------------------------------------------------


def test_a_password_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "password"
    first = secret.remembered(file)
    assert secret.remembered(file) == first
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(first) >= 32
    # It stands in a URL as it is.
    assert re.fullmatch(r"[A-Za-z0-9_-]+", first)


def test_an_empty_password_file_is_not_a_password(tmp_path: Path) -> None:
    (tmp_path / "password").touch()
    assert secret.remembered(tmp_path / "password")


# --- locks -----------------------------------------------------------------------------------------

HOLD = """
import sys, time
from pathlib import Path
from script.machine import locks
with locks.exclusive(Path(sys.argv[1]), "taken by {pid}"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock `tmp_path/lock`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_run_is_told_who_the_first_is(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    refused = pytest.raises(ScriptError, match=f"taken by {holder.pid}")
    with refused, locks.exclusive(tmp_path / "lock", "taken by {pid}"):
        pass


def test_a_killed_run_leaves_no_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with locks.exclusive(tmp_path / "lock", "taken by {pid}"):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


# --- leftovers of a kill -9 ------------------------------------------------------------------------


def test_leftovers_are_stopped(tmp_path: Path) -> None:
    left = subprocess.Popen(["sleep", "60"], start_new_session=True)
    processes.Register(tmp_path / "run.json").add("sleeper", left.pid)
    processes.Register(tmp_path / "run.json").stop_leftovers()
    assert left.wait(5) == -signal.SIGTERM
    assert not (tmp_path / "run.json").exists()


def test_a_process_that_only_took_over_the_id_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        file = tmp_path / "run.json"
        file.write_text(json.dumps({"sleeper": (stranger.pid, "of another boot", int(signal.SIGTERM))}))
        processes.Register(file).stop_leftovers()
        assert stranger.poll() is None
        stranger.kill()


def test_a_torn_note_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"web": [')
    processes.Register(tmp_path / "run.json").stop_leftovers()


def test_a_failed_program_is_told_with_its_last_lines() -> None:
    with pytest.raises(ScriptError, match=r"(?s)Counting failed \(exit 3\).*    two"):
        processes.run(["sh", "-c", "echo one; echo two >&2; exit 3"], what="Counting")


# --- packages --------------------------------------------------------------------------------------


def stub(folder: Path, name: str, body: str) -> None:
    """An executable of that name, as a machine would have it in PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with neither PostgreSQL nor Redis, whose PATH is one folder: the returned one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(postgres, "PLACES", ())
    return folder


def ensure() -> None:
    packages.ensure(database=True, broker=True, venv=False)


def test_without_apt_the_lines_that_install_it_are_told(bare_machine: Path) -> None:
    with pytest.raises(ScriptError) as refusal:
        ensure()
    text = str(refusal.value)
    assert "Missing: PostgreSQL with PostGIS, Redis" in text
    assert "no apt-get" in text
    assert re.search(r"sudo apt-get install -y --no-install-recommends postgresql \S*postgis\S* redis-server\n", text)
    assert re.search(r"sudo dnf install -y postgresql-server postgis redis\n", text)
    assert re.search(r"brew install postgresql@17 postgis redis\n", text)
    assert "DATABASE_URL" in text


def test_without_root_and_sudo_nothing_is_tried(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(bare_machine, "apt-get", f"echo called >> {bare_machine}/calls; exit 1")
    stub(bare_machine, "sudo", "exit 1")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ScriptError, match=r"takes root(.|\n)*apt-get install"):
        ensure()
    assert not (bare_machine / "calls").exists()


def test_with_sudo_apt_is_called_through_it(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(bare_machine, "apt-get", "exit 100")
    stub(bare_machine, "sudo", f'printf "%s\\n" "$*" >> {bare_machine}/calls; [ "$1" = -n ]')
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ScriptError, match=r"apt-get update failed(.|\n)*One of these lines"):
        ensure()
    calls = (bare_machine / "calls").read_text().splitlines()
    assert calls[0] == "-n true"
    assert re.fullmatch(r"sh \S+/apt-install\.sh update", calls[1])


def test_the_name_of_postgis_follows_the_distribution(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(bare_machine, "apt-cache", "printf 'postgresql\\n  Depends: postgresql-17\\n  Suggests: postgresql-doc\\n'")
    needs = packages.missing(database=True, broker=False, venv=False)
    assert needs[0].apt == ("postgresql", "postgresql-17-postgis-3")


def test_nothing_is_installed_for_what_a_variable_names(bare_machine: Path) -> None:
    packages.ensure(database=False, broker=False, venv=False)


@pytest.fixture
def apt_machine(tmp_path: Path) -> Path:
    """apt-install.sh beside stubs, with the machine's own folders replaced by some below tmp_path."""
    text = (ROOT / "script/machine/apt-install.sh").read_text()
    for folder in ("/usr/sbin", "/etc/postgresql-common"):
        assert folder in text
        (tmp_path / folder.lstrip("/")).mkdir(parents=True)
        text = text.replace(folder, f"{tmp_path}{folder}")
    (tmp_path / "apt-install.sh").write_text(text)
    stub(tmp_path / "bin", "dpkg-query", "exit 1")
    return tmp_path


def run_apt(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(machine / "apt-install.sh"), *arguments],
        env={"PATH": f"{machine}/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("status", [0, 100])
def test_no_service_starts_while_packages_are_installed_and_nothing_stays(apt_machine: Path, status: int) -> None:
    stub(
        apt_machine / "bin",
        "apt-get",
        f'cd {apt_machine}; ./usr/sbin/policy-rc.d; echo "policy $?" > seen\n'
        f'cat etc/postgresql-common/createcluster.d/* >> seen; echo "$@" >> seen; exit {status}',
    )
    assert run_apt(apt_machine, "install", "postgresql").returncode == status
    seen = (apt_machine / "seen").read_text()
    assert "policy 101\n" in seen
    assert "create_main_cluster = false\n" in seen
    assert seen.rstrip().endswith("--no-install-recommends install postgresql")
    assert not list((apt_machine / "usr/sbin").iterdir())
    assert not list((apt_machine / "etc/postgresql-common").iterdir())


def test_a_policy_of_the_machine_stays(apt_machine: Path) -> None:
    stub(apt_machine / "usr/sbin", "policy-rc.d", "exit 42")
    stub(apt_machine / "bin", "apt-get", "exit 0")
    assert run_apt(apt_machine, "install", "redis-server").returncode == 0
    assert "exit 42" in (apt_machine / "usr/sbin/policy-rc.d").read_text()


def test_package_lists_that_cannot_be_renewed_are_used_as_they_are(apt_machine: Path) -> None:
    stub(apt_machine / "bin", "apt-get", "exit 100")
    assert run_apt(apt_machine, "update").returncode == 0


# --- .venv -----------------------------------------------------------------------------------------


@pytest.fixture
def empty_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose locks name nothing, so that a real .venv is made in seconds and without a network."""
    monkeypatch.setattr(venv, "ROOT", tmp_path)
    monkeypatch.setattr(venv, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(venv, "PYTHON", tmp_path / ".venv/bin/python")
    for name in ("requirements.lock", "requirements-dev.lock"):
        (tmp_path / name).write_text(f"# {name}\n")
    return tmp_path


def test_venv_is_made_once_and_again_when_the_lock_changes(empty_checkout: Path) -> None:
    lock = empty_checkout / "requirements.lock"
    venv.ensure(lock)
    # What stands for Django in this empty environment.
    (package,) = (empty_checkout / ".venv/lib").glob("python3*/site-packages")
    (package / "django.py").touch()
    assert venv.complete(lock)
    lock.write_text("# of the next commit\n")
    assert not venv.complete(lock)
    venv.ensure(empty_checkout / "requirements-dev.lock")
    assert not (empty_checkout / ".venv/.installed-requirements.lock").exists()
    lock.write_text("./no-such-package.whl\n")
    with pytest.raises(ScriptError, match=r"pip install failed(.|\n)*not complete(.|\n)*--require-hashes"):
        venv.ensure(lock)
    assert not venv.complete(lock)


# --- the account -----------------------------------------------------------------------------------


def test_a_closed_folder_above_is_noticed() -> None:
    stranger = Account(54321, 54321)
    # Not tmp_path: pytest closes its own folder to others.
    with tempfile.TemporaryDirectory(prefix="requests311-") as name:
        folder = Path(name)
        (folder / "inner").mkdir()
        assert not accounts.reaches(stranger, folder / "inner/data")
        folder.chmod(0o755)
        assert accounts.reaches(stranger, folder / "inner/data")
        assert accounts.reaches(stranger, folder / "not/made/yet")


# --- PostgreSQL and Redis --------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that only its owner may enter, as `mktemp -d` makes it; and pytest's own is closed as well."""
    folder = tmp_path / "checkout"
    folder.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory(prefix="requests311-") as elsewhere:
        Path(elsewhere).chmod(0o755)
        monkeypatch.setattr(postgres, "ELSEWHERE", Path(elsewhere) / "lib")
        yield folder


def cluster(checkout: Path, *, durable: bool = False) -> Postgres:
    register = processes.Register(checkout / "run/test.json")
    return Postgres(checkout / "var/postgres", checkout / "postgres.log", register, durable=durable)


@needs_postgres
def test_a_private_cluster_lives_dies_and_keeps_its_data(checkout: Path) -> None:
    with cluster(checkout) as first:
        url = first.url
        assert first.port not in ports.SYSTEM
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 311 AS number")
            connection.execute("CREATE EXTENSION postgis")
            expected = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "server_encoding": "UTF8"}
            for name, value in expected.items():
                assert connection.execute(f"SHOW {name}").fetchone() == (value,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url.replace(first.password, "wrong"))
        note = json.loads((checkout / "run/test.json").read_text())
        server = psutil.Process(note["PostgreSQL"][0])
        assert server.uids().real != 0
    assert not server.is_running()
    assert not (checkout / "run/test.json").exists()
    with cluster(checkout) as second:
        assert second.url == url
        with psycopg.connect(second.url) as connection:
            assert connection.execute("SELECT number FROM kept").fetchone() == (311,)


@needs_postgres
def test_a_killed_run_leaves_a_cluster_that_starts_again(checkout: Path) -> None:
    first = cluster(checkout)
    first.__enter__()
    with psycopg.connect(first.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 311 AS number")
        connection.execute("CHECKPOINT")
    # As after kill -9 of script/test: the server goes on, nobody holds it.
    processes.Register(checkout / "run/test.json").stop_leftovers()
    assert first._server is not None
    first._server.wait()
    with cluster(checkout) as second, psycopg.connect(second.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (311,)


@needs_postgres
def test_a_half_made_cluster_is_made_again(checkout: Path) -> None:
    server = cluster(checkout)
    server._settle()
    half = server.folder.resolve() / "new"
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    with server:
        assert not half.exists()


@needs_root
@needs_postgres
def test_a_copied_checkout_gets_a_cluster_of_its_own(checkout: Path, tmp_path: Path) -> None:
    original = cluster(checkout)
    original._settle()
    assert original.folder.is_symlink()
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    other = cluster(copy)
    other._settle()
    assert other.folder.resolve() != original.folder.resolve()
    # A checkout that was moved keeps its own.
    moved = tmp_path / "moved"
    checkout.rename(moved)
    again = cluster(moved)
    home = again.folder.resolve()
    again._settle()
    assert again.folder.resolve() == home


@needs_postgres
def test_a_cluster_of_a_version_that_is_gone_is_told(checkout: Path) -> None:
    server = cluster(checkout, durable=True)
    server._settle()
    data = server.folder.resolve() / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(ScriptError, match="made by PostgreSQL 9"):
        server.__enter__()
    assert data.exists()


@needs_redis
def test_a_private_redis_asks_for_its_password_and_keeps_its_data(tmp_path: Path) -> None:
    def server() -> Redis:
        return Redis(tmp_path / "var/redis", tmp_path / "redis.log", processes.Register(tmp_path / "run.json"))

    with server() as first:
        url = first.url
        assert first.port not in ports.SYSTEM
        client = redis_client.Redis.from_url(url)
        client.set("kept", "311")
        client.close()
        stranger = redis_client.Redis(host="127.0.0.1", port=first.port)
        with pytest.raises(redis_client.AuthenticationError):
            stranger.ping()
        stranger.close()
        pid = json.loads((tmp_path / "run.json").read_text())["Redis"][0]
        # Everybody on the machine can read a command line.
        assert first.password not in " ".join(psutil.Process(pid).cmdline())
    assert not psutil.pid_exists(pid)
    with server() as second:
        assert second.url == url
        client = redis_client.Redis.from_url(url)
        assert client.get("kept") == b"311"
        client.close()


# --- the commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["server", "test"])
def test_help_changes_nothing(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    shutil.copytree(ROOT / "script", copy / "script", ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run([copy / "script" / name, "--help"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert f"script/{name}" in answer.stdout
    assert {path.name for path in copy.iterdir()} == {"script"}


def test_without_a_python_the_lines_that_install_one_are_told(tmp_path: Path) -> None:
    for name in ("bash", "dirname", "cat", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    stub(tmp_path, "python3", "exit 1")
    answer = subprocess.run(
        [ROOT / "script/server"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 1
    for words in ("Python 3.11", "apt-get install", "dnf install", "brew install"):
        assert words in answer.stderr


def test_ci_runs_what_the_readme_names() -> None:
    assert "script/test" in (ROOT / ".ci/run").read_text()
    for name in ("script/server", "script/test", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), name


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("=== 812 passed, 3 skipped in 130.20s (0:02:10) ===", (812, 0)),
        ("=== 2 failed, 810 passed, 1 error in 99.01s ===", (810, 3)),
        ("=== 4 errors in 1.00s ===", (0, 4)),
        ("no tests ran", (0, 0)),
    ],
)
def test_pytests_last_line_is_read(line: str, expected: tuple[int, int]) -> None:
    assert script_test.counts(line) == expected


# --- the story -------------------------------------------------------------------------------------


def test_the_storys_photo_says_where_it_was_taken() -> None:
    import io

    from PIL import ExifTags, Image

    place = Image.open(io.BytesIO(story.picture())).getexif().get_ifd(ExifTags.IFD.GPSInfo)
    degrees, minutes, seconds = (float(part) for part in place[ExifTags.GPS.GPSLongitude])
    assert place[ExifTags.GPS.GPSLongitudeRef] == "W"
    assert degrees + minutes / 60 + seconds / 3600 == pytest.approx(-story.LONGITUDE, abs=1e-6)


def test_a_refused_step_is_told_with_its_call_and_answer() -> None:
    refusal = httpx.Response(422, json={"code": "outside", "detail": "Not in this city."})
    transport = httpx.MockTransport(lambda _: refusal)
    with (
        httpx.Client(base_url="http://phone/api/v1", transport=transport) as client,
        pytest.raises(ScriptError, match=r"POST http://phone/api/v1/requests answered 422:(.|\n)*Not in this city"),
    ):
        story._call(client, "POST", "/requests", json={})
