"""Writes what came of a try."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from notifications.alerts import alert
from requests311.actions.transition import carry_out
from requests311.changes import locked
from requests311.conditions import Condition
from requests311.forwarding import words
from requests311.forwarding.outcomes import Accepted, Failed, NotYet, Outcome, Promised
from requests311.forwarding.patience import PATIENCE, outage_pause, pause
from requests311.models import Connector, Forward, ForwardState
from requests311.statuses import Status

#: So many failures in a row are worth a look.
_DOWN_ALERT = 5


def record(forward: Forward, outcome: Outcome) -> None:
    """The forward as it was claimed, and what came of it."""
    if isinstance(outcome, Failed):
        if outcome.is_down:
            _down(forward.connector, outcome)
        else:
            _up(forward.connector)
        _failed(forward, outcome)
        return
    _up(forward.connector)
    if isinstance(outcome, Accepted):
        _accepted(forward, outcome)
    elif isinstance(outcome, Promised):
        _promised(forward, outcome)
    elif isinstance(outcome, NotYet):
        _again(forward, "The other side has given no id for its token so far.")


@transaction.atomic
def _accepted(forward: Forward, outcome: Accepted) -> None:
    """Whoever else has it by now: what the other side has said once is true."""
    now = timezone.now()
    open_still = Forward.objects.filter(pk=forward.pk).exclude(state=ForwardState.ACCEPTED)
    if not open_still.update(
        state=ForwardState.ACCEPTED,
        remote_id=outcome.remote_id,
        remote_status="open",
        checked_at=now,
        last_error="",
        sent_at=forward.sent_at or now,
    ):
        return
    # What was told of it before we knew its id was passed over.
    Connector.objects.filter(pk=forward.connector_id, polled_until__gt=forward.created_at).update(
        polled_until=forward.created_at
    )
    if outcome.remote_id:
        _acknowledge(forward, outcome.remote_id)


def _acknowledge(forward: Forward, remote_id: str) -> None:
    request = locked(str(forward.request_id), Condition("true"))
    if request.status == Status.SUBMITTED:
        text = words.accepted(request, forward.connector.department.name, remote_id)
        carry_out(request, by=None, to=Status.ACKNOWLEDGED, text=text)


def _promised(forward: Forward, outcome: Promised) -> None:
    now = timezone.now()
    _mine(
        forward,
        state=ForwardState.TOKEN,
        token=outcome.token,
        attempts=0,
        next_attempt_at=now + pause(1),
        waiting_since=now,
        last_error="",
        sent_at=now,
    )


def _failed(forward: Forward, outcome: Failed) -> None:
    if outcome.may_pass:
        _again(forward, outcome.error, outcome.wait)
    elif _mine(forward, state=ForwardState.STUCK, last_error=outcome.error):
        _tell(forward.pk)


def _again(forward: Forward, error: str, wait: timedelta = timedelta()) -> None:
    next_attempt_at = timezone.now() + max(pause(forward.attempts), wait)
    if next_attempt_at > forward.waiting_since + PATIENCE:
        if _mine(forward, state=ForwardState.STUCK, last_error=error):
            _tell(forward.pk)
    else:
        _mine(forward, next_attempt_at=next_attempt_at, last_error=error)


def stuck(forward_id: UUID, error: str) -> bool:
    """A person has to look at it; its last error stays, where it has one."""
    found = Forward.objects.under_way().filter(pk=forward_id)
    if not found.filter(last_error="").update(state=ForwardState.STUCK, last_error=error) and not found.update(
        state=ForwardState.STUCK
    ):
        return False
    _tell(forward_id)
    return True


def _tell(forward_id: UUID) -> None:
    alert("forward_stuck", forward_id=str(forward_id))


def _mine(forward: Forward, **changes: Any) -> bool:
    """Nothing where another worker has taken it since: this one was too late, and its word is of yesterday."""
    same = Forward.objects.filter(pk=forward.pk, attempts=forward.attempts, state=forward.state)
    return bool(same.update(**changes))


def _down(connector: Connector, outcome: Failed) -> None:
    Connector.objects.filter(pk=connector.pk).update(failures=F("failures") + 1, last_error=outcome.error)
    connector.refresh_from_db(fields=["failures"])
    until = timezone.now() + max(outage_pause(connector.failures), outcome.wait)
    Connector.objects.filter(pk=connector.pk).update(paused_until=until)
    if connector.failures == _DOWN_ALERT:
        alert("connector_down", connector_id=connector.pk, department=connector.department.code)


def _up(connector: Connector) -> None:
    if connector.failures or connector.paused_until:
        Connector.objects.filter(pk=connector.pk).update(failures=0, paused_until=None, last_error="")
