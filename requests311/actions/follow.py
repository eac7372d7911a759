"""A resident wants to hear of a request that somebody else reported, or says that the same bothers them."""

from django.db import transaction

from accounts.models import User
from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.merging import Joined, locked, named
from requests311.models import Follower


@transaction.atomic
def follow(*, by: User, key: str, supports: bool = False) -> Follower:
    """Twice is once. Of a duplicate the one that is kept is followed. Raises NotFound, and CannotMerge where it is
    being joined to others again and again just now."""
    # Locked, so that nobody is left behind at a request that is joined to another at this moment.
    joined, _ = locked(lambda: _look(by, key))
    follower, made = Follower.objects.get_or_create(
        request_id=joined.kept or joined.request, user=by, defaults={"supports": supports}
    )
    if not made:
        # Theirs now, whatever brought them: undoing a merge must not take it away.
        follower.supports, follower.merge = supports, None
        follower.save(update_fields=["supports", "merge"])
    return follower


def _look(by: User, key: str) -> Joined:
    found = named(Actor(by), key)
    if found is None:
        raise NotFound
    return Joined(*found, ())
