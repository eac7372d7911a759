"""What joining two requests and taking them apart have in common: which rows, locked how, and what was changed."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from requests311 import changes, promises
from requests311.actors import Actor
from requests311.conditions import Condition, by_id_or_number
from requests311.errors import CannotMerge
from requests311.models import Merge, ServiceRequest

#: Of a race that somebody else won; each try waits for a lock.
TRIES = 3

_MOMENTS = ("closed_at", "hold_until", *promises.PROMISED)
PICTURE = ("status", "held_from", "hold_reason", "pauses", *_MOMENTS)


class Joined(NamedTuple):
    """A request, the one that is kept of all its duplicates (or is to be), and what was joined to it before."""

    request: UUID
    kept: UUID | None
    carried: tuple[UUID, ...]

    def ids(self) -> list[UUID]:
        return [self.request, *([self.kept] if self.kept else []), *self.carried]


def locked(look: Callable[[], Joined]) -> tuple[Joined, dict[UUID, ServiceRequest]]:
    """What `look` finds, and the rows of it locked in the order of their ids, so that two who join A to B and B to A
    at the same moment wait for each other once and not for ever.

    Raises CannotMerge where others are quicker each time.
    """
    for _ in range(TRIES):
        seen = look()
        before = transaction.savepoint()
        found = changes.locked_all(seen.ids(), Condition("true"))
        if look() == seen:
            transaction.savepoint_commit(before)
            return seen, found
        # Gives these locks back: to take others besides would be to lock out of order.
        transaction.savepoint_rollback(before)
    raise CannotMerge("One of them is being joined elsewhere just now; read it again.")


def above(made: Merge) -> Iterator[Merge]:
    """The merges by which what was kept then went into others since, in their order."""
    next_up = _merge_of(made.kept_id)
    while next_up is not None:
        yield next_up
        next_up = _merge_of(next_up.kept_id)


def _merge_of(duplicate: UUID) -> Merge | None:
    return Merge.objects.filter(duplicate=duplicate, undone_at=None).first()


def joined_to(request_id: UUID) -> tuple[UUID, ...]:
    """Ids of its duplicates, in order."""
    return tuple(ServiceRequest.objects.filter(duplicate_of=request_id).order_by("pk").values_list("pk", flat=True))


def named(by: Actor, key: str) -> tuple[UUID, UUID | None] | None:
    found = ServiceRequest.objects.visible_to(by).filter(by_id_or_number(key).expression())
    return found.values_list("pk", "duplicate_of").first()


def picture(request: ServiceRequest) -> dict[str, Any]:
    """What a merge changes of the duplicate, as JSON."""
    values = {name: getattr(request, name) for name in PICTURE}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def restore(request: ServiceRequest, before: dict[str, Any]) -> None:
    for name in PICTURE:
        value = before[name]
        is_moment = isinstance(value, str) and name in _MOMENTS
        setattr(request, name, datetime.fromisoformat(value) if is_moment else value)
    request.duplicate_of = None
