"""When reports come: five years up to now, more of them every year, by season, weekday and hour."""

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

YEARS = 5
#: Of a year, from January: a winter's potholes, a summer's noise.
SEASONS = (0.95, 0.95, 1.05, 1.05, 1.1, 1.15, 1.2, 1.1, 1.0, 0.95, 0.85, 0.8)
#: From Monday.
WEEKDAYS = (1.2, 1.15, 1.1, 1.1, 1.05, 0.75, 0.65)
#: From midnight, by the city's own clock.
HOURS = (2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 10, 9, 9, 8, 8, 8, 7, 6, 6, 5, 5, 5, 4, 3)
#: Each year has this many times the reports of the year before.
GROWTH = 1.06


class Times:
    """Draws moments by the skew above."""

    def __init__(self, now: datetime, *, hours_from_utc: int) -> None:
        self.now = now
        self.begin = now - timedelta(days=365 * YEARS)
        hours = 24 * 365 * YEARS
        local = [self.begin + timedelta(hours=hour + hours_from_utc) for hour in range(hours)]
        weights = np.array(
            [
                SEASONS[moment.month - 1]
                * WEEKDAYS[moment.weekday()]
                * HOURS[moment.hour]
                * GROWTH ** (hour / (24 * 365))
                for hour, moment in enumerate(local)
            ]
        )
        self._edges = np.concatenate([[0.0], np.cumsum(weights) / weights.sum()])

    def draw(
        self, count: int, rng: np.random.Generator, *, since: float = 0.0, until: float = 1.0
    ) -> npt.NDArray[np.int64]:
        """`count` moments in milliseconds since 1970, oldest first, out of the share `since`–`until` of all."""
        shares = np.sort(rng.uniform(since, until, count))
        hours = np.interp(shares, self._edges, np.arange(len(self._edges)))
        begin = int(self.begin.timestamp() * 1000)
        # A report that is made now is not part of the past.
        return begin + (hours * 3_600_000).astype(np.int64) - 1
