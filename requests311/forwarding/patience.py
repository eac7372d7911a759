"""When a forward is tried again, and when we give up."""

import random
from datetime import timedelta

#: First and longest pause between two tries of one forward.
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
#: The longest pause of a connector that was found down: then one try shows whether it is back.
LONGEST_OUTAGE_PAUSE = timedelta(minutes=15)
#: After that a person has to look.
PATIENCE = timedelta(days=7)


def pause(attempts: int) -> timedelta:
    """After the `attempts`-th try: exponential, half of it jitter."""
    return _jittered(attempts, LONGEST_PAUSE)


def outage_pause(failures: int) -> timedelta:
    """For a whole connector, after so many failures in a row."""
    return _jittered(failures, LONGEST_OUTAGE_PAUSE)


def _jittered(times: int, longest: timedelta) -> timedelta:
    ceiling: timedelta = min(longest, FIRST_PAUSE * 2 ** min(max(times - 1, 0), 20))
    return timedelta(seconds=random.uniform(0.5, 1) * ceiling.total_seconds())  # noqa: S311
