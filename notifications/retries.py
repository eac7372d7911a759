"""When to try again."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from notifications.outcomes import Outcome, Verdict

#: First pause and longest pause of a passing trouble, in seconds.
RETRY_SECONDS, RETRY_SECONDS_MAX = 4.0, 600.0
#: The same where a person has to repair something first.
REFUSED_SECONDS, REFUSED_SECONDS_MAX = 60.0, 900.0
#: Nobody is allowed to send us away for longer.
RETRY_AFTER_MAX = timedelta(hours=1)


def pause(outcome: Outcome, attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th attempt: exponential with full jitter, on top of what the
    other side asked for, so that a thousand that were sent away do not come back in the same second.

    After a refusal only half of it is jitter, since trying at once would be pointless.
    """
    if outcome.verdict is Verdict.REFUSED:
        ceiling = _ceiling(REFUSED_SECONDS, REFUSED_SECONDS_MAX, attempts)
        return outcome.wait + timedelta(seconds=random.uniform(ceiling / 2, ceiling))  # noqa: S311
    if outcome.verdict is Verdict.RETRY:
        ceiling = _ceiling(RETRY_SECONDS, RETRY_SECONDS_MAX, attempts)
        return outcome.wait + timedelta(seconds=random.uniform(0, ceiling))  # noqa: S311
    return timedelta()


def _ceiling(first: float, last: float, attempts: int) -> float:
    return float(min(last, first * 2 ** min(max(attempts - 1, 0), 20)))


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> timedelta | None:
    """The Retry-After of an answer, in seconds or as a date (RFC 9110, section 10.2.3); None where there is
    none that can be read. At least nothing, at most RETRY_AFTER_MAX."""
    value = (headers.get("Retry-After") or "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        # The first digits are enough to be over the maximum.
        wait = timedelta(seconds=int(value[:9]))
    else:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        wait = moment.replace(tzinfo=moment.tzinfo or UTC) - (now or datetime.now(UTC))
    return min(max(wait, timedelta()), RETRY_AFTER_MAX)
