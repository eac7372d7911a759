"""A resident has heard enough of a request."""

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from requests311.models import Follower
from requests311.queries.seen import seen


@transaction.atomic
def unfollow(*, by: User, key: str) -> None:
    """Nor of its duplicates, when they are taken out again. Raises NotFound for a request that is not theirs to see;
    who does not follow it is no fault."""
    request = seen(by, key)
    kept = request.duplicate_of_id or request.pk
    Follower.objects.filter(Q(request=kept) | Q(request__duplicate_of=kept), user=by).delete()
