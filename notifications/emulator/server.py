"""An emulator's life: it binds its port, serves in threads, and ends every connection when it stops."""

import contextlib
import errno
import socket
import sys
import threading
import time
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer, TCPServer
from typing import Any

from notifications.emulator.conversation import Conversation
from notifications.emulator.desk import Desk
from notifications.emulator.loopback import is_loopback
from notifications.emulator.oauth import CredentialsError, ServiceAccount, TokenEndpoint


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
        self._server = _bound(host, port)
        self.host, self.port = host, int(self._server.server_address[1])
        self.credentials_path = credentials
        try:
            account = ServiceAccount.ensure(credentials, f"{self.url}/token")
        except CredentialsError as error:
            self._server.server_close()
            raise EmulatorError(str(error)) from error
        self._desk = self._server.desk = Desk(TokenEndpoint(account), allow_lan, log)
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
        self._desk.stopping.set()
        self._desk.phones.stop()
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        self._server.end_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # A burst of 200 phones' connections must not meet a full backlog.
    request_queue_size = 512
    #: Set before serving; the account in it names our port, which is known only once we are bound.
    desk: Desk

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread | None] = {}
        super().__init__(address, self._converse)

    def _converse(self, request: Any, client_address: Any, _server: BaseServer) -> Conversation:
        return Conversation(self.desk, request, client_address, self)

    def server_bind(self) -> None:
        # HTTPServer asks DNS for the host's full name here, which may take seconds and is never used.
        TCPServer.server_bind(self)
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


def _bound(host: str, port: int) -> _Server:
    try:
        return _Server((host, port))
    except OverflowError as error:
        raise EmulatorError(f"{port} is no port; ports go from 0 to 65535.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EmulatorError(
                f"Port {port} on {host} is in use, perhaps by another emulator. "
                "Stop that one, or choose another port with --port (0 takes a free one)."
            ) from error
        raise EmulatorError(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from error
