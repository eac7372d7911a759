"""What Celery wakes up. Tasks carry nothing: the work is in the outbox."""

import time

from celery import shared_task

from notifications.delivery import deliver_batch
from notifications.wake import wake

#: Seconds after which a task that still finds work hands over to the next, far below the broker's
#: visibility timeout (600 s), even when its last batch takes a whole lease.
ROUND_SECONDS = 60.0


@shared_task
def deliver_due() -> None:
    """Delivers until nothing is due. Twice at a time does no harm: each row is claimed once."""
    until = time.monotonic() + ROUND_SECONDS
    while deliver_batch():
        if time.monotonic() >= until:
            wake(deliver_due)
            return
