"""What departments' own systems tell of the requests that they have, brought onto our timelines, each once."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import structlog
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from notifications.alerts import alert
from requests311.actions.receive_update import receive_update
from requests311.errors import DomainError
from requests311.forwarding import georeport
from requests311.forwarding.outcomes import Failed
from requests311.forwarding.patience import outage_pause
from requests311.forwarding.reading import Entry
from requests311.models import Connector, ConnectorKind, ConnectorUpdates, Forward

logger = structlog.get_logger(__name__)

#: Updates are asked for from so long before the last time: clocks differ, and servers publish late.
OVERLAP = timedelta(minutes=15)
#: One question spans at most this; the standard's bound for spans is 90 days.
_SPAN = timedelta(days=7)
_SHORTEST_SPAN = timedelta(minutes=1)
#: So many in one answer may be all that a server gives of more.
_FULL = 1000
#: Questions of one round; the next one goes on from there.
_QUESTIONS = 30
#: Ids in one question.
_IDS = 50
#: Nobody else polls a connector meanwhile.
_LEASE = timedelta(minutes=10)
_TEXT_LENGTH = 4000
_DOWN_ALERT = 5

Told = Literal["open", "closed"]

_NEVER = datetime.min.replace(tzinfo=UTC)


def connectors_to_poll() -> Sequence[int]:
    """Ids of those whose time has come."""
    return list(_due(timezone.now()).values_list("pk", flat=True))


def poll(connector_id: int) -> int:
    """Asks one of them for news; answers how many events they made. Nothing where another worker does it now."""
    now = timezone.now()
    if not _due(now).filter(pk=connector_id).update(next_poll_at=now + _LEASE):
        return 0
    connector = Connector.objects.select_related("department__jurisdiction").get(pk=connector_id)
    ask = _ask_updates if connector.updates == ConnectorUpdates.UPDATES else _ask_requests
    told, failed = ask(connector)
    if failed is None:
        pause = timedelta(seconds=settings.CONNECTOR_POLL_SECONDS)
        changes: dict[str, object] = {"poll_failures": 0}
        if connector.poll_failures:
            changes["last_error"] = ""
    else:
        failures = connector.poll_failures + 1
        pause = max(outage_pause(failures), failed.wait)
        changes = {"poll_failures": failures, "last_error": failed.error}
        if failures == _DOWN_ALERT:
            alert("connector_down", connector_id=connector.pk, department=connector.department.code)
    Connector.objects.filter(pk=connector.pk).update(next_poll_at=timezone.now() + pause, **changes)
    return told


def _due(now: datetime) -> "QuerySet[Connector]":
    return Connector.objects.filter(
        Q(next_poll_at=None) | Q(next_poll_at__lte=now), active=True, kind=ConnectorKind.OPEN311
    ).exclude(updates=ConnectorUpdates.NONE)


# --- servicerequestupdates ----------------------------------------------------------------------------


def _ask_updates(connector: Connector) -> tuple[int, Failed | None]:
    """Span by span up to now; a span counts as done only when all of it is on our timelines."""
    told, span = 0, _SPAN
    now = timezone.now()
    known = connector.polled_until
    begin = (known or connector.created_at) - OVERLAP
    for _ in range(_QUESTIONS):
        end = min(now, begin + span)
        found = georeport.updates(connector, begin, end)
        if isinstance(found, Failed):
            if found.is_too_large and span > _SHORTEST_SPAN:
                span = max(_SHORTEST_SPAN, (end - begin) / 2)
                continue
            return told, found
        told += _bring(connector, found)
        last = max((at for entry in found if (at := _moment(entry, connector))), default=end)
        if len(found) >= _FULL and begin < last < end:
            # The oldest come first, and there may be more of them.
            end = last
        # Set back meanwhile by a forward that was accepted: then the next round begins there.
        moved = Connector.objects.filter(pk=connector.pk, polled_until=known).update(polled_until=end)
        if not moved or end >= now:
            break
        known = begin = end
    return told, None


def _bring(connector: Connector, found: Sequence[Entry]) -> int:
    """Onto the timelines of those requests that are ours, in the order in which it happened."""
    ours = _forwards(connector, (entry.get("service_request_id", "") for entry in found))
    ordered = sorted(enumerate(found), key=lambda pair: (_moment(pair[1], connector) or _NEVER, pair[0]))
    told = 0
    for _, entry in ordered:
        for forward in ours.get(entry.get("service_request_id", ""), []):
            update_id = entry.get("update_id") or _digest(entry)
            told += _receive(
                forward,
                update_id=update_id,
                text=entry.get("description", ""),
                status=_status(entry),
                at=_moment(entry, connector),
            )
    return told


def _forwards(connector: Connector, remote_ids: Iterable[str]) -> Mapping[str, Sequence[Forward]]:
    """By the other side's id. One of theirs may stand for several of ours, where they have merged them."""
    wanted = {remote_id for remote_id in remote_ids if remote_id}
    by_id: dict[str, list[Forward]] = {}
    for forward in Forward.objects.known_as(wanted).filter(connector=connector.pk):
        by_id.setdefault(forward.remote_id, []).append(forward)
    return by_id


# --- requests -----------------------------------------------------------------------------------------


def _ask_requests(connector: Connector) -> tuple[int, Failed | None]:
    """The open ones, those first that were asked after longest ago."""
    told = 0
    begun = timezone.now()
    for _ in range(_QUESTIONS):
        waiting = Forward.objects.polled().filter(connector=connector.pk, checked_at__lt=begun)
        forwards = list(waiting.order_by("checked_at")[:_IDS])
        if not forwards:
            break
        # An id with a comma in it cannot be asked for in a list.
        found = georeport.requests(connector, list(dict.fromkeys(forward.remote_id for forward in forwards)))
        if isinstance(found, Failed):
            return told, found
        by_id = {entry.get("service_request_id", ""): entry for entry in found}
        for forward in forwards:
            told += _compare(forward, by_id.get(forward.remote_id, {}), connector)
    return told, None


def _compare(forward: Forward, entry: Entry, connector: Connector) -> int:
    """Brings what changed since it was looked at last."""
    status, updated = entry.get("status", "").lower(), entry.get("updated_datetime", "")
    notes = entry.get("status_notes", "")[:_TEXT_LENGTH]
    heard = {"remote_status": status[:40], "remote_updated": updated[:60], "remote_notes": notes}
    before = {name: getattr(forward, name) for name in heard}
    told = 0
    if entry and heard != before:
        told = _receive(
            forward,
            update_id=_digest({"status": status, "updated": updated, "notes": notes}),
            text=notes if notes != forward.remote_notes else "",
            status=_status(entry),
            at=_moment(entry, connector),
        )
    Forward.objects.filter(pk=forward.pk).update(checked_at=timezone.now(), **(heard if entry else {}))
    return told


# --- Both ---------------------------------------------------------------------------------------------


def _receive(forward: Forward, *, update_id: str, text: str, status: Told | None, at: datetime | None) -> int:
    try:
        event = receive_update(
            source=f"forward:{forward.pk}",
            update_id=update_id if len(update_id) <= 200 else _digest({"id": update_id}),
            key=str(forward.request_id),
            text=text[:_TEXT_LENGTH],
            status=status,
            at=at,
        )
    except DomainError as error:
        # One that cannot be told must not keep the others waiting.
        logger.warning("update_refused", forward_id=str(forward.pk), code=error.code)
        return 0
    return int(event is not None)


def _status(entry: Entry) -> Told | None:
    status = entry.get("status", "").lower()
    return "open" if status == "open" else "closed" if status == "closed" else None


def _moment(entry: Entry, connector: Connector) -> datetime | None:
    try:
        moment = datetime.fromisoformat(entry.get("updated_datetime", ""))
        # One outside the years that there are cannot be turned into another zone.
        return (moment if moment.tzinfo else moment.replace(tzinfo=connector.time_zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _digest(entry: Entry) -> str:
    """An id for what has none of its own."""
    return hashlib.sha256(repr(sorted(entry.items())).encode()).hexdigest()
