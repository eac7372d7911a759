"""One run over everything that goes in time."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from prometheus_client import Counter as Metric

from notifications.alerts import alert
from requests311.retention.sweeps import Rows, Sweep, sweeps

log = structlog.get_logger(__name__)

#: Rows that one transaction removes from one table: some tens of milliseconds.
BATCH = 1000

REMOVED = Metric("requests311_retention_removed_total", "Rows removed because their time was over.", ["table"])


@dataclass
class Outcome:
    """What a run did."""

    removed: "Counter[str]" = field(default_factory=Counter)
    #: Sweeps that failed, with what they failed with; the others went on.
    failed: dict[str, Exception] = field(default_factory=dict)
    #: Sweeps that were not done when the run had to stop.
    left: list[str] = field(default_factory=list)


def retain(
    *,
    batch: int = BATCH,
    seconds: float = float("inf"),
    stop: Callable[[], bool] = lambda: False,
    told: Callable[[Sweep, Rows], None] = lambda sweep, rows: None,
) -> Outcome:
    """Removes what is over, a batch of each kind in turn, until nothing is left, `seconds` are over or `stop()`.

    Each batch is a transaction of its own and skips rows that somebody holds: it may run twice at once and
    be killed at any point; the next run goes on. `told` hears of every batch.
    """
    until = time.monotonic() + seconds
    outcome = Outcome()
    active = sweeps()
    while active and not stop():
        for sweep in list(active):
            if stop() or time.monotonic() >= until:
                break
            if not _one_batch(sweep, batch, outcome, told):
                active.remove(sweep)
        if time.monotonic() >= until:
            break
    outcome.left = [sweep.name for sweep in active]
    log.info("retention", removed=dict(outcome.removed), left=outcome.left, failed=list(outcome.failed))
    return outcome


def _one_batch(sweep: Sweep, batch: int, outcome: Outcome, told: Callable[[Sweep, Rows], None]) -> bool:
    """Whether another one is worth it."""
    try:
        rows = sweep.remove(min(batch, sweep.largest))
    except Exception as error:
        # What cannot be removed must not keep the rest.
        outcome.failed[sweep.name] = error
        alert("retention_failed", sweep=sweep.name, error=type(error).__name__)
        return False
    if rows is None:
        return False
    outcome.removed.update(rows)
    for table, count in rows.items():
        REMOVED.labels(table=table).inc(count)
    told(sweep, rows)
    return True
