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
    #: The phone or the address is no longer the recipient's, or is turned off.
    CANCELLED = "cancelled"
    #: Not begun in the batch's time: given back as it was.
    UNTRIED = "untried"


@dataclass(frozen=True)
class Outcome:
    """`wait` is the pause that the other side asked for; `alert` the reason a person is called for.

    `for_all`: the other side is not to be had at all, so that nothing else of this batch need try it.
    """

    verdict: Verdict
    provider_id: str = ""
    code: str = ""
    error: str = ""
    wait: timedelta = timedelta()
    alert: str = ""
    for_all: bool = False


@dataclass(frozen=True)
class Parcel:
    """One claimed delivery with all that a channel needs. Its address stays out of logs and tracebacks.

    `language` is the phone's or the person's; the fields of FCM are empty for an e-mail, `address` for a push.
    """

    delivery_id: UUID
    device_id: UUID | None
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
    channel: str = "push"
    address: str = field(default="", repr=False)
    topic: str = ""
    #: Whether it goes to an account of ours, rather than to an address that somebody gave.
    has_account: bool = True
