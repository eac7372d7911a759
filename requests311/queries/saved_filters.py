"""What somebody has saved to look for in the queue; nobody else's."""

from uuid import UUID

from accounts.models import User
from requests311.actors import Actor
from requests311.errors import NotAllowed, NotFound
from requests311.models import SavedFilter
from requests311.policies import Permission


def filters_of(actor: Actor) -> list[SavedFilter]:
    """The caller's own, in their order. Raises NotAllowed for a caller who reads no queue."""
    return list(SavedFilter.objects.filter(owner=queue_reader(actor)))


def filter_of(actor: Actor, *, id: UUID, lock: bool = False) -> SavedFilter:
    """One of the caller's own, with `lock` held until COMMIT.

    Raises NotAllowed for a caller who reads no queue, NotFound for anybody else's.
    """
    own = SavedFilter.objects.filter(owner=queue_reader(actor), pk=id)
    found = (own.select_for_update(no_key=True) if lock else own).first()
    if found is None:
        raise NotFound
    return found


def queue_reader(actor: Actor) -> User:
    """The caller. Raises NotAllowed for one who reads no queue."""
    if actor.user is None or not actor.has(Permission.READ_QUEUE):
        raise NotAllowed("The queue is for the staff of a city.")
    return actor.user
