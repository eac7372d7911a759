"""A resident has heard enough of a request."""

from django.db import transaction

from accounts.models import User
from requests311.models import Follower
from requests311.queries.seen import seen


@transaction.atomic
def unfollow(*, by: User, key: str) -> None:
    """Raises NotFound for a request that is not theirs to see; who does not follow it is no fault."""
    request = seen(by, key)
    Follower.objects.filter(request__in={request.pk, request.duplicate_of_id or request.pk}, user=by).delete()
