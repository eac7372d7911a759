"""The HTTP conversation: FCM's and OAuth's endpoints for firebase-admin, ours for people and tests."""

import re
import secrets
import select
import socket
import time
import traceback
import urllib.parse
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import BaseServer
from typing import Any

import orjson

from notifications.emulator.desk import Desk
from notifications.emulator.errors import (
    GoogleError,
    OAuthError,
    RequestError,
    refuse,
    scope_insufficient,
    wrong_project,
)
from notifications.emulator.faults import Fault
from notifications.emulator.loopback import names_this_machine
from notifications.emulator.oauth import PROJECT_ID, SENDING_SCOPES
from notifications.emulator.page import page_and_policy
from notifications.emulator.phones import OVERALL
from notifications.emulator.validation import Sending, parse_request

LARGEST_BODY = 64 * 1024
#: Seconds an idle connection is kept.
IDLE = 120
#: Seconds that `GET /messages?wait=` may take.
LONGEST_WAIT = 30.0
_SEND_PATH = re.compile(r"/v1/projects/([^/]+)/messages:send")


class Conversation(BaseHTTPRequestHandler):
    """One connection: reads its requests, asks the desk, answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE

    def __init__(self, desk: Desk, request: Any, client_address: Any, server: BaseServer) -> None:
        self.desk = desk
        # This serves the whole connection before it returns.
        super().__init__(request, client_address, server)

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = do_GET  # noqa: N815 - http.server's names

    def version_string(self) -> str:
        return "fcm-emulator"

    def log_message(self, format: str, *args: Any) -> None:
        """http.server's own complaints are answers already; they need no line."""

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
        if not self.desk.allow_lan and not names_this_machine(host):
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
            "/phones": {"GET": lambda: self._send_json(200, self.desk.phones.summary())},
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
        granted = self.desk.tokens.grant({name: values[0] for name, values in form.items()})
        self._send_json(200, granted, {"Cache-Control": "no-store"})

    def _send_message(self, project: str, body: bytes) -> None:
        scopes = self.desk.tokens.scopes_of(self.headers.get("Authorization"))
        if project != PROJECT_ID:
            raise wrong_project(project)
        if not scopes & SENDING_SCOPES:
            raise scope_insufficient()
        sending = parse_request(body)
        fault = self.desk.faults.hit(sending.target.value)
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
            if not self.desk.stopping.wait(seconds):
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
            if self.desk.stopping.wait(min(0.1, remaining)):
                return
            if leaving.poll(0) and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _deliver(self, sending: Sending) -> str:
        if sending.validate_only:
            return f"projects/{PROJECT_ID}/messages/fake_message_id"
        name = f"projects/{PROJECT_ID}/messages/0:{time.time_ns() // 1000}%{secrets.token_hex(8)}"
        self.desk.phones.deliver(sending.target, sending.message, name)
        return name

    # --- Our side -------------------------------------------------------------------------------

    def _show_faults(self) -> None:
        self._send_json(200, {"faults": self.desk.faults.as_json()})

    def _put_faults(self, body: bytes) -> None:
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            refuse(400, f"The body is not JSON: {error}.")
        self.desk.faults.replace(content)
        self._show_faults()

    def _clear_faults(self) -> None:
        self.desk.faults.clear()
        self._show_faults()

    def _list_messages(self, query: dict[str, list[str]]) -> None:
        if unknown := set(query) - {"token", "fid", "topic", "condition", "since", "limit", "wait"}:
            refuse(400, f"Unknown parameter {sorted(unknown)[0]!r}; known are token, fid, since, limit, wait.")
        kinds = [kind for kind in ("token", "fid", "topic", "condition") if kind in query]
        if len(kinds) > 1:
            refuse(400, f"Give one of {' and '.join(kinds)}.")
        kind = kinds[0] if kinds else None
        found = self.desk.phones.wait(
            _number(query, "wait", 0, LONGEST_WAIT),
            kind=kind,
            value=query[kind][0] if kind else None,
            since=int(_number(query, "since", 0, 2**53)),
            limit=int(_number(query, "limit", OVERALL, OVERALL)),
        )
        generation = {"Emulator-Generation": self.desk.phones.generation}
        self._send_json(200, [received.as_json() for received in found], generation)

    def _clear_messages(self) -> None:
        self.desk.phones.clear()
        self._send_json(200, {"kept": 0})

    def _show_health(self) -> None:
        self._send_json(200, {"status": "ok", "project_id": PROJECT_ID, **self.desk.phones.counts()})

    def _show_page(self) -> None:
        page, policy = page_and_policy()
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
        if self.desk.stopping.is_set():
            self.close_connection = True
        if self.close_connection:
            lines["Connection"] = "close"
        head = f"HTTP/1.1 {code} {HTTPStatus(code).phrase}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
        self.wfile.write(head.encode("latin-1") + (b"" if self.command == "HEAD" else body))
        if self.desk.log is not None:
            # The query may name a token, and the log may not.
            self.desk.log(f"{self.command} {self.path.partition('?')[0]} {code}")


def _number(query: dict[str, list[str]], name: str, default: float, highest: float) -> float:
    text = query.get(name, [None])[0]
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,3})?", text) or float(text) > highest:
        refuse(400, f"{name} must be a number from 0 to {highest:g}.")
    return float(text)
