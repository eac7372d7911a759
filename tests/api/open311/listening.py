"""An address on loopback, to see whether anybody calls it, and what they make of the answer."""

import http.server
import threading
from typing import Any


class Listening:
    """An HTTP server on loopback that writes down what it is asked for; it has `content`, or else nothing."""

    def __init__(self, content: bytes | None = None) -> None:
        self.calls: list[str] = []
        calls = self.calls

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                calls.append(self.path)
                self.send_response(404 if content is None else 200)
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> tuple[str, list[str]]:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}", self.calls

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
