"""What goes into a channel, and what comes back: plain values, since sending threads have no database."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID


class Verdict(StrEnum):
    SENT = "sent"
    #: The address is no more: this device is disabled.
    GONE = "gone"
    #: This message will never be accepted.
    DEAD = "dead"
    #: A passing trouble: later, after a growing pause.
    RETRY = "retried"
    #: The trouble is ours (credentials, set-up): a person is called, and the pauses are long.
    REFUSED = "refused"
    EXPIRED = "expired"
    #: The phone is no longer the recipient's, or is turned off.
    CANCELLED = "cancelled"
    #: Not begun in the batch's time: given back as it was.
    UNTRIED = "untried"


@dataclass(frozen=True)
class Outcome:
    """`wait` is the pause that the other side asked for; `alert` the reason a person is called for."""

    verdict: Verdict
    provider_id: str = ""
    code: str = ""
    error: str = ""
    wait: timedelta = timedelta()
    alert: str = ""


@dataclass(frozen=True)
class Parcel:
    """One claimed delivery with all that a channel needs. Its address stays out of logs and tracebacks."""

    delivery_id: UUID
    device_id: UUID
    attempts: int
    event_id: UUID
    kind: str
    context: dict[str, Any] = field(repr=False)
    data: dict[str, str] = field(repr=False)
    collapse_key: str
    language: str
    fallback_language: str
    expires_at: datetime
    platform: str
    fcm_kind: str
    fcm_value: str = field(repr=False)
