"""Rate limits per person, or per address where nobody is signed in; counted atomically in Redis.

Of a wide limit a process takes some uses at once and gives them out itself, since asking Redis costs a tenth of
reading a report. What it took and did not give out is lost to the caller, so a limit is never passed, and reached
early by at most a sixtieth a process. When Redis is down every process counts for itself: the limit is then that of
one process, never open.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accounts.models import User
from api.errors import HttpError

if TYPE_CHECKING:
    # DRF's settings import this module while they import the views.
    from rest_framework.views import APIView

log = structlog.get_logger(__name__)

#: Seconds without a look at Redis after it failed, so that a dead one costs a request nothing.
_PAUSE_SECONDS = 5


@dataclass(frozen=True)
class Count:
    """What is left of a window, for the RateLimit headers."""

    scope: str
    limit: RateLimitItem
    used: int
    reset_seconds: int

    @property
    def exceeded(self) -> bool:
        return self.used > self.limit.amount

    def headers(self) -> dict[str, str]:
        """Draft IETF httpapi-ratelimit-headers; plus Retry-After (RFC 9110) where the limit is reached."""
        left = max(0, self.limit.amount - self.used)
        headers = {
            "RateLimit-Policy": f'"{self.scope}";q={self.limit.amount};w={self.limit.get_expiry()}',
            "RateLimit": f'"{self.scope}";r={left};t={self.reset_seconds}',
        }
        return headers | ({"Retry-After": str(self.reset_seconds)} if self.exceeded else {})


class Throttle(BaseThrottle):
    """DRF's hook. A view names its scope in `throttle_scope`, one per method in `throttle_scopes`."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        scopes = getattr(view, "throttle_scopes", {})
        default = "read" if request.method in {"GET", "HEAD", "OPTIONS"} else "write"
        check(request, scopes.get(request.method, default), who(request))
        return True


def check(request: Request, scope: str, *who: str) -> None:
    """As `check_http`, within a view of DRF."""
    check_http(request._request, scope, *who)


def check_http(request: HttpRequest, scope: str, *who: str) -> None:
    """Counts one use of `scope`; raises HttpError 429 with Retry-After where it is one too many."""
    count = _count(scope, who)
    # Read by RequestContext, which writes the headers on whatever the answer becomes.
    request.rate_limit = count  # type: ignore[attr-defined]
    if count.exceeded:
        raise HttpError(
            429,
            "throttled",
            f"Too many at once; try again in {count.reset_seconds} seconds.",
            count.headers(),
        )


def who(request: Request) -> str:
    if isinstance(request.user, User):
        return f"user:{request.user.pk}"
    return f"address:{address_bucket(request._request)}"


def address_bucket(request: HttpRequest) -> str:
    """The caller's address; of IPv6 the /64 that one household or phone has.

    X-Forwarded-For counts only as far as proxies of ours wrote it: `TRUSTED_PROXIES` entries from the
    right. What stands left of them is the caller's own invention.
    """
    address = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    proxies = settings.TRUSTED_PROXIES
    if proxies and len(hops) >= proxies:
        address = hops[-proxies]
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return ":".join(parsed.exploded.split(":")[:4])
    return str(parsed)


def _count(scope: str, who: Sequence[str]) -> Count:
    limit = _limit(settings.RATE_LIMITS[scope])
    window = limit.get_expiry()
    now = time.time()
    key = "/".join(("rate", scope, *who, str(int(now // window))))
    return Count(scope, limit, _use(key, window, limit.amount), int(window - now % window) + 1)


@lru_cache
def _limit(text: str) -> RateLimitItem:
    return parse(text)


#: A limit of this many uses or more is taken from Redis in parts of a sixtieth.
_TAKEN_IN_PARTS = 60
#: Callers whose parts are kept; where there are more all are forgotten, which costs each at most a part.
_PARTS_KEPT = 10_000

_memory = MemoryStorage()
#: By key: the count in Redis when the part was taken, and how much of it is left.
_parts: dict[str, tuple[int, int]] = {}
_parts_change = Lock()
_redis_pauses_until = 0.0
_making_storage = Lock()


def reset() -> None:
    """Forgets what was counted in this process, and that Redis failed."""
    global _redis_pauses_until
    _memory.reset()
    _parts.clear()
    _redis_pauses_until = 0.0


def _redis(url: str) -> RedisStorage:
    # One at a time: `limits` looks for its client when a storage is made, and a second thread that looks
    # meanwhile finds half a module and fails the first requests of a new process.
    with _making_storage:
        return _storage(url)


@lru_cache
def _storage(url: str) -> RedisStorage:
    return RedisStorage(url, wrap_exceptions=True, socket_connect_timeout=0.3, socket_timeout=0.3)


def _use(key: str, window: int, limit: int) -> int:
    """How many uses there were in this window, this one included."""
    with _parts_change:
        total, left = _parts.get(key, (0, 0))
        if left:
            _parts[key] = (total, left - 1)
            return total - left + 1
    part = limit // _TAKEN_IN_PARTS or 1
    total = _increment(key, window, part)
    if part > 1:
        with _parts_change:
            if len(_parts) >= _PARTS_KEPT:
                _parts.clear()
            _parts[key] = (total, part - 1)
    return total - part + 1


def _increment(key: str, window: int, uses: int) -> int:
    global _redis_pauses_until
    if settings.REDIS_URL and time.monotonic() >= _redis_pauses_until:
        try:
            return _redis(settings.REDIS_URL).incr(key, window, uses)
        except (StorageError, OSError) as error:
            _redis_pauses_until = time.monotonic() + _PAUSE_SECONDS
            log.warning("rate limits counted in memory, Redis does not answer", error=type(error).__name__)
    return _memory.incr(key, window, uses)
