"""One bounded thread pool a process, however many batches and devices there are."""

import os
import threading
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import structlog
from django.conf import settings

from notifications.alerts import alert
from notifications.channels import push
from notifications.outcomes import Outcome, Parcel, Verdict

logger = structlog.get_logger(__name__)

STUCK = "STUCK"

_lock = threading.Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def attempt_seconds() -> float:
    """The longest that one attempt takes: a token and a message, and a moment to come back."""
    return 2.0 * settings.PUSH_TIMEOUT_SECONDS + 1.0


def send_all(parcels: Sequence[Parcel], *, start_by: float) -> list[tuple[Parcel, Outcome]]:
    """What became of each parcel. No send begins after `start_by` (time.monotonic()); what has not begun by
    then is UNTRIED. Returns at most attempt_seconds() after it."""
    if not parcels:
        return []
    for_all = push.prepare()
    if for_all is not None:
        return [(parcel, for_all) for parcel in parcels]
    pool = _executor()
    futures = [(parcel, pool.submit(_send, parcel, start_by)) for parcel in parcels]
    wait([future for _, future in futures], max(0.0, start_by - time.monotonic()) + attempt_seconds())
    results = [(parcel, _result(future)) for parcel, future in futures]
    stuck = sum(outcome.code == STUCK for _, outcome in results)
    if stuck:
        # Its threads end when their connections do; the next batch must not wait for that.
        alert("push_threads_stuck", threads=stuck)
        reset(wait_for_threads=False)
    return results


def reset(*, wait_for_threads: bool = True) -> None:
    """Ends the pool; the next batch makes a new one. For stuck threads, and for tests."""
    global _pool
    with _lock:
        old, _pool = _pool, None
    if old is not None and old[0] == os.getpid():
        old[2].shutdown(wait=wait_for_threads)


def _executor() -> ThreadPoolExecutor:
    """The process's pool; a forked child has none of its parent's threads and makes its own."""
    global _pool
    key = (os.getpid(), int(settings.PUSH_THREADS))
    with _lock:
        if _pool is None or _pool[:2] != key:
            _pool = (*key, ThreadPoolExecutor(key[1], thread_name_prefix="push"))
        return _pool[2]


def _send(parcel: Parcel, start_by: float) -> Outcome:
    if time.monotonic() >= start_by:
        return Outcome(Verdict.UNTRIED)
    try:
        return push.send(parcel)
    except Exception as error:
        # A fault of ours in one delivery must not lose or hold up the others.
        # Where it happened, without the error's text and the local variables: they may hold the address.
        logger.error(
            "delivery_failed",
            delivery_id=str(parcel.delivery_id),
            kind=parcel.kind,
            error=type(error).__name__,
            frames=traceback.format_tb(error.__traceback__),
        )
        return Outcome(Verdict.RETRY, code="UNEXPECTED", error=type(error).__name__)


def _result(future: "Future[Outcome]") -> Outcome:
    if future.done():
        return future.result()
    if future.cancel():
        return Outcome(Verdict.UNTRIED)
    # A peer that drips one byte every few seconds outlives the socket's timeout. The row goes on without it.
    return Outcome(Verdict.RETRY, code=STUCK, error="no end after every timeout")
