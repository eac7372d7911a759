"""Addresses that others chose: only public ones are called, and never for longer than was said."""

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import LazySettings

from requests311.outbound import OutboundRefused, ask, check_target, check_url, is_excepted, is_public

Answering = Callable[[http.server.BaseHTTPRequestHandler], None]


@contextlib.contextmanager
def listening(answer: Answering) -> Iterator[tuple[str, list[str]]]:
    """(URL of a server on loopback, the paths it was asked for)."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            with contextlib.suppress(OSError):
                answer(self)

        do_POST = do_GET  # noqa: N815 (the names that http.server calls)

        def log_message(self, *args: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def said(status: int = 200, body: bytes = b"hello", **headers: str) -> Answering:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def allowed(settings: LazySettings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1"]


def get(url: str, **more: Any) -> Any:
    return ask("GET", url, **{"seconds": 5, "bytes_at_most": 1000, **more})


def refused(url: str, reason: str, **more: Any) -> OutboundRefused:
    with pytest.raises(OutboundRefused) as info:
        get(url, **more)
    assert info.value.reason == reason, info.value.detail
    return info.value


@pytest.mark.usefixtures("allowed")
def test_what_comes_back() -> None:
    with listening(said(418, b"short", **{"X-Kind": "Teapot"})) as (url, asked):
        answer = get(f"{url}/pot?size=1")
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (418, b"short", "Teapot")
    assert asked == ["/pot?size=1"]


@pytest.mark.usefixtures("allowed")
def test_a_form_goes_out() -> None:
    got: list[bytes] = []

    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        got.append(handler.rfile.read(int(handler.headers["Content-Length"])))
        said()(handler)

    with listening(answer) as (url, _):
        assert ask("POST", url, seconds=5, bytes_at_most=100, body=b"a=1").status == 200
    assert got == [b"a=1"]


FORBIDDEN = [
    "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%eth0", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe", "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_public_address(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_a_public_address(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]"]
)
def test_this_machine_is_not_called_however_it_is_spelt(host: str) -> None:
    with listening(said()) as (url, asked):
        refused(url.replace("127.0.0.1", host), "forbidden_address")
    assert asked == []


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """The system's resolver answers so, one list a call; the names it was asked for."""
    left, names = list(answers), []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        names.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    refused("http://pictures.example/a.jpg", "forbidden_address")


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the second look-up would lead to this machine."""
    names = resolving(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    called: list[str] = []

    def connect(address: tuple[str, int], *args: Any, **kwargs: Any) -> Any:
        called.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    refused("http://pictures.example/a.jpg", "unreachable")
    assert (names, called) == (["pictures.example"], ["1.1.1.1"])


@pytest.mark.parametrize("target", ["http://localhost:1/x", "http://169.254.169.254/latest/meta-data/"])
def test_a_redirect_is_checked_as_well(settings: LazySettings, target: str) -> None:
    with listening(said(302, Location=target)) as (url, asked):
        settings.OUTBOUND_PRIVATE_HOSTS = [url.removeprefix("http://")]
        refused(url, "forbidden_address", redirects=3)
    assert len(asked) == 1


@pytest.mark.usefixtures("allowed")
def test_redirects_are_followed_as_often_as_was_said() -> None:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        at = int(handler.path.strip("/") or 0)
        (said(302, Location=f"/{at + 1}") if at < 3 else said())(handler)

    with listening(answer) as (url, asked):
        assert get(f"{url}/0", redirects=3).body == b"hello"
        assert asked == ["/0", "/1", "/2", "/3"]
        refused(f"{url}/0", "too_many_redirects", redirects=2)
        assert get(f"{url}/0").status == 302


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("part", ["nothing", "headers", "body"])
def test_it_ends_in_time_however_slowly_the_other_side_talks(part: str) -> None:
    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        if part == "body":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
        if part == "headers":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(100):
            if part != "nothing":
                handler.wfile.write(b"x")
            time.sleep(0.05)

    with listening(drip) as (url, _):
        begun = time.monotonic()
        assert refused(url, "timed_out", seconds=0.6, bytes_at_most=10**6).may_pass
        assert time.monotonic() - begun < 4


@pytest.mark.usefixtures("allowed")
def test_no_more_is_read_than_was_said() -> None:
    with listening(said(body=b"x" * 1001)) as (url, _):
        assert not refused(url, "too_large").may_pass
    with listening(said(body=b"x" * 1000)) as (url, _):
        assert len(get(url).body) == 1000

    def chunks(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b"64\r\n" + b"x" * 100 + b"\r\n")

    with listening(chunks) as (url, _):
        refused(url, "too_large")


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//host/x", "ftp://host/x", "file:///etc/passwd", "http://", "http:///x", "http://a b/", "http://a/\n",
        "http://user@host/", "http://user:secret@host/", "http://host:99999/", "http://host:x/", "http://[::1/",
        "javascript:alert(1)", "http://host/" + "x" * 2000, "http://host\x7f/",
    ],
)  # fmt: skip
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(OutboundRefused) as info:
        check_url(url)
    assert info.value.reason == "bad_url"
    refused(url, "bad_url")


def test_nobody_there(settings: LazySettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings.OUTBOUND_PRIVATE_HOSTS = [f"127.0.0.1:{port}"]
    assert refused(f"http://127.0.0.1:{port}/", "unreachable").may_pass


def test_a_name_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    refused("http://nowhere.example/", "unreachable")


def test_only_the_port_that_was_named(settings: LazySettings) -> None:
    with listening(said()) as (url, _):
        settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1:1"]
        refused(url, "forbidden_address")
        settings.OUTBOUND_PRIVATE_HOSTS = [url.removeprefix("http://")]
        assert get(url).status == 200


@pytest.mark.usefixtures("allowed")
def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(said()) as (url, _):
        assert get(url).status == 200


@pytest.mark.usefixtures("allowed")
def test_what_is_no_http() -> None:
    def garbage(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x00\x01 hello\r\n\r\n")

    with listening(garbage) as (url, _):
        refused(url, "unreachable")
        refused(url.replace("http:", "https:"), "unreachable")


# --- Looking before it is saved --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "forbidden_address"),
        ("https://localhost/", "forbidden_address"),
        ("https://[fd00::1]:8443/", "forbidden_address"),
        ("https://2130706433/", "forbidden_address"),
        ("https://nobody.invalid/", "unreachable"),
        ("ftp://example.org/", "bad_url"),
    ],
)
def test_a_target_that_could_not_be_called(url: str, reason: str) -> None:
    with pytest.raises(OutboundRefused) as info:
        check_target(url, seconds=5)
    assert info.value.reason == reason, info.value.detail


def test_a_target_is_not_connected_to(settings: LazySettings) -> None:
    check_target("https://93.184.215.14/hook", seconds=5)
    settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1:9"]
    check_target("http://127.0.0.1:9/hook", seconds=5)
    assert is_excepted("http://127.0.0.1:9/hook")
    assert not is_excepted("http://127.0.0.1:10/hook")
    settings.OUTBOUND_PRIVATE_HOSTS = ["intranet.example"]
    assert is_excepted("http://Intranet.example/hook")
