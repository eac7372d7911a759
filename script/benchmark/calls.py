"""One HTTP call of a client, as bytes on the wire and as a call in this process."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Where the load tool puts a new Idempotency-Key at every sending; as long as the key.
KEY_PLACE = b"\x01" * 32
#: Between two calls of a file; in no HTTP/1.1 head and no JSON.
END = b"\x00"


@dataclass(frozen=True)
class Call:
    """A call under /, by whoever holds the token."""

    method: str
    path: str
    token: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fresh_key: bool = False

    def raw(self, host: str) -> bytes:
        """HTTP/1.1 on a kept-alive connection, as a phone's library speaks it."""
        body = b"" if self.body is None else json.dumps(self.body, separators=(",", ":")).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {self.token}"]
        lines += ["Accept: application/json", "User-Agent: requests311-bench"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        head = "\r\n".join(lines).encode() + b"\r\n"
        if self.fresh_key:
            head += b"Idempotency-Key: " + KEY_PLACE + b"\r\n"
        return head + b"\r\n" + body

    def in_process(self, client: Any) -> Any:
        """The same through Django's test client; its response."""
        headers = {"Authorization": f"Bearer {self.token}", **self.headers}
        if self.fresh_key:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        body = b"" if self.body is None else json.dumps(self.body).encode()
        kind = "application/json" if self.body is not None else "application/octet-stream"
        return client.generic(self.method, self.path, body, content_type=kind, headers=headers)


def joined(calls: Sequence[Call], host: str) -> bytes:
    """A file of calls as replay.lua reads it."""
    return b"".join(call.raw(host) + END for call in calls)
