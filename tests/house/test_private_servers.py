"""PostgreSQL and Redis of script/server: private, kept, stopped, and started again after the worst."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis as redis_client

from script.machine import accounts, files, ports, postgres, processes
from script.machine.accounts import Account
from script.machine.console import ScriptError
from script.machine.postgres import Postgres
from script.machine.redis import Redis, program

AS_ROOT = os.geteuid() == 0
needs_postgres = pytest.mark.skipif(not postgres.installations(), reason="no PostgreSQL server installed here")
needs_redis = pytest.mark.skipif(program() is None, reason="no Redis server installed here")
needs_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")


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


# --- small files -----------------------------------------------------------------------------------


def test_a_write_that_is_cut_short_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "password"
    files.write(note, "whole\n", 0o600)

    def power_cut(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(KeyboardInterrupt):
        files.write(note, "torn", 0o600)
    monkeypatch.undo()
    assert note.read_text() == "whole\n"
    files.write(note, "new\n", 0o600)
    assert note.read_text() == "new\n"
    assert note.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [note]
