"""How long calls took, as a histogram: microseconds → how many."""

from collections import Counter
from collections.abc import Iterable


def merged(parts: Iterable["Counter[int]"]) -> "Counter[int]":
    total: Counter[int] = Counter()
    for part in parts:
        total.update(part)
    return total


def percentile(histogram: "Counter[int]", share: float) -> float | None:
    """Milliseconds that this share (0–1) of the calls took at most; None where there was none."""
    left = share * sum(histogram.values())
    for microseconds, count in sorted(histogram.items()):
        left -= count
        if left <= 0:
            return round(microseconds / 1000, 3)
    return None


def uncorrected(histogram: "Counter[int]", *, requests: int, connections: int, microseconds: int) -> "Counter[int]":
    """The measured times out of wrk's.

    wrk adds calls that it did not make, to stand for those that a slow answer kept it from making (its
    `stats_correct`, "coordinated omission"). Our clients wait for their answer as phones do, and the bare ones
    are measured so too. wrk went from short to long, adding to shorter ones only; from long to short undoes it.
    """
    if sum(histogram.values()) == requests:
        return histogram
    expected = microseconds // max(1, requests // connections)
    found = Counter(histogram)
    for value in sorted(histogram, reverse=True):
        if value < 2 * expected:
            break
        shorter = value - expected
        while found[value] and shorter > expected:
            found[shorter] -= found[value]
            shorter -= expected
    return Counter({value: count for value, count in found.items() if count > 0})
