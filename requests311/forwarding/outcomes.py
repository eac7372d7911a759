"""What came of one try to hand a request over."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Accepted:
    """The other side has it; `remote_id` is what it calls it, where it says so."""

    remote_id: str = ""


@dataclass(frozen=True)
class Promised:
    """The other side has it and gives its id later, for this token."""

    token: str


@dataclass(frozen=True)
class NotYet:
    """No id for the token so far."""


@dataclass(frozen=True)
class Failed:
    """`error` is a sentence for staff, without secrets and personal data. `wait` is what the other side asked for."""

    error: str
    may_pass: bool
    wait: timedelta = timedelta()
    #: It is not this request: nothing gets through.
    is_down: bool = False
    is_too_large: bool = False


Outcome = Accepted | Promised | NotYet | Failed
