"""Who may do what: the permissions, the roles, and the one table that joins them."""

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from accounts.models import User
    from requests311.conditions import Condition


class Permission(StrEnum):
    READ_INTERNAL = "read_internal"  # staff events, routing details
    READ_CONTACT = "read_contact"  # the reporter's contact
    WORK = "work"  # move a request through its life
    REJECT = "reject"
    CLOSE = "close"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"
    READ_HOT_SPOTS = "read_hot_spots"  # where reports of one kind pile up


class Role(StrEnum):
    CREW = "crew"  # the requests of one department
    DISPATCHER = "dispatcher"  # the whole jurisdiction: triage
    MANAGER = "manager"  # one department: people, deadlines, figures
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMIN = "admin"


_reads = frozenset({Permission.READ_INTERNAL, Permission.READ_CONTACT})
_works = _reads | {Permission.WORK, Permission.REJECT, Permission.CLOSE, Permission.REOPEN}

ROLES: dict[Role, frozenset[Permission]] = {
    Role.CREW: _works,
    Role.DISPATCHER: _works | {Permission.READ_HOT_SPOTS},
    Role.MANAGER: _works | {Permission.READ_HOT_SPOTS},
    Role.AUDITOR: _reads | {Permission.READ_HOT_SPOTS},
    Role.ADMIN: _works | {Permission.READ_HOT_SPOTS},
}

#: What a reporter may do with a request of their own.
REPORTER: frozenset[Permission] = frozenset({Permission.WITHDRAW, Permission.REOPEN})


class Viewer(Protocol):
    """What a QuerySet asks of the one who looks; `requests311.actors.Actor` answers it."""

    user: "User | None"

    def sees(self) -> "Condition":
        """The requests that the viewer may know exist."""
