"""Takes forwards that are due, hands them over, writes what became of them.

Nothing is lost: a forward is claimed by a lease that ends by itself, so what a killed worker held is sent again, with
the same Idempotency-Key. Nothing is in a transaction while the network is waited for. A system that is down is left
alone for a while as a whole, so that it costs one call a pause and holds up no other department's.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from notifications.alerts import alert
from requests311.forwarding import georeport, letter, webhook
from requests311.forwarding.outcomes import Failed, Outcome
from requests311.forwarding.patience import PATIENCE
from requests311.forwarding.recording import record, stuck
from requests311.models import (
    Connector,
    ConnectorKind,
    Forward,
    ForwardState,
    Photo,
    PhotoFetch,
    PhotoState,
    ServiceRequest,
)
from requests311.models.photo_fetch import FetchState
from requests311.statuses import OPEN, Status

#: Longer than any one try, a mail server's many answers included.
LEASE = timedelta(minutes=2)
#: Seconds after which one task hands over to the next, far below the broker's visibility timeout.
ROUND_SECONDS = 20.0
#: A request's photos may take so long before it is forwarded without them.
PHOTOS_TAKE = timedelta(minutes=2)
_PHOTO_PAUSE = timedelta(seconds=5)
#: A sweep gives up so many; the next one comes within seconds.
_GIVE_UP_LIMIT = 500

_SENDERS: Mapping[str, Callable[[Forward], Outcome]] = {
    ConnectorKind.OPEN311: georeport.submit,
    ConnectorKind.EMAIL: letter.send,
    ConnectorKind.WEBHOOK: webhook.post,
}


def connectors_due() -> Sequence[int]:
    """Ids of the connectors that have something to do."""
    now = timezone.now()
    due = Forward.objects.due(now).filter(connector=OuterRef("pk"))
    return list(_free(now).filter(Exists(due)).values_list("pk", flat=True))


def forward_through(connector_id: int) -> bool:
    """Sends what is due through a connector, one after the other, until nothing is or the time is up.

    Answers whether there may be more. Nothing is done where another worker is at it.
    """
    now = timezone.now()
    busy_until = now + timedelta(seconds=ROUND_SECONDS) + LEASE
    if not _free(now).filter(pk=connector_id).update(busy_until=busy_until):
        return False
    until = time.monotonic() + ROUND_SECONDS
    forward = claim(connector_id)
    while forward is not None:
        hand_over(forward)
        # None also where the time is up: what is claimed is sent.
        forward = claim(connector_id) if time.monotonic() < until else None
    Connector.objects.filter(pk=connector_id, busy_until=busy_until).update(busy_until=None)
    return Forward.objects.due(timezone.now()).filter(connector=connector_id).exists()


def _free(now: datetime) -> "QuerySet[Connector]":
    return Connector.objects.filter(Q(busy_until=None) | Q(busy_until__lte=now))


def give_up() -> int:
    """Makes those stuck whose time is up and whose connector has been down so long that they are not even tried."""
    late = timezone.now() - PATIENCE - timedelta(hours=1)
    found = Forward.objects.under_way().filter(connector__active=True, waiting_since__lt=late)
    ids = list(found.values_list("pk", flat=True)[:_GIVE_UP_LIMIT])
    return sum(stuck(forward_id, "The other side could not be reached.") for forward_id in ids)


@transaction.atomic
def claim(connector_id: int) -> Forward | None:
    """The next one that is due, leased to the caller."""
    now = timezone.now()
    forward = (
        Forward.objects.due(now)
        .filter(connector=connector_id)
        .select_related("connector__department__jurisdiction")
        .select_for_update(skip_locked=True, no_key=True, of=("self",))
        .order_by("next_attempt_at")
        .first()
    )
    if forward is not None:
        forward.attempts += 1
        forward.next_attempt_at = now + LEASE
        forward.save(update_fields=["attempts", "next_attempt_at"])
    return forward


def hand_over(forward: Forward) -> None:
    # Read anew, not with the claim: the request may have changed since it was put in line.
    forward.request = ServiceRequest.objects.select_related("service", "department", "jurisdiction").get(
        pk=forward.request_id
    )
    if forward.state == ForwardState.WAITING:
        if Status(forward.request.status) not in OPEN:
            _settle(forward, state=ForwardState.CANCELLED)
            return
        if _photos_come(forward):
            _settle(forward, attempts=F("attempts") - 1, next_attempt_at=timezone.now() + _PHOTO_PAUSE)
            return
    record(forward, _try(forward))


def _try(forward: Forward) -> Outcome:
    sender = georeport.ask_token if forward.state == ForwardState.TOKEN else _SENDERS[forward.connector.kind]
    try:
        return sender(forward)
    except Exception as error:
        # Ours, not theirs. It must not hold up what comes behind it, and is tried again when we have repaired it.
        name = type(error).__name__
        alert("forward_failed", forward_id=str(forward.pk), error=name)
        return Failed(f"This server could not send it ({name}).", may_pass=True)


def _photos_come(forward: Forward) -> bool:
    """Whether photos are still being made ready; not for long."""
    if timezone.now() > forward.waiting_since + PHOTOS_TAKE:
        return False
    request = forward.request_id
    return (
        Photo.objects.filter(request=request, state=PhotoState.PENDING).exists()
        or PhotoFetch.objects.filter(request=request, state=FetchState.PENDING).exists()
    )


def _settle(forward: Forward, **changes: object) -> None:
    Forward.objects.filter(pk=forward.pk, attempts=forward.attempts, state=forward.state).update(**changes)
