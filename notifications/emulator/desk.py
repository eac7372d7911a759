"""What all conversations of one emulator share: its phones, the faults ordered, and whether it is stopping."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from notifications.emulator.faults import Faults
from notifications.emulator.oauth import TokenEndpoint
from notifications.emulator.phones import Phones


@dataclass(frozen=True)
class Desk:
    """One emulator's state. Everything in it may be used from many threads at once."""

    tokens: TokenEndpoint
    #: Whether other machines may ask, too.
    allow_lan: bool
    #: Takes a line for each answer.
    log: Callable[[str], None] | None
    phones: Phones = field(default_factory=Phones)
    faults: Faults = field(default_factory=Faults)
    stopping: threading.Event = field(default_factory=threading.Event)
