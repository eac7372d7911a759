"""What every test gets: the real stack, no way out to the network, and a cache that begins empty."""

import ipaddress
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import LazySettings
from rest_framework.test import APIClient

from api import throttling
from requests311 import catalogue

# Slow is not wrong: a busy machine must not fail a property, and a run must say the same as the last one.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

# A shell starts what it puts in the background with Ctrl-C ignored, and every child inherits that: the tests of what
# Ctrl-C does would wait for nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_loopback(address: Any) -> bool:
    if not isinstance(address, tuple):  # a Unix socket's path
        return True
    host = address[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches for another machine fails, and says which."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(original: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if not _is_loopback(address):
                raise AssertionError(f"a test reached for {address!r}; only loopback is allowed")
            return original(self, address)

        return call

    monkeypatch.setattr(socket.socket, "connect", guarded(connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(connect_ex))


@pytest.fixture(autouse=True)
def own_stores(settings: LazySettings, tmp_path: Path) -> None:
    """Photos of a test go to its own folder."""
    settings.STORAGES = {
        **settings.STORAGES,
        **{
            name: {
                **settings.STORAGES[name],
                "OPTIONS": {**settings.STORAGES[name].get("OPTIONS", {}), "location": str(tmp_path / name)},
            }
            for name in ("default", "originals", "variants")
        },
    }


@pytest.fixture(autouse=True)
def rate_limits_of_its_own(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counted in this process and from zero, wide enough not to bite a test that is not about them."""
    settings.REDIS_URL = ""
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, "100000/hour")
    throttling.reset()
    yield
    throttling.reset()


@pytest.fixture(autouse=True)
def empty_catalogue() -> None:
    """A process that has just started."""
    catalogue.forget()


@pytest.fixture
def client() -> APIClient:
    """Nobody in particular; `api.signed_in(user)` of tests/factories/people.py has a token."""
    return APIClient()
