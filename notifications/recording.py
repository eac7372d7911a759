"""Writes what became of a batch: one short transaction, guarded by the lease."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q
from prometheus_client import Counter

from notifications.alerts import alert
from notifications.devices import cancel_pending, disable
from notifications.models import Delivery, Device, State
from notifications.outcomes import Outcome, Parcel, Verdict
from notifications.retries import pause

logger = structlog.get_logger(__name__)

DELIVERIES = Counter(
    "requests311_deliveries_total", "Attempts to deliver, by what became of them.", ["channel", "outcome"]
)

STATES = {
    Verdict.SENT: State.SENT,
    Verdict.GONE: State.DEAD,
    Verdict.DEAD: State.DEAD,
    Verdict.EXPIRED: State.EXPIRED,
    Verdict.CANCELLED: State.CANCELLED,
}

# A pause that would outlast the message ends with it, so that it is found expired in time.
SETTLE = """
UPDATE notifications_delivery d SET
    state = r.state,
    next_attempt_at = CASE WHEN r.state = 'pending'
        THEN least(statement_timestamp() + r.pause, m.expires_at) ELSE d.next_attempt_at END,
    attempts = d.attempts - r.untried, lease = NULL, leased_until = NULL,
    sent_at = CASE WHEN r.state = 'sent' THEN statement_timestamp() END,
    error_code = r.code, error = r.error, provider_id = r.provider_id, updated_at = statement_timestamp()
FROM unnest(%s::uuid[], %s::text[], %s::interval[], %s::int[], %s::text[], %s::text[], %s::text[])
    AS r(id, state, pause, untried, code, error, provider_id), notifications_message m
WHERE d.id = r.id AND d.lease = %s AND m.id = d.message_id
RETURNING d.id
"""

Result = tuple[Parcel, Outcome]


def record(results: Sequence[Result], lease: UUID) -> None:
    """Settles every delivery that is still under this lease, then counts, logs and alerts.

    A connection that died during the sends is replaced once; a second failure is raised, and the leases run
    out: what was sent is then sent again, with the same event_id.
    """
    if not results:
        return
    try:
        written = _write(results, lease)
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        written = _write(results, lease)
    _tell([result for result in results if result[0].delivery_id in written])


def _write(results: Sequence[Result], lease: UUID) -> set[UUID]:
    """Devices are locked before deliveries, each by id: the order of every writer (see outbox.ENQUEUE)."""
    with transaction.atomic():
        results = _disable_gone(results)
        gone = [parcel.device_id for parcel, outcome in results if outcome.verdict is Verdict.GONE]
        mine = Q(pk__in=[parcel.delivery_id for parcel, _ in results])
        list(
            Delivery.objects.filter(mine | Q(device_id__in=gone), state=State.PENDING)
            .order_by("pk")
            .select_for_update(no_key=True)
            .values_list("pk", flat=True)
        )
        with connection.cursor() as cursor:
            cursor.execute(SETTLE, [*_columns(results), lease])
            written = {row[0] for row in cursor.fetchall()}
        if gone:
            cancel_pending(Q(device_id__in=gone), because="device_disabled")
        return written


def _disable_gone(results: Sequence[Result]) -> Sequence[Result]:
    """Turns off exactly the devices that FCM does not know any more. One that has registered a new address
    meanwhile stays on, and its delivery is tried again there."""
    gone = {parcel.device_id for parcel, outcome in results if parcel.device_id and outcome.verdict is Verdict.GONE}
    if not gone:
        return results
    list(Device.objects.filter(pk__in=gone).order_by("pk").select_for_update(no_key=True))
    return [
        (parcel, Outcome(Verdict.RETRY, code="ADDRESS_CHANGED"))
        if outcome.verdict is Verdict.GONE
        and parcel.device_id
        and not disable(parcel.device_id, fcm_kind=parcel.fcm_kind, fcm_value=parcel.fcm_value, because="unregistered")
        else (parcel, outcome)
        for parcel, outcome in results
    ]


def _columns(results: Sequence[Result]) -> list[list[object]]:
    pauses: list[object] = [_pause(parcel, outcome) for parcel, outcome in results]
    return [
        [parcel.delivery_id for parcel, _ in results],
        [str(STATES.get(outcome.verdict, State.PENDING)) for _, outcome in results],
        pauses,
        [int(outcome.verdict is Verdict.UNTRIED) for _, outcome in results],
        [outcome.code[:40] for _, outcome in results],
        [outcome.error[:500] for _, outcome in results],
        [outcome.provider_id[:200] for _, outcome in results],
    ]


def _pause(parcel: Parcel, outcome: Outcome) -> timedelta:
    return timedelta() if outcome.code == "ADDRESS_CHANGED" else pause(outcome, parcel.attempts)


def _tell(results: Sequence[Result]) -> None:
    """Counts each; one alert for each reason, not for each delivery."""
    reasons: dict[str, list[Result]] = {}
    for parcel, outcome in results:
        verdict = Verdict.DEAD if outcome.verdict is Verdict.GONE else outcome.verdict
        if verdict is Verdict.REFUSED:
            verdict = Verdict.RETRY
        DELIVERIES.labels(channel=parcel.channel, outcome=str(verdict)).inc()
        if outcome.alert:
            reasons.setdefault(outcome.alert, []).append((parcel, outcome))
        if outcome.verdict not in {Verdict.SENT, Verdict.UNTRIED}:
            logger.info(
                "delivery_settled",
                delivery_id=str(parcel.delivery_id),
                event_id=str(parcel.event_id),
                channel=parcel.channel,
                attempt=parcel.attempts,
                outcome=str(outcome.verdict),
                code=outcome.code,
            )
    for reason, cases in reasons.items():
        alert(reason, deliveries=len(cases), code=cases[0][1].code, error=cases[0][1].error)
