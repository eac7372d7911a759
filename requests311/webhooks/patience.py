"""When a delivery is tried again, and when we give up."""

import random
from datetime import timedelta

#: First and longest pause between two tries of one delivery.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=20), timedelta(hours=3)
#: The same of a webhook as a whole: then one try shows whether it is back.
FIRST_OUTAGE_PAUSE, LONGEST_OUTAGE_PAUSE = timedelta(seconds=20), timedelta(minutes=15)
#: After that a person has to look.
PATIENCE = timedelta(hours=24)


def pause(attempts: int) -> timedelta:
    """After the `attempts`-th try: exponential, half of it jitter."""
    return _jittered(attempts, FIRST_PAUSE, LONGEST_PAUSE)


def outage_pause(failures: int) -> timedelta:
    """For a whole webhook, after so many failures in a row."""
    return _jittered(failures, FIRST_OUTAGE_PAUSE, LONGEST_OUTAGE_PAUSE)


def _jittered(times: int, first: timedelta, longest: timedelta) -> timedelta:
    ceiling: timedelta = min(longest, first * 2 ** min(max(times - 1, 0), 20))
    return timedelta(seconds=random.uniform(0.5, 1) * ceiling.total_seconds())  # noqa: S311
