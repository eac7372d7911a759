"""The page and the edges of HTTP: paths, methods, hosts, origins, bodies, connections."""

import socket

import pytest

from tests.notifications.emulator import RunningEmulator
from tests.notifications.fcm_emulator.by_hand import SEND_PATH


def test_the_page_runs_its_own_script_and_nothing_else(emulator: RunningEmulator) -> None:
    answer = emulator.client.get("/")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.text.count("<script>") == answer.text.count("<style>") == 1
    assert "innerHTML" not in answer.text
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("POST", "/messages", 405),
        ("GET", "/token", 405),
        ("GET", SEND_PATH, 405),
        ("OPTIONS", "/faults", 405),
        ("HEAD", "/", 200),
        ("HEAD", "/health", 200),
    ],
)
def test_paths_and_methods(emulator: RunningEmulator, method: str, path: str, status: int) -> None:
    answer = emulator.client.request(method, path)

    assert answer.status_code == status
    assert ("Allow" in answer.headers) == (status == 405)
    assert emulator.client.get("/health").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "192.168.1.2:8099", ""])
def test_another_host_name_is_refused(emulator: RunningEmulator, host: str) -> None:
    assert emulator.client.get("/messages", headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8099", "10.0.2.2:8099"])
def test_this_machines_names_are_taken(emulator: RunningEmulator, host: str) -> None:
    assert emulator.client.get("/messages", headers={"Host": host}).status_code == 200


def test_pages_of_others_are_refused(emulator: RunningEmulator) -> None:
    answer = emulator.client.put("/faults", json={"*": "quota"}, headers={"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert emulator.faults() == []
    assert emulator.client.get("/faults", headers={"Origin": emulator.url}).status_code == 200


def test_a_large_body_is_413(emulator: RunningEmulator) -> None:
    answer = emulator.client.post(SEND_PATH, content=b"x" * 65537)

    assert answer.status_code == 413
    assert emulator.client.get("/health").status_code == 200


def test_bodies_of_unknown_length_are_refused(emulator: RunningEmulator) -> None:
    assert emulator.client.post(SEND_PATH, content=iter([b"{}"])).status_code == 411
    assert raw(emulator, b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n") == 400


def connected(emulator: RunningEmulator) -> socket.socket:
    host, port = emulator.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def raw(emulator: RunningEmulator, request: bytes) -> int:
    """The status of a request that no client library would send."""
    with connected(emulator) as connection:
        connection.sendall(request)
        return int(connection.recv(65536).split()[1])


def test_a_connection_is_kept(emulator: RunningEmulator) -> None:
    with connected(emulator) as connection:
        for _ in range(3):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
