"""Answers of the external geocoder, kept for a while: in Redis for all processes, in this one's memory without it.

Bounded in number: an answer has one of SLOTS places, found by the digest of its question, and takes it from whatever
was there. Of the question only the digest is kept, so that neither Redis nor its logs show what anybody looked for.
"""

import threading
import time
from functools import lru_cache
from typing import Any

import orjson
import structlog
from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

SLOTS = 10_000
SLOTS_IN_MEMORY = 1_000
#: Seconds without a look at Redis after it failed.
_PAUSE_SECONDS = 5

_memory: dict[int, tuple[float, bytes]] = {}
_lock = threading.Lock()
_redis_pauses_until = 0.0


def recall(digest: str) -> Any:
    """What was kept for the question of this digest (hexadecimal), or None."""
    text = _from_redis(digest) if _redis_answers() else None
    if text is None:
        with _lock:
            until, text = _memory.get(_slot(digest, SLOTS_IN_MEMORY), (0.0, None))
        if time.monotonic() >= until:
            return None
    try:
        kept = orjson.loads(text or b"null")
    except orjson.JSONDecodeError:
        return None
    return kept["answer"] if isinstance(kept, dict) and kept.get("digest") == digest else None


def remember(digest: str, answer: Any, *, seconds: int) -> None:
    """`answer` is what orjson writes."""
    global _redis_pauses_until
    text = orjson.dumps({"digest": digest, "answer": answer})
    if _redis_answers():
        try:
            _redis(settings.REDIS_URL).set(_key(digest), text, ex=seconds)
            return
        except (RedisError, OSError) as error:
            _redis_failed(error)
    with _lock:
        _memory[_slot(digest, SLOTS_IN_MEMORY)] = (time.monotonic() + seconds, text)


def forget() -> None:
    """Empties this process's memory. For tests."""
    global _redis_pauses_until
    _redis_pauses_until = 0.0
    with _lock:
        _memory.clear()


def _slot(digest: str, slots: int) -> int:
    return int(digest[:12], 16) % slots


def _key(digest: str) -> str:
    return f"geocoder/{_slot(digest, SLOTS)}"


def _redis_answers() -> bool:
    return bool(settings.REDIS_URL) and time.monotonic() >= _redis_pauses_until


def _from_redis(digest: str) -> bytes | None:
    try:
        text: Any = _redis(settings.REDIS_URL).get(_key(digest))
    except (RedisError, OSError) as error:
        _redis_failed(error)
        return None
    return text if isinstance(text, bytes) else None


def _redis_failed(error: Exception) -> None:
    global _redis_pauses_until
    _redis_pauses_until = time.monotonic() + _PAUSE_SECONDS
    log.warning("geocoder answers kept in memory, Redis does not answer", error=type(error).__name__)


@lru_cache
def _redis(url: str) -> "Redis":
    return Redis.from_url(url, socket_connect_timeout=0.3, socket_timeout=0.3, retry=Retry(NoBackoff(), 0))
