"""Starting and stopping: credentials, ports, doors to the network, signals."""

import contextlib
import json
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from firebase_admin import messaging

from notifications.emulator import Emulator, EmulatorError
from notifications.emulator.oauth import PROJECT_ID
from tests.notifications.emulator import ROOT, RunningEmulator, emulator_process, firebase_app, fresh_credentials
from tests.notifications.fcm_emulator.by_hand import SEND_PATH, bearer


def test_the_credentials_file_is_made_once_and_follows_the_port(tmp_path: Path) -> None:
    path = tmp_path / "made" / "credentials.json"
    first = Emulator(credentials=path)
    first.stop()
    made = json.loads(path.read_text())
    second = Emulator(credentials=path)
    second.stop()
    moved = json.loads(path.read_text())

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made["project_id"] == PROJECT_ID
    assert made["token_uri"] == f"{first.url}/token"
    assert moved == {**made, "token_uri": f"{second.url}/token"}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"project_id": "city", "private_key": 5}'])
def test_a_file_that_is_no_service_account_is_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "precious.json"
    path.write_text(content)

    with pytest.raises(EmulatorError, match="is not a service account"):
        Emulator(credentials=path)
    assert path.read_text() == content


def test_a_real_projects_service_account_is_left_alone(tmp_path: Path) -> None:
    path = fresh_credentials(tmp_path)
    real = json.dumps({**json.loads(path.read_text()), "project_id": "city-of-springfield"})
    path.write_text(real)

    with pytest.raises(EmulatorError, match="project 'city-of-springfield', not the emulator's"):
        Emulator(credentials=path)
    assert path.read_text() == real


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::", "example.org"])
def test_other_machines_are_not_let_in_by_accident(tmp_path: Path, host: str) -> None:
    with pytest.raises(EmulatorError, match="--allow-lan"):
        Emulator(host=host, credentials=tmp_path / "credentials.json")
    assert list(tmp_path.iterdir()) == []


def test_allow_lan_opens_the_door_and_the_host_check(tmp_path: Path) -> None:
    emulator = Emulator(host="0.0.0.0", credentials=fresh_credentials(tmp_path), allow_lan=True)
    emulator.start()
    try:
        answer = httpx.get(f"{emulator.url}/messages", headers={"Host": "192.168.1.2:8099"}, trust_env=False)
    finally:
        emulator.stop()

    assert emulator.url.startswith("http://127.0.0.1:")
    assert answer.status_code == 200


def test_a_port_in_use_is_said_in_one_line_with_the_way_out(emulator: RunningEmulator, tmp_path: Path) -> None:
    port = emulator.url.rpartition(":")[2]
    path = tmp_path / "credentials.json"

    with pytest.raises(CommandError, match=rf"^Port {port} on 127.0.0.1 is in use.*--port.*$"):
        call_command("fcm_emulator", port=int(port), credentials=path)
    assert not path.exists()


def test_stopping_ends_hanging_and_waiting_requests_at_once(tmp_path: Path) -> None:
    emulator = Emulator(credentials=fresh_credentials(tmp_path))
    emulator.start()
    handle = RunningEmulator(emulator.url, emulator.credentials_path)
    handle.set_fault("hang", seconds=3600)
    authorization = bearer(handle)
    ended = threading.Barrier(3, timeout=20)

    def ask(path: str, **options: Any) -> None:
        with contextlib.suppress(httpx.TransportError):
            httpx.request(url=f"{emulator.url}{path}", trust_env=False, timeout=60, **options)
        ended.wait()

    send = {"method": "POST", "json": {"message": {"fid": "x"}}, "headers": authorization}
    threads = [
        threading.Thread(target=ask, args=[SEND_PATH], kwargs=send),
        threading.Thread(target=ask, args=["/messages?wait=30"], kwargs={"method": "GET"}),
    ]
    for thread in threads:
        thread.start()
    while handle.faults()[0]["hits"] == 0:
        time.sleep(0.01)
    handle.close()
    emulator.stop()
    ended.wait()
    for thread in threads:
        thread.join()
    with pytest.raises(httpx.ConnectError):
        httpx.get(emulator.url, trust_env=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_with_0_and_frees_the_port(number: signal.Signals, phone: str) -> None:
    with emulator_process() as emulator:
        with firebase_app(emulator) as app:
            messaging.send(messaging.Message(fid=phone, data={"a": "b"}), app=app)
            assert len(emulator.wait_for(1, phone)) == 1
            emulator.process.send_signal(number)
            assert emulator.process.wait(timeout=20) == 0
        port = int(emulator.url.rpartition(":")[2])
        again = Emulator(port=port, credentials=emulator.credentials_path)
        again.stop()


def test_a_process_that_cannot_start_ends_with_1_and_needs_no_database(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    port = emulator.url.rpartition(":")[2]
    command = ["manage.py", "fcm_emulator", "--port", port, "--credentials", str(tmp_path / "c.json")]
    environment = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "ENVIRONMENT": "test"}
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment | {"BROKER_URL": "redis://127.0.0.1:1/0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.strip().splitlines()) == 1
    assert f"Port {port}" in ended.stderr
