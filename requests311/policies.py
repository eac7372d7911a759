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
    ASSIGN = "assign"  # to a person or a team, and how urgent it is
    REROUTE = "reroute"  # to another department or service
    MERGE = "merge"  # duplicates, and undo it
    SPLIT = "split"  # into tasks for several departments
    ASK = "ask"  # the reporter a question
    ANSWER = "answer"  # such a question
    NOTE = "note"  # what only staff reads
    COMMENT = "comment"  # what everybody reads
    REDACT = "redact"  # hide what somebody wrote
    HAND_OVER = "hand_over"  # to a contractor without an account
    READ_QUEUE = "read_queue"
    READ_HOT_SPOTS = "read_hot_spots"  # where reports of one kind pile up
    READ_TEMPLATES = "read_templates"  # the standard texts
    MANAGE_TEMPLATES = "manage_templates"
    MANAGE_WEBHOOKS = "manage_webhooks"  # subscriptions of a department's own systems
    READ_WEBHOOKS = "read_webhooks"


class Role(StrEnum):
    CREW = "crew"  # the requests of one department
    DISPATCHER = "dispatcher"  # the whole jurisdiction: triage
    MANAGER = "manager"  # one department: people, deadlines, figures
    AUDITOR = "auditor"  # reads everything, changes nothing
    ADMIN = "admin"


_reads = frozenset(
    {
        Permission.READ_INTERNAL,
        Permission.READ_CONTACT,
        Permission.READ_QUEUE,
        Permission.READ_TEMPLATES,
    }
)
_works = _reads | {
    Permission.WORK,
    Permission.REJECT,
    Permission.CLOSE,
    Permission.REOPEN,
    Permission.ASSIGN,
    Permission.ASK,
    Permission.NOTE,
    Permission.COMMENT,
    Permission.HAND_OVER,
}
_triages = _works | {
    Permission.REROUTE,
    Permission.MERGE,
    Permission.SPLIT,
    Permission.REDACT,
    Permission.READ_HOT_SPOTS,
}
_manages = _triages | {Permission.MANAGE_TEMPLATES, Permission.READ_WEBHOOKS, Permission.MANAGE_WEBHOOKS}

ROLES: dict[Role, frozenset[Permission]] = {
    Role.CREW: _works,
    Role.DISPATCHER: _triages,
    Role.MANAGER: _manages,
    Role.AUDITOR: _reads | {Permission.READ_HOT_SPOTS, Permission.READ_WEBHOOKS},
    Role.ADMIN: _manages,
}

#: What a reporter may do with a request of their own.
REPORTER: frozenset[Permission] = frozenset(
    {Permission.WITHDRAW, Permission.REOPEN, Permission.ANSWER, Permission.COMMENT}
)


class Viewer(Protocol):
    """What a QuerySet asks of the one who looks; `requests311.actors.Actor` answers it."""

    user: "User | None"

    def sees(self) -> "Condition":
        """The requests that the viewer may know exist."""

    def may(self, permission: Permission) -> "Condition":
        """The requests on which the viewer has this permission."""
