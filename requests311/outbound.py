"""HTTP to addresses that somebody else chose: a client's photo, a department's own system.

Whoever may name a URL would otherwise read with our eyes: the metadata service of a cloud, Redis, a neighbour behind
the firewall (server-side request forgery). So every address that a name resolves to is checked, after each redirect
too, and the connection goes to the very address that was checked, since a second look-up may answer otherwise (DNS
rebinding). `settings.OUTBOUND_PRIVATE_HOSTS` are the exceptions that the operator made.

No call takes longer than its seconds, whatever the other side does, and none reads more than its bytes.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
from django.conf import settings

#: Well-known prefix of NAT64 (RFC 6052): the last 32 bits are an IPv4 address.
_NAT64 = IPv6Network("64:ff9b::/96")
_URL_AT_MOST = 2000
_USER_AGENT = "Requests311"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class OutboundRefused(Exception):
    """A call that was not made, or gave nothing usable.

    `reason` is stable: `bad_url`, `forbidden_address`, `unreachable`, `timed_out`, `too_large`, `too_many_redirects`.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    @property
    def may_pass(self) -> bool:
        """Whether the same call may succeed later."""
        return self.reason in {"unreachable", "timed_out"}


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def ask(
    method: str,
    url: str,
    *,
    seconds: float,
    bytes_at_most: int,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    redirects: int = 0,
) -> Answer:
    """One HTTP call, done after at most `seconds`, redirects included, whatever status comes back.

    Redirects are followed for GET only. Raises OutboundRefused.
    """
    deadline = time.monotonic() + seconds
    for _ in range(redirects + 1):
        answer = _once(method, url, headers or {}, body, deadline, bytes_at_most)
        target = answer.headers.get("location")
        if not redirects or answer.status not in _REDIRECTS or not target or method != "GET":
            return answer
        url = urljoin(url, target)
    raise OutboundRefused("too_many_redirects", f"The address led on more than {redirects} times.")


def check_url(url: str) -> None:
    """Raises OutboundRefused `bad_url` for what is no plain http(s) URL; looks nothing up."""
    if len(url) > _URL_AT_MOST:
        raise OutboundRefused("bad_url", f"A URL has at most {_URL_AT_MOST} characters.")
    if any(ord(sign) <= 32 or ord(sign) == 127 for sign in url):
        raise OutboundRefused("bad_url", "A URL has no spaces and no control characters.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise OutboundRefused("bad_url", "This is not a URL.") from error
    if parts.scheme not in {"http", "https"} or not host:
        raise OutboundRefused("bad_url", "A URL begins with http:// or https:// and names a host.")
    if parts.username is not None or parts.password is not None:
        raise OutboundRefused("bad_url", "A URL must not carry a user name.")


def check_target(url: str, *, seconds: float) -> None:
    """Whether the URL could be called now; looks its host up, for at most `seconds`, and connects to nothing.

    Raises OutboundRefused `bad_url`, `forbidden_address`, `unreachable` or `timed_out`. A later call looks again.
    """
    check_url(url)
    parts = urlsplit(url)
    # check_url has found a host.
    _allowed_addresses(parts.hostname or "", _port(url), seconds)


def is_excepted(url: str) -> bool:
    """Whether the operator has named the URL's host in `settings.OUTBOUND_PRIVATE_HOSTS`; needs a sound URL."""
    return _is_excepted(urlsplit(url).hostname or "", _port(url))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the Internet, and not to this machine, its network or a special purpose."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        # An IPv4 address in disguise is as public as that one.
        inside = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inside is None and found in _NAT64:
            inside = IPv4Address(int(found) & 0xFFFF_FFFF)
        if inside is not None:
            found = inside
    return found.is_global and not found.is_multicast


def _once(
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: float, bytes_at_most: int
) -> Answer:
    check_url(url)
    left = _left(deadline)
    sent: dict[Any, Any] = {"User-Agent": _USER_AGENT, "Accept-Encoding": "identity", **headers}
    timeout = {"connect": left, "read": left, "write": left, "pool": left}
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_tls(), network_backend=_Checked(deadline)) as pool,
            pool.stream(method, url, headers=sent, content=body, extensions={"timeout": timeout}) as response,
        ):
            received = bytearray()
            for chunk in response.iter_stream():
                received += chunk
                if len(received) > bytes_at_most:
                    raise OutboundRefused("too_large", f"More than {bytes_at_most:,} bytes came back.")
            names = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, names, bytes(received))
    except (httpcore.TimeoutException, TimeoutError) as error:
        raise OutboundRefused("timed_out", "The other side did not answer in time.") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
        raise OutboundRefused("unreachable", f"The other side cannot be reached ({type(error).__name__}).") from error
    except (ValueError, UnicodeError, httpcore.UnsupportedProtocol) as error:
        raise OutboundRefused("bad_url", "This is not a URL.") from error


@lru_cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise OutboundRefused("timed_out", "The other side did not answer in time.")
    return left


class _Checked(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and ends at the deadline even where bytes keep dripping in."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _allowed_addresses(host, port, _left(self._deadline))
        stream = self._plain.connect_tcp(addresses[0], port, _left(self._deadline), local_address, socket_options)
        return _Ending(stream, self._deadline)


class _Ending(httpcore.NetworkStream):
    """A stream that gives up at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline))
        return _Ending(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_excepted(host: str, port: int) -> bool:
    allowed = {name.lower() for name in settings.OUTBOUND_PRIVATE_HOSTS}
    return bool({host.lower(), f"{host.lower()}:{port}"} & allowed)


def _allowed_addresses(host: str, port: int, seconds: float) -> list[str]:
    """All addresses of a name, each of which may be called; raises OutboundRefused."""
    addresses = _resolve(host, port, seconds)
    # One is enough to refuse: a name that leads both in and out is set up to be mistaken.
    if not _is_excepted(host, port) and not all(is_public(address) for address in addresses):
        raise OutboundRefused("forbidden_address", "This address is not on the public Internet.")
    return addresses


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """All addresses of a name. In a thread of its own, since the system's resolver knows no deadline."""
    found: list[Any] = []
    failed: list[OSError | UnicodeError] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    thread = threading.Thread(target=look_up, daemon=True, name="resolve")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise OutboundRefused("timed_out", "The name server did not answer in time.")
    if failed or not found:
        raise OutboundRefused("unreachable", "There is no such host.")
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
