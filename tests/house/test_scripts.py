"""What script/server and script/test share: ports, passwords, locks, leftovers, the supervisor, the story."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from script import story
from script import test as script_test
from script.machine import locks, ports, preparation, processes, secret
from script.machine.console import ScriptError

ROOT = Path(__file__).resolve().parents[2]


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


# --- the commands ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["server", "test"])
def test_help_changes_nothing(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "clone"
    shutil.copytree(ROOT / "script", copy / "script", ignore=shutil.ignore_patterns("__pycache__"))
    answer = subprocess.run([copy / "script" / name, "--help"], capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert f"script/{name}" in answer.stdout
    assert {path.name for path in copy.iterdir()} == {"script"}


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


# --- the supervisor --------------------------------------------------------------------------------

SUPERVISE = """
import os, sys
from pathlib import Path
from script.machine.processes import Register
from script.supervisor import Supervisor

folder = Path(sys.argv[1])
def once_up():
    supervisor.scribe.release(show=True)
    print("up", flush=True)
supervisor = Supervisor(Register(folder / "run.json"), folder / "server.log", once_up)
for name, command in zip(sys.argv[2::2], sys.argv[3::2]):
    supervisor.add(name, command, dict(os.environ))
supervisor.loop()
print("died:", supervisor.died, "returncode:", supervisor.returncode, flush=True)
"""


def supervised(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SUPERVISE, str(folder), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_when_one_process_ends_all_end_and_it_is_named(tmp_path: Path) -> None:
    with supervised(tmp_path, "steady", "sleep 60", "weak", "sh -c 'sleep 1; echo last words; exit 3'") as run:
        output, _ = run.communicate(timeout=30)
    assert "died: weak returncode: 3" in output
    assert "last words" in output
    assert "last words" in (tmp_path / "server.log").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_every_process_and_blames_none(tmp_path: Path, number: signal.Signals) -> None:
    with supervised(tmp_path, "one", "sleep 60", "two", "sleep 60") as run:
        assert run.stdout is not None
        while run.stdout.readline() != "up\n":
            pass
        noted = json.loads((tmp_path / "run.json").read_text())
        run.send_signal(number)
        output, _ = run.communicate(timeout=30)
    assert f"died: None returncode: {128 + number}" in output
    assert not [name for name, (pid, born, _) in noted.items() if processes.birth(pid) == born]


def test_no_private_twin_of_a_server_that_a_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "VAR", tmp_path)
    given = {"DATABASE_URL": "postgres://db.example/311", "BROKER_URL": "amqp://broker.example"}
    environment = dict(given)
    with preparation.private_servers("server", environment) as register:
        assert register.running == {}
    assert environment == given
    assert not list(tmp_path.iterdir())
