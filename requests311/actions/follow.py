"""A resident wants to hear of a request that somebody else reported, or says that the same bothers them."""

from django.db import transaction

from accounts.models import User
from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import Follower, ServiceRequest


@transaction.atomic
def follow(*, by: User, key: str, supports: bool = False) -> Follower:
    """Twice is once. Of a duplicate the one that is kept is followed. Raises NotFound."""
    request = _seen(by, key)
    follower, made = Follower.objects.get_or_create(
        request_id=request.duplicate_of_id or request.pk, user=by, defaults={"supports": supports}
    )
    if not made:
        # Theirs now, whatever brought them: undoing a merge must not take it away.
        follower.supports, follower.merge = supports, None
        follower.save(update_fields=["supports", "merge"])
    return follower


@transaction.atomic
def unfollow(*, by: User, key: str) -> None:
    """Raises NotFound for a request that is not theirs to see; who does not follow it is no fault."""
    request = _seen(by, key)
    Follower.objects.filter(request__in={request.pk, request.duplicate_of_id or request.pk}, user=by).delete()


def _seen(by: User, key: str) -> ServiceRequest:
    request = ServiceRequest.objects.visible_to(Actor(by)).by_id_or_number(key).first()
    if request is None:
        raise NotFound
    return request
