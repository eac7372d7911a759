"""Who calls: guests and a dispatcher, signed in by the server's own code."""

import time
from dataclasses import dataclass, field

from accounts.models import User
from accounts.tokens import open_session, sign_in_guest
from requests311.models import Jurisdiction, Membership
from requests311.policies import Role

GUESTS = 300
#: Access tokens live ten minutes; a load may begin with one that is this old, in seconds.
_RENEWED_AFTER = 180


@dataclass
class People:
    """The callers and their access tokens, which do not outlive ten minutes."""

    guests: list[User]
    dispatcher: User
    guest_tokens: list[str] = field(default_factory=list)
    dispatcher_token: str = ""
    _renewed: float = 0.0

    def renew(self) -> bool:
        """Signs everybody in again where the tokens are no longer young; whether it did."""
        if self.guest_tokens and time.monotonic() < self._renewed + _RENEWED_AFTER:
            return False
        self.guest_tokens = [open_session(guest).access for guest in self.guests]
        self.dispatcher_token = open_session(self.dispatcher).access
        self._renewed = time.monotonic()
        return True


def make_people(jurisdiction: Jurisdiction, guests: int = GUESTS) -> People:
    """New ones, of the first jurisdiction's whole desk."""
    dispatcher = User.objects.create_user(f"dispatcher-bench-{time.time_ns()}@example.org")
    Membership.objects.create(user=dispatcher, jurisdiction=jurisdiction, role=Role.DISPATCHER.value)
    return People([sign_in_guest().user for _ in range(guests)], dispatcher)
