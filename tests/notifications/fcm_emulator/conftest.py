"""An emulator in this process, the real firebase-admin pointed at it, and a phone's name."""

import uuid
from collections.abc import Iterator

import firebase_admin
import pytest

from tests.notifications.emulator import RunningEmulator, firebase_app, running_emulator


@pytest.fixture(scope="module")
def shared_emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(shared_emulator: RunningEmulator) -> RunningEmulator:
    shared_emulator.clear()
    return shared_emulator


@pytest.fixture
def app(emulator: RunningEmulator) -> Iterator[firebase_admin.App]:
    with firebase_app(emulator) as app:
        yield app


@pytest.fixture
def phone() -> str:
    return f"phone-{uuid.uuid4().hex}"
