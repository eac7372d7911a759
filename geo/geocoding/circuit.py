"""Stops asking somebody who does not answer, and tries again later with one question.

Of our own: the kept packages' last releases were over a year old when this was written (ADR 12), and it is this short.
"""

import threading
import time
from collections.abc import Callable


class Circuit:
    """Opens after `failures` in a row for `pause` seconds; then one call may try, and its outcome decides."""

    def __init__(self, *, failures: int, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures = failures
        self.pause = pause
        self.clock = clock
        self.lock = threading.Lock()
        self.failed_in_a_row = 0
        self.closed_again_at = 0.0

    def may_call(self) -> bool:
        """Whether to call. Where the answer is yes the caller reports its outcome, or is taken to have failed."""
        with self.lock:
            if self.failed_in_a_row < self.failures:
                return True
            if self.clock() < self.closed_again_at:
                return False
            # The one that tries: for all others it stays open meanwhile.
            self.closed_again_at = self.clock() + self.pause
            return True

    def succeeded(self) -> None:
        with self.lock:
            self.failed_in_a_row = 0

    def failed(self) -> None:
        with self.lock:
            self.failed_in_a_row += 1
            self.closed_again_at = self.clock() + self.pause
