"""The FCM emulator for tests: in a thread of the test process, or as a process of its own.

    with running_emulator() as emulator, firebase_app(emulator) as app:
        messaging.send(messaging.Message(fid="phone-1", data={"a": "b"}), app=app)
        assert emulator.messages("phone-1")[0]["message"]["data"] == {"a": "b"}

Both kinds give the same object, which speaks HTTP to the emulator.
"""

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import firebase_admin
import httpx
import requests.adapters
from firebase_admin import credentials, messaging

from notifications.emulator import Emulator
from notifications.emulator.oauth import ServiceAccount

ROOT = Path(__file__).resolve().parents[2]


class RunningEmulator:
    """A handle on an emulator that runs somewhere on loopback."""

    def __init__(self, url: str, credentials_path: Path) -> None:
        #: `http://127.0.0.1:PORT`, without a final slash; what FCM_ENDPOINT takes.
        self.url = url
        #: What FIREBASE_CREDENTIALS takes.
        self.credentials_path = credentials_path
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=35)

    @property
    def credentials(self) -> dict[str, str]:
        """The service account's JSON."""
        content: dict[str, str] = json.loads(self.credentials_path.read_text())
        return content

    def messages(self, token: str | None = None, *, kind: str = "fid", since: int = 0) -> list[dict[str, Any]]:
        """What a phone received, oldest first; without a token what all received. kind: fid, token, topic."""
        return self._list(token, kind, {"since": since})

    def wait_for(
        self, count: int, token: str | None = None, *, kind: str = "fid", seconds: float = 20
    ) -> list[dict[str, Any]]:
        """As `messages`, once there are at least `count`; AssertionError after `seconds` without news."""
        found = self._list(token, kind, {})
        while len(found) < count:
            since = found[-1]["sequence"] if found else 0
            news = self._list(token, kind, {"since": since, "wait": seconds})
            assert news, f"{len(found)} of {count} messages arrived, then none for {seconds} s"
            found += news
        return found

    def set_fault(self, fault: str, token: str | list[str] = "*", **options: Any) -> None:
        """Orders one fault in the place of all earlier ones; options: seconds, retry_after, times."""
        self.set_faults([{"fault": fault, "token": token, **options}])

    def set_faults(self, faults: list[dict[str, Any]]) -> None:
        self.client.put("/faults", json=faults).raise_for_status()

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with their `hits`."""
        found: list[dict[str, Any]] = self.client.get("/faults").raise_for_status().json()["faults"]
        return found

    def clear(self) -> None:
        """Forgets all messages and faults."""
        self.client.delete("/messages").raise_for_status()
        self.client.delete("/faults").raise_for_status()

    def close(self) -> None:
        self.client.close()

    def _list(self, token: str | None, kind: str, query: dict[str, float]) -> list[dict[str, Any]]:
        wanted = {} if token is None else {kind: token}
        answer = self.client.get("/messages", params={**wanted, **{k: str(v) for k, v in query.items()}})
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found


@cache
def _account() -> ServiceAccount:
    # A 2048-bit key takes a tenth of a second; one a process is fresh enough.
    return ServiceAccount.generate("http://127.0.0.1:1/token")


def fresh_credentials(folder: Path) -> Path:
    """A service-account file in the folder, ready for an emulator to be pointed at its port."""
    path = folder / f"fcm-{uuid.uuid4().hex}.json"
    _account().save(path)
    return path


@contextmanager
def running_emulator() -> Iterator[RunningEmulator]:
    """An emulator in threads of this process, on a free loopback port."""
    with tempfile.TemporaryDirectory() as folder:
        emulator = Emulator(credentials=fresh_credentials(Path(folder)))
        emulator.start()
        handle = RunningEmulator(emulator.url, emulator.credentials_path)
        try:
            yield handle
        finally:
            handle.close()
            emulator.stop()


class EmulatorProcess(RunningEmulator):
    """An emulator of its own process; `process` may be signalled."""

    process: subprocess.Popen[str]


@contextmanager
def emulator_process(*arguments: str) -> Iterator[EmulatorProcess]:
    """`manage.py fcm_emulator` on a free loopback port; stopped at the end unless the test did."""
    with tempfile.TemporaryDirectory() as folder:
        path = fresh_credentials(Path(folder))
        command = [sys.executable, "manage.py", "fcm_emulator", "--port", "0", "--credentials", str(path)]
        process = subprocess.Popen(
            [*command, *arguments], cwd=ROOT, env=os.environ.copy(), stdout=subprocess.PIPE, text=True
        )
        try:
            handle = EmulatorProcess(_announced_url(process), path)
            handle.process = process
            try:
                yield handle
            finally:
                handle.close()
        finally:
            process.terminate()
            process.communicate(timeout=20)


def _announced_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        name, _, value = line.strip().partition("=")
        if name == "FCM_ENDPOINT":
            return value
    raise AssertionError(f"The emulator ended with {process.wait()} instead of saying where it listens.")


@contextmanager
def firebase_app(
    emulator: RunningEmulator, *, timeout: float = 10, retries: bool = False
) -> Iterator[firebase_admin.App]:
    """The real firebase-admin, pointed at the emulator.

    Without `retries` it asks once: its own repetitions (500 and 503 four times, in 7 s) would slow a
    test. Only the FCM address is replaced, and the lookup of "regional access boundaries", with which
    google-auth would send the bearer to iamcredentials.googleapis.com.
    """
    certificate = credentials.Certificate(str(emulator.credentials_path))
    google = certificate.get_credential()
    google._is_regional_access_boundary_lookup_required = lambda: False
    app = firebase_admin.initialize_app(certificate, {"httpTimeout": timeout}, name=uuid.uuid4().hex)
    address = f"{emulator.url}/v1/projects/{{0}}/messages:send"
    with mock.patch.object(messaging._MessagingService, "FCM_URL", address):
        service = messaging._get_messaging_service(app)
    session = service._client.session
    session.trust_env = False
    if not retries:
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=0, pool_maxsize=100))
    try:
        yield app
    finally:
        session.close()
        firebase_admin.delete_app(app)
