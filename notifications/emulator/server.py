"""The HTTP server: FCM's and OAuth's endpoints for firebase-admin, ours for people and tests."""

import base64
import contextlib
import errno
import hashlib
import ipaddress
import re
import secrets
import select
import socket
import socketserver
import sys
import threading
import time
import traceback
import urllib.parse
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import orjson

from notifications.emulator.errors import (
    GoogleError,
    OAuthError,
    RequestError,
    refuse,
    scope_insufficient,
    wrong_project,
)
from notifications.emulator.faults import Fault, Faults
from notifications.emulator.oauth import (
    PROJECT_ID,
    SENDING_SCOPES,
    CredentialsError,
    ServiceAccount,
    TokenEndpoint,
)
from notifications.emulator.phones import OVERALL, Phones
from notifications.emulator.validation import Sending, parse_request

LARGEST_BODY = 64 * 1024
#: Seconds an idle connection is kept.
IDLE = 120
#: Seconds that `GET /messages?wait=` may take.
LONGEST_WAIT = 30.0
_SEND_PATH = re.compile(r"/v1/projects/([^/]+)/messages:send")
#: The Android emulator's name for the loopback of the machine it runs on. An address, not a name: nobody
#: can make a browser's own page be called that, so it opens no way for DNS rebinding.
_ANDROID_EMULATOR_HOST = "10.0.2.2"


class EmulatorError(Exception):
    """The emulator cannot start; the message says why and the way out."""


class Emulator:
    """One emulator: bound when made, serving between start() and stop(). All state is its own.

    `port` 0 takes a free one. `credentials` is made if missing (mode 600). OSError never comes out:
    EmulatorError says in one line what is wrong.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        credentials: Path,
        allow_lan: bool = False,
        log: Callable[[str], None] | None = None,
    ) -> None:
        if not allow_lan and not is_loopback(host):
            raise EmulatorError(
                f"{host} can be reached from other machines, and the emulator shows all messages to anybody. "
                "Bind to 127.0.0.1, or add --allow-lan if that is what you want."
            )
        self.phones = Phones()
        self.faults = Faults()
        self.stopping = threading.Event()
        self.allow_lan = allow_lan
        self.log = log
        self._server = _bound(host, port, self)
        self.host, self.port = host, int(self._server.server_address[1])
        self.credentials_path = credentials
        try:
            account = ServiceAccount.ensure(credentials, f"{self.url}/token")
        except CredentialsError as error:
            self._server.server_close()
            raise EmulatorError(str(error)) from error
        self.tokens = TokenEndpoint(account)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where this machine reaches it: `http://127.0.0.1:PORT`, without a final slash."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def start(self) -> None:
        """Serves in threads of its own and returns."""
        # The poll interval is how long stop() may wait for the accepting thread.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="fcm-emulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ends every connection, hanging ones too, and frees the port. May be called twice."""
        self.stopping.set()
        self.phones.stop()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.end_connections()


def is_loopback(host: str) -> bool:
    """Whether the host is this machine only: localhost, 127.0.0.0/8 or ::1."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # A burst of 200 phones' connections must not meet a full backlog.
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], emulator: Emulator) -> None:
        self.emulator = emulator
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread | None] = {}
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer asks DNS for the host's full name here, which may take seconds and is never used.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        # Noted here, in the accepting thread, so that stop() misses none whose own thread has not begun.
        with self._lock:
            self._open[request] = None
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)

    def end_connections(self) -> None:
        """Closes what clients keep open, and waits for the threads that served them."""
        with self._lock:
            threads = list(self._open.values())
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 5
        for thread in threads:
            if thread is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that gives up is what half of the faults are about: no traceback for it.
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | BrokenPipeError):
            super().handle_error(request, client_address)


def _bound(host: str, port: int, emulator: Emulator) -> _Server:
    try:
        return _Server((host, port), emulator)
    except OverflowError as error:
        raise EmulatorError(f"{port} is no port; ports go from 0 to 65535.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EmulatorError(
                f"Port {port} on {host} is in use, perhaps by another emulator. "
                "Stop that one, or choose another port with --port (0 takes a free one)."
            ) from error
        raise EmulatorError(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from error


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - http.server's names

    def version_string(self) -> str:
        return "fcm-emulator"

    def log_message(self, format: str, *args: Any) -> None:
        """http.server's own complaints are answers already; they need no line."""

    @property
    def emulator(self) -> Emulator:
        return self.server.emulator

    # --- One request ----------------------------------------------------------------------------

    def _answer(self) -> None:
        path, _, query_text = self.path.partition("?")
        try:
            body = self._read_body()
            self._check_origin()
            self._route(path, urllib.parse.parse_qs(query_text, keep_blank_values=True), body)
        except (GoogleError, OAuthError, RequestError) as error:
            self._send_json(error.code, error.body(), getattr(error, "headers", {}))
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            traceback.print_exc()
            self._send_json(500, GoogleError(500, "INTERNAL", "Internal error encountered.").body())

    def _read_body(self) -> bytes:
        """The whole body; refuses more than LARGEST_BODY and ends the connection then."""
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            refuse(411, "Send a Content-Length; chunked bodies are not read.")
        length_text = self.headers.get("Content-Length", "0")
        if not re.fullmatch(r"[0-9]{1,18}", length_text):
            self.close_connection = True
            refuse(400, "Content-Length is no number.")
        length = int(length_text)
        if length > LARGEST_BODY:
            # A client still sending would lose the answer to a reset; so read on a little, then hang up.
            self.rfile.read(min(length, 16 * LARGEST_BODY))
            self.close_connection = True
            refuse(413, f"The body has {length} bytes; at most {LARGEST_BODY} are taken.")
        return self.rfile.read(length) if length else b""

    def _check_origin(self) -> None:
        """Keeps other people's web pages out: DNS rebinding by host, cross-site requests by origin."""
        host = self.headers.get("Host", "")
        name = _host_name(host)
        if not self.emulator.allow_lan and not (is_loopback(name) or name == _ANDROID_EMULATOR_HOST):
            refuse(
                403,
                f"The host {host!r} is not this machine. Use http://127.0.0.1, or start with --allow-lan.",
            )
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{host}":
            refuse(403, f"Pages of {origin!r} may not use the emulator.")

    def _route(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        if send := _SEND_PATH.fullmatch(path):
            self._only("POST")
            return self._send_message(urllib.parse.unquote(send[1]), body)
        routes: dict[str, dict[str, Callable[[], None]]] = {
            "/token": {"POST": lambda: self._grant_token(body)},
            "/faults": {
                "GET": self._show_faults,
                "PUT": lambda: self._put_faults(body),
                "DELETE": self._clear_faults,
            },
            "/messages": {"GET": lambda: self._list_messages(query), "DELETE": self._clear_messages},
            "/phones": {"GET": lambda: self._send_json(200, self.emulator.phones.summary())},
            "/health": {"GET": self._show_health},
            "/": {"GET": self._show_page},
        }
        methods = routes.get(path)
        if methods is None:
            refuse(404, f"Nothing is at {path}. See / for the phones, docs/fcm-emulator.md for the endpoints.")
        self._only(*methods)
        return methods["GET" if self.command == "HEAD" else self.command]()

    def _only(self, *methods: str) -> None:
        allowed = [*methods, "HEAD"] if "GET" in methods else list(methods)
        if self.command not in allowed:
            names = ", ".join(allowed)
            raise RequestError(405, f"{self.command} is not possible here; {names} is.", {"Allow": names})

    # --- Google's side --------------------------------------------------------------------------

    def _grant_token(self, body: bytes) -> None:
        form = urllib.parse.parse_qs(body.decode("utf-8", "replace"))
        granted = self.emulator.tokens.grant({name: values[0] for name, values in form.items()})
        self._send_json(200, granted, {"Cache-Control": "no-store"})

    def _send_message(self, project: str, body: bytes) -> None:
        scopes = self.emulator.tokens.scopes_of(self.headers.get("Authorization"))
        if project != PROJECT_ID:
            raise wrong_project(project)
        if not scopes & SENDING_SCOPES:
            raise scope_insufficient()
        sending = parse_request(body)
        fault = self.emulator.faults.hit(sending.target.value)
        if fault is not None and not self._survives(fault):
            return
        self._send_json(200, {"name": self._deliver(sending)})

    def _survives(self, fault: Fault) -> bool:
        """Plays the fault: raises its answer, holds a hanging connection, or only waits (slow)."""
        if (error := fault.error()) is not None:
            raise error
        seconds = fault.seconds or 0.0
        if fault.name == "slow":
            # It arrives even if the sender has given up meanwhile: that is how duplicates come about.
            if not self.emulator.stopping.wait(seconds):
                return True
        else:
            self._hold(seconds)
        self.close_connection = True
        return False

    def _hold(self, seconds: float) -> None:
        """Says nothing for so long; less if the client leaves or the emulator stops."""
        deadline = time.monotonic() + seconds
        # poll, because select cannot watch descriptors beyond 1023, and a fan-out that hangs has many.
        leaving = select.poll()
        leaving.register(self.connection, select.POLLIN)
        while (remaining := deadline - time.monotonic()) > 0:
            if self.emulator.stopping.wait(min(0.1, remaining)):
                return
            if leaving.poll(0) and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _deliver(self, sending: Sending) -> str:
        if sending.validate_only:
            return f"projects/{PROJECT_ID}/messages/fake_message_id"
        name = f"projects/{PROJECT_ID}/messages/0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"
        self.emulator.phones.deliver(sending.target, sending.message, name)
        return name

    # --- Our side -------------------------------------------------------------------------------

    def _show_faults(self) -> None:
        self._send_json(200, {"faults": self.emulator.faults.as_json()})

    def _put_faults(self, body: bytes) -> None:
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            refuse(400, f"The body is not JSON: {error}.")
        self.emulator.faults.replace(content)
        self._show_faults()

    def _clear_faults(self) -> None:
        self.emulator.faults.clear()
        self._show_faults()

    def _list_messages(self, query: dict[str, list[str]]) -> None:
        if unknown := set(query) - {"token", "fid", "topic", "condition", "since", "limit", "wait"}:
            refuse(400, f"Unknown parameter {sorted(unknown)[0]!r}; known are token, fid, since, limit, wait.")
        kinds = [kind for kind in ("token", "fid", "topic", "condition") if kind in query]
        if len(kinds) > 1:
            refuse(400, f"Give one of {' and '.join(kinds)}.")
        kind = kinds[0] if kinds else None
        found = self.emulator.phones.wait(
            _number(query, "wait", 0, LONGEST_WAIT),
            kind=kind,
            value=query[kind][0] if kind else None,
            since=int(_number(query, "since", 0, 2**53)),
            limit=int(_number(query, "limit", OVERALL, OVERALL)),
        )
        generation = {"Emulator-Generation": self.emulator.phones.generation}
        self._send_json(200, [received.as_json() for received in found], generation)

    def _clear_messages(self) -> None:
        self.emulator.phones.clear()
        self._send_json(200, {"kept": 0})

    def _show_health(self) -> None:
        self._send_json(200, {"status": "ok", "project_id": PROJECT_ID, **self.emulator.phones.counts()})

    def _show_page(self) -> None:
        page, policy = _page()
        self._send(200, page, "text/html; charset=utf-8", {"Content-Security-Policy": policy})

    # --- Sending --------------------------------------------------------------------------------

    def _send_json(self, code: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        body = orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        self._send(code, body, "application/json; charset=UTF-8", headers)

    def _send(self, code: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Status, headers and body in one packet; two would cost a delayed acknowledgement."""
        lines = {
            "Date": self.date_time_string(),
            "Server": self.version_string(),
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            **(headers or {}),
        }
        if self.emulator.stopping.is_set():
            self.close_connection = True
        if self.close_connection:
            lines["Connection"] = "close"
        head = f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        self.wfile.write(head.encode("latin-1") + (b"" if self.command == "HEAD" else body))
        if self.emulator.log is not None:
            # The query may name a token, and the log may not.
            self.emulator.log(f"{self.command} {self.path.partition('?')[0]} {code}")


def _host_name(host: str) -> str:
    """The host of a Host header without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _number(query: dict[str, list[str]], name: str, default: float, highest: float) -> float:
    text = query.get(name, [None])[0]
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,3})?", text) or float(text) > highest:
        refuse(400, f"{name} must be a number from 0 to {highest:g}.")
    return float(text)


def _page() -> tuple[bytes, str]:
    """The page and its Content-Security-Policy, which lets exactly its own script and style run."""
    text = (resources.files("notifications.emulator") / "page.html").read_text(encoding="utf-8")
    script, style = (
        f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
        for part in (_between(text, "<script>", "</script>"), _between(text, "<style>", "</style>"))
    )
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
