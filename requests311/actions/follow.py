"""A resident wants to hear of a request that somebody else reported, or says that the same bothers them."""

from django.db import transaction

from accounts.models import User
from requests311.models import Follower
from requests311.queries.seen import seen


@transaction.atomic
def follow(*, by: User, key: str, supports: bool = False) -> Follower:
    """Twice is once. Of a duplicate the one that is kept is followed. Raises NotFound."""
    while True:
        request = seen(by, key)
        kept = request.duplicate_of_id or request.pk
        before = transaction.savepoint()
        follower, made = Follower.objects.get_or_create(request_id=kept, user=by, defaults={"supports": supports})
        # The new row waits for whoever joins the request to another just now, and must not stay behind.
        request.refresh_from_db(fields=["duplicate_of"])
        if kept == (request.duplicate_of_id or request.pk):
            transaction.savepoint_commit(before)
            break
        transaction.savepoint_rollback(before)
    if not made:
        # Theirs now, whatever brought them: undoing a merge must not take it away.
        follower.supports, follower.merge = supports, None
        follower.save(update_fields=["supports", "merge"])
    return follower
