"""What the phones received, in memory and bounded."""

import secrets
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

PER_PHONE = 1000
OVERALL = 20_000


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a message is for: kind is `token`, `fid`, `topic` or `condition`."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Received:
    """One message as it reached a phone. The sequence rises over all phones, without reuse."""

    sequence: int
    received_at: datetime
    name: str
    target: Target
    message: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "received_at": _iso(self.received_at),
            "name": self.name,
            "target": {"kind": self.target.kind, "value": self.target.value},
            "message": self.message,
        }


class Phones:
    """Every phone's last messages: at most `per_phone` each and `overall` in all, the oldest go first.

    Thread-safe. A phone is known from its first message until its last one is forgotten.
    """

    def __init__(self, *, per_phone: int = PER_PHONE, overall: int = OVERALL) -> None:
        self._per_phone = per_phone
        self._overall = overall
        self._changed = threading.Condition()
        self._sequence = 0
        self._stopped = False
        self._run = secrets.token_hex(4)
        self._clearings = 0
        # An OrderedDict, because taking a plain dict's first key again and again is quadratic.
        self._messages: OrderedDict[int, Received] = OrderedDict()
        self._phones: dict[Target, deque[int]] = {}
        self._totals: dict[Target, int] = {}

    @property
    def generation(self) -> str:
        """Changes when the emulator restarts or is cleared: a reader then starts anew."""
        return f"{self._run}.{self._clearings}"

    def deliver(self, target: Target, message: dict[str, Any], name: str) -> Received:
        """Keeps a message and wakes whoever waits for one."""
        with self._changed:
            self._sequence += 1
            received = Received(self._sequence, datetime.now(UTC), name, target, message)
            self._messages[received.sequence] = received
            mine = self._phones.setdefault(target, deque())
            mine.append(received.sequence)
            self._totals[target] = self._totals.get(target, 0) + 1
            if len(mine) > self._per_phone:
                del self._messages[mine.popleft()]
            if len(self._messages) > self._overall:
                self._forget_oldest()
            self._changed.notify_all()
            return received

    def _forget_oldest(self) -> None:
        _, oldest = self._messages.popitem(last=False)
        # The oldest of all is also the oldest of its phone.
        remaining = self._phones[oldest.target]
        remaining.popleft()
        if not remaining:
            del self._phones[oldest.target]
            del self._totals[oldest.target]

    def messages(
        self, *, kind: str | None = None, value: str | None = None, since: int = 0, limit: int = OVERALL
    ) -> list[Received]:
        """The newest `limit` messages after sequence `since`, oldest first; of one target, or of all."""
        with self._changed:
            return self._select(kind, value, since, limit)

    def wait(
        self,
        seconds: float,
        *,
        kind: str | None = None,
        value: str | None = None,
        since: int = 0,
        limit: int = OVERALL,
    ) -> list[Received]:
        """As `messages`, but waits up to `seconds` for the first one. Clearing or stopping ends the wait."""
        deadline = time.monotonic() + seconds
        with self._changed:
            generation = self.generation
            while True:
                found = self._select(kind, value, since, limit)
                remaining = deadline - time.monotonic()
                if found or remaining <= 0 or self._stopped or generation != self.generation:
                    return found
                self._changed.wait(remaining)

    def _select(self, kind: str | None, value: str | None, since: int, limit: int) -> list[Received]:
        if kind is None:
            sequences = reversed(self._messages)
        else:
            sequences = reversed(self._phones.get(Target(kind, value or ""), deque()))
        found: list[Received] = []
        for sequence in sequences:
            if sequence <= since or len(found) >= limit:
                break
            found.append(self._messages[sequence])
        found.reverse()
        return found

    def summary(self) -> list[dict[str, Any]]:
        """One line a phone, the one that received last first: kind, value, counts, last sequence and time."""
        with self._changed:
            lines = [
                {
                    "kind": target.kind,
                    "value": target.value,
                    "kept": len(sequences),
                    "received": self._totals[target],
                    "last_sequence": sequences[-1],
                    "last_received_at": _iso(self._messages[sequences[-1]].received_at),
                }
                for target, sequences in self._phones.items()
            ]
        return sorted(lines, key=lambda line: -line["last_sequence"])

    def counts(self) -> dict[str, int]:
        """Phones known, messages kept, and messages received since the start."""
        with self._changed:
            return {"phones": len(self._phones), "kept": len(self._messages), "received": self._sequence}

    def clear(self) -> None:
        """Forgets every message; sequences go on."""
        with self._changed:
            self._messages.clear()
            self._phones.clear()
            self._totals.clear()
            self._clearings += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Ends every wait, now and later."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
