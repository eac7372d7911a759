"""A department's own system on loopback, which misbehaves as it is told to."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One call that came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode(), keep_blank_values=True)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] | None = None


Behaviour = Callable[[Asked], Reply]


def says(content: Any, status: int = 200, **headers: str) -> Behaviour:
    """The same to everybody: bytes as they are, everything else as JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda asked: Reply(status, body, headers)


def accepts(remote_id: str = "B-1") -> Behaviour:
    return says([{"service_request_id": remote_id, "service_notice": None, "account_id": None}])


class Peer:
    """`behaviour` answers; `asked` is what came so far."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}/open311/v2"
        self.asked: list[Asked] = []
        self.behaviour: Behaviour = accepts()
        #: A hanging behaviour ends with this.
        self.over = threading.Event()

    def hang(self) -> None:
        """Takes every question and says nothing."""

        def hanging(asked: Asked) -> Reply:
            self.over.wait(30)
            return Reply(500)

        self.behaviour = hanging

    def posts(self) -> list[Asked]:
        return [asked for asked in self.asked if asked.method == "POST"]


@contextmanager
def running() -> Iterator[Peer]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.take(b"")

        def do_POST(self) -> None:
            self.take(self.rfile.read(int(self.headers["Content-Length"])))

        def take(self, body: bytes) -> None:
            parts = urlsplit(self.path)
            asked = Asked(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
            peer.asked.append(asked)
            try:
                self.reply(peer.behaviour(asked))
            except OSError:  # the other side has gone
                self.close_connection = True

        def reply(self, reply: Reply) -> None:
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in (reply.headers or {}).items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    peer = Peer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield peer
    finally:
        peer.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
