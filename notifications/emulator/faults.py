"""Faults that can be ordered for chosen phones: what FCM answers on a bad day."""

import threading
from dataclasses import dataclass, field
from typing import Any

from notifications.emulator.errors import GoogleError, fcm_detail, refuse

#: name → HTTP status, canonical status, FcmError code, Google's message
ANSWERS: dict[str, tuple[int, str, str, str]] = {
    "unregistered": (404, "NOT_FOUND", "UNREGISTERED", "Requested entity was not found."),
    "sender_id_mismatch": (403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH", "SenderId mismatch"),
    "third_party_auth": (
        401,
        "UNAUTHENTICATED",
        "THIRD_PARTY_AUTH_ERROR",
        "Auth error from APNS or Web Push Service",
    ),
    "invalid": (
        400,
        "INVALID_ARGUMENT",
        "INVALID_ARGUMENT",
        "The registration token is not a valid FCM registration token",
    ),
    "quota": (
        429,
        "RESOURCE_EXHAUSTED",
        "QUOTA_EXCEEDED",
        "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' "
        "of service 'fcm.googleapis.com'.",
    ),
    "unavailable": (503, "UNAVAILABLE", "UNAVAILABLE", "The service is currently unavailable."),
    "internal": (500, "INTERNAL", "INTERNAL", "Internal error encountered."),
}
#: name → seconds when none are given
DELAYS: dict[str, float] = {"hang": 30.0, "slow": 1.0}
NAMES = (*ANSWERS, *DELAYS)

#: Names that take `retry_after`.
_RETRYABLE = ("quota", "unavailable")
#: Seconds; a longer wait is a typing error.
LONGEST = 3600.0
EVERYONE = "*"


@dataclass
class Fault:
    """One ordered fault.

    `seconds` is the delay of hang and slow, `retry_after` (whole seconds) the header of quota and
    unavailable. With `times`, only so many HTTP requests are hit; None is for ever.
    """

    name: str
    targets: frozenset[str]
    seconds: float | None = None
    retry_after: int | None = None
    times: int | None = None
    hits: int = field(default=0)

    def applies_to(self, target: str) -> bool:
        if self.times is not None and self.hits >= self.times:
            return False
        return EVERYONE in self.targets or target in self.targets

    def error(self) -> GoogleError | None:
        """What FCM answers; None for hang and slow."""
        if self.name not in ANSWERS:
            return None
        code, status, fcm_code, message = ANSWERS[self.name]
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return GoogleError(code, status, message, [fcm_detail(fcm_code)], headers)

    def as_json(self) -> dict[str, Any]:
        line: dict[str, Any] = {"fault": self.name, "token": sorted(self.targets)}
        for option in ("seconds", "retry_after", "times"):
            if (value := getattr(self, option)) is not None:
                line[option] = value
        return {**line, "hits": self.hits}


class Faults:
    """The faults in force. Thread-safe. One for a named phone goes before one for everybody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def replace(self, body: object) -> None:
        """Puts the ordered faults in the place of all earlier ones; RequestError 400 says what is wrong."""
        faults = parse(body)
        with self._lock:
            self._faults = sorted(faults, key=lambda fault: EVERYONE in fault.targets)

    def hit(self, target: str) -> Fault | None:
        """The fault that this request meets, counted; None if it is spared."""
        with self._lock:
            for fault in self._faults:
                if fault.applies_to(target):
                    fault.hits += 1
                    return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_json() for fault in self._faults]


def parse(body: object) -> list[Fault]:
    """Reads a list of faults, one fault, or an object `{token: name or options}`."""
    if isinstance(body, list):
        return [_fault(entry, f"fault {number}") for number, entry in enumerate(body, 1)]
    if not isinstance(body, dict):
        refuse(400, 'The body must be a list of faults or an object, such as {"TOKEN": "unregistered"}.')
    if "fault" in body:
        return [_fault(body, "the fault")]
    return [_mapped(token, entry) for token, entry in body.items()]


def _mapped(token: str, entry: object) -> Fault:
    if isinstance(entry, str):
        entry = {"fault": entry}
    if not isinstance(entry, dict):
        refuse(400, f"The fault for {token!r} must be a name or an object of options.")
    if "token" in entry or "fid" in entry:
        refuse(400, f"The fault for {token!r} names a second token; give it once.")
    return _fault({**entry, "token": token}, f"the fault for {token!r}")


def _fault(entry: object, where: str) -> Fault:
    if not isinstance(entry, dict):
        refuse(400, f"{_capital(where)} must be an object.")
    if unknown := set(entry) - {"fault", "token", "fid", "seconds", "retry_after", "times"}:
        refuse(
            400,
            f"{_capital(where)} has an unknown option {sorted(unknown)[0]!r}; "
            "known are fault, token, fid, seconds, retry_after, times.",
        )
    name = entry.get("fault")
    if name not in NAMES:
        refuse(400, f"{_capital(where)}: {name!r} is no fault; known are {', '.join(NAMES)}.")
    fault = Fault(name, _targets(entry, where))
    if "seconds" in entry or name in DELAYS:
        if name not in DELAYS:
            refuse(400, f"{_capital(where)}: seconds go with hang and slow only.")
        fault.seconds = _number(entry.get("seconds", DELAYS[name]), f"{where}: seconds", LONGEST)
    if "retry_after" in entry:
        if name not in _RETRYABLE:
            refuse(400, f"{_capital(where)}: retry_after goes with quota and unavailable only.")
        fault.retry_after = _whole(entry["retry_after"], f"{where}: retry_after", 0)
    if "times" in entry:
        fault.times = _whole(entry["times"], f"{where}: times", 1)
    return fault


def _targets(entry: dict[str, Any], where: str) -> frozenset[str]:
    if "token" in entry and "fid" in entry:
        refuse(400, f"{_capital(where)}: give token or fid, not both.")
    given = entry.get("token", entry.get("fid", EVERYONE))
    targets = [given] if isinstance(given, str) else given
    if not isinstance(targets, list) or not targets or not all(isinstance(t, str) and t for t in targets):
        refuse(400, f'{_capital(where)}: token must be a token, a list of tokens, or "*" for every phone.')
    return frozenset(targets)


def _number(value: object, where: str, highest: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        refuse(400, f"{_capital(where)} must be a number from 0 to {highest:g}.")
    return float(value)


def _whole(value: object, where: str, lowest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        refuse(400, f"{_capital(where)} must be a whole number, {lowest} or more.")
    return value


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
