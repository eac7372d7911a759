"""A person has repaired something: forwards that are stuck are sent again."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from notifications.wake import wake
from requests311.models import Connector, Forward, ForwardState


@transaction.atomic
def resend(forwards: "QuerySet[Forward]") -> int:
    """Those of them that are stuck or were cancelled, at once and with all patience; answers how many."""
    now = timezone.now()
    found = Forward.objects.filter(
        pk__in=forwards.order_by().values("pk"), state__in=[ForwardState.STUCK, ForwardState.CANCELLED]
    )
    connectors = list(found.values_list("connector", flat=True).distinct())
    sent = found.update(
        state=ForwardState.WAITING,
        attempts=0,
        token="",
        next_attempt_at=now,
        waiting_since=now,
        last_error="",
    )
    Connector.objects.filter(pk__in=connectors).update(paused_until=None)
    transaction.on_commit(_wake_worker)
    return sent


def _wake_worker() -> None:
    # Tasks import the domain; the domain knows them only when there is something to wake.
    from requests311.tasks import forward_due

    wake(forward_due)
