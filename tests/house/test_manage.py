"""script/manage: manage.py beside a running script/server."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from script import manage
from script.machine.console import ScriptError

ROOT = Path(__file__).resolve().parents[2]


def written(var: Path, name: str, port: int) -> None:
    (var / name).mkdir(parents=True)
    (var / name / "port").write_text(f"{port}\n")
    (var / name / "password").write_text("secret\n")


def test_it_finds_the_running_servers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as postgres, socket.create_server(("127.0.0.1", 0)) as redis:
        ports = postgres.getsockname()[1], redis.getsockname()[1]
        written(tmp_path, "postgres", ports[0])
        written(tmp_path, "redis", ports[1])
        found = manage.environment({"PATH": "/bin"}, tmp_path)
    assert found == {
        "ENVIRONMENT": "development",
        "PATH": "/bin",
        "DATABASE_URL": f"postgres://requests311:secret@127.0.0.1:{ports[0]}/requests311",
        "BROKER_URL": f"redis://:secret@127.0.0.1:{ports[1]}/0",
    }


def test_what_is_set_stays(tmp_path: Path) -> None:
    given = {"ENVIRONMENT": "production", "DATABASE_URL": "postgres://a", "BROKER_URL": "amqp://b"}
    assert manage.environment(given, tmp_path) == given


@pytest.mark.parametrize("there", [False, True])
def test_nothing_runs(tmp_path: Path, there: bool) -> None:
    if there:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        written(tmp_path, "postgres", port)
    with pytest.raises(ScriptError, match="Start script/server"):
        manage.environment({}, tmp_path)


def test_the_command_runs_manage_py() -> None:
    done = subprocess.run(
        ["script/manage", "open311_key", "--help"],
        cwd="/",
        executable=str(ROOT / "script" / "manage"),
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "make" in done.stdout
