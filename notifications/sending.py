"""One bounded thread pool a process, however many batches and devices there are."""

import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import structlog
from django.conf import settings

from notifications.alerts import alert
from notifications.channels import email, push
from notifications.models import Channel
from notifications.outcomes import Outcome, Parcel, Verdict

logger = structlog.get_logger(__name__)

STUCK = "STUCK"

_lock = threading.Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None


def attempt_seconds() -> float:
    """The longest that one attempt takes on any channel, with a moment to come back."""
    return max(_push_seconds(), _email_seconds())


def _push_seconds() -> float:
    """A token and a message."""
    return 2.0 * settings.PUSH_TIMEOUT_SECONDS + 1.0


def _email_seconds() -> float:
    return email.attempt_seconds() + 1.0


def send_all(parcels: Sequence[Parcel], *, start_by: float) -> list[tuple[Parcel, Outcome]]:
    """What became of each parcel. No send begins after `start_by` (time.monotonic()); what has not begun by
    then is UNTRIED. Returns at most attempt_seconds() after it.

    What goes wrong for all of one channel leaves the others alone.
    """
    pushes = [parcel for parcel in parcels if parcel.channel == Channel.PUSH]
    letters = [parcel for parcel in parcels if parcel.channel == Channel.EMAIL]
    # E-mails first, since preparing the pushes may take a request; they never have more than a few threads.
    begun = [*_begin_emails(letters, start_by), *_begin_pushes(pushes, start_by)]
    longest = max(_push_seconds() if pushes else 0.0, _email_seconds() if letters else 0.0)
    wait([future for _, future in begun], max(0.0, start_by - time.monotonic()) + longest)
    results = [(parcel, _result(future)) for parcel, future in begun]
    for channel in Channel:
        stuck = sum(outcome.code == STUCK and parcel.channel == channel for parcel, outcome in results)
        if stuck:
            # Its threads end when their connections do; the next batch must not wait for that.
            alert(f"{channel}_threads_stuck", threads=stuck)
            reset(wait_for_threads=False)
    return results


Begun = list[tuple[Parcel, "Future[Outcome]"]]


def _begin_pushes(parcels: Sequence[Parcel], start_by: float) -> Begun:
    if not parcels:
        return []
    for_all = push.prepare()
    if for_all is not None:
        return [(parcel, _done(for_all)) for parcel in parcels]
    pool = _executor()
    return [(parcel, pool.submit(_send, parcel, start_by)) for parcel in parcels]


def _begin_emails(parcels: Sequence[Parcel], start_by: float) -> Begun:
    """A few threads take one after the other; a thread each would be a connection each."""
    begun: Begun = [(parcel, Future()) for parcel in parcels]
    waiting = deque(begun)
    for _ in range(min(email.CONNECTIONS, max(1, settings.PUSH_THREADS // 2), len(begun))):
        _executor().submit(_send_one_after_the_other, waiting, start_by)
    return begun


def _send_one_after_the_other(waiting: "deque[tuple[Parcel, Future[Outcome]]]", start_by: float) -> None:
    """Until nothing waits. Where the mail server cannot be had at all, that is the outcome of what waits still."""
    for_all: Outcome | None = None
    while True:
        try:
            parcel, future = waiting.popleft()
        except IndexError:
            return
        if not future.set_running_or_notify_cancel():
            continue
        outcome = for_all or _send(parcel, start_by)
        for_all = outcome if outcome.for_all else None
        future.set_result(outcome)


def _done(outcome: Outcome) -> "Future[Outcome]":
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


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
        return email.send(parcel) if parcel.channel == Channel.EMAIL else push.send(parcel)
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
