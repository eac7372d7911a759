"""A contractor without an account gets a link to one request: sees what there is to do, and says when it is done."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from requests311 import changes
from requests311.actors import Actor
from requests311.errors import IllegalTransition, InputError, Invalid
from requests311.models import Audience, EventKind, Handover, ServiceRequest
from requests311.policies import Permission
from requests311.statuses import OPEN, Status


@transaction.atomic(savepoint=False)
def hand_over(*, by: Actor, key: str, if_version: int, email: str, expires: datetime | None = None) -> ServiceRequest:
    """Sends a link to this address, good until `expires`, 14 days from now unless told otherwise and 90 at most.

    Raises NotFound, NotAllowed, StaleVersion, IllegalTransition for a request that is over, and Invalid.
    """
    request = changes.to_change(by, key, Permission.HAND_OVER, if_version)
    status = Status(request.status)
    if status not in OPEN:
        raise IllegalTransition(f"A request that is {status} is handed to nobody.", status_now=status, legal=[])
    now = timezone.now()
    expires_at = expires or now + Handover.LIFETIME
    if not now < expires_at <= now + Handover.LONGEST:
        detail = f"Between now and {Handover.LONGEST.days} days from now."
        raise Invalid(errors=[InputError("/expires", "out_of_range", detail)])
    made = Handover.objects.create(request=request, email=email, by=by.user, at=now, expires_at=expires_at)
    changes.write(
        request,
        EventKind.HANDED_OVER,
        by=by.user,
        audience=Audience.STAFF,
        data={"handover": str(made.pk), "email": email, "expires": expires_at.isoformat()},
    )
    return request
