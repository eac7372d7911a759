"""The life cycle of a request: every status and every legal move, on one screen.

docs/states.md is drawn from this file (`manage.py draw_states`); a test holds the two together.
"""

from dataclasses import dataclass

from django.db import models

from requests311.policies import Permission


class Status(models.TextChoices):
    SUBMITTED = "submitted"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    WITHDRAWN = "withdrawn"


class Resolution(models.TextChoices):
    """How a request ended: "closed" is not "fixed"."""

    FIXED = "fixed"
    TEMPORARY_REPAIR = "temporary_repair"
    NOTHING_FOUND = "nothing_found"
    REFERRED = "referred"
    NO_ACTION = "no_action"


class HoldReason(models.TextChoices):
    """Why nobody works on it just now. Only while the reporter is waited for does the clock stand."""

    REPORTER = "reporter"
    WEATHER = "weather"
    MATERIAL = "material"
    THIRD_PARTY = "third_party"
    PLANNED = "planned"
    OTHER = "other"


class Priority(models.IntegerChoices):
    """The lower the number, the sooner; the API speaks of them by name, in lower case."""

    URGENT = 1
    HIGH = 2
    NORMAL = 3
    LOW = 4


#: Somebody still has to do something.
OPEN = frozenset({Status.SUBMITTED, Status.ACKNOWLEDGED, Status.ASSIGNED, Status.IN_PROGRESS, Status.ON_HOLD})


@dataclass(frozen=True)
class Move:
    """What a move takes: the permission, and what has to be said with it."""

    permission: Permission
    #: A text, or for a rejection the code of a reason that has one.
    needs_text: bool = False
    needs_resolution: bool = False
    #: The action that makes it, where a bare change of status would be half of it.
    by_action: str = ""


_work = Move(Permission.WORK)
_hold = Move(Permission.WORK, needs_text=True)
_resolve = Move(Permission.WORK, needs_resolution=True)
_reject = Move(Permission.REJECT, needs_text=True)
_withdraw = Move(Permission.WITHDRAW)
# Followers, supporters and photos go along.
_merge = Move(Permission.MERGE, by_action="merge")
_unmerge = Move(Permission.MERGE, by_action="unmerge")

TRANSITIONS: dict[Status, dict[Status, Move]] = {
    Status.SUBMITTED: {
        Status.ACKNOWLEDGED: _work,
        Status.ON_HOLD: _hold,
        Status.REJECTED: _reject,
        Status.DUPLICATE: _merge,
        Status.WITHDRAWN: _withdraw,
    },
    Status.ACKNOWLEDGED: {
        Status.ASSIGNED: _work,
        Status.IN_PROGRESS: _work,
        Status.ON_HOLD: _hold,
        Status.RESOLVED: _resolve,
        Status.REJECTED: _reject,
        Status.DUPLICATE: _merge,
        Status.WITHDRAWN: _withdraw,
    },
    Status.ASSIGNED: {
        Status.ACKNOWLEDGED: _work,
        Status.IN_PROGRESS: _work,
        Status.ON_HOLD: _hold,
        Status.RESOLVED: _resolve,
        Status.REJECTED: _reject,
        Status.DUPLICATE: _merge,
    },
    Status.IN_PROGRESS: {
        # Back, when another department or another day has it.
        Status.ACKNOWLEDGED: _work,
        Status.ASSIGNED: _work,
        Status.ON_HOLD: _hold,
        Status.RESOLVED: _resolve,
        Status.REJECTED: _reject,
        Status.DUPLICATE: _merge,
    },
    Status.ON_HOLD: {
        Status.ACKNOWLEDGED: _work,
        Status.ASSIGNED: _work,
        Status.IN_PROGRESS: _work,
        Status.REJECTED: _reject,
        Status.DUPLICATE: _merge,
    },
    Status.RESOLVED: {
        Status.CLOSED: Move(Permission.CLOSE),
        # By the reporter within the jurisdiction's window, by the department at any time.
        Status.ACKNOWLEDGED: Move(Permission.REOPEN, needs_text=True),
    },
    Status.CLOSED: {},
    Status.REJECTED: {},
    # Back to where it was.
    Status.DUPLICATE: {
        Status.SUBMITTED: _unmerge,
        Status.ACKNOWLEDGED: _unmerge,
        Status.ASSIGNED: _unmerge,
        Status.IN_PROGRESS: _unmerge,
        Status.ON_HOLD: _unmerge,
    },
    Status.WITHDRAWN: {},
}
