"""A contractor's link is good no more."""

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311 import changes
from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import Audience, EventKind, Handover, ServiceRequest
from requests311.policies import Permission


@transaction.atomic(savepoint=False)
def revoke_handover(*, by: Actor, key: str, if_version: int, handover_id: UUID) -> ServiceRequest:
    """Makes a link useless at once. Raises NotFound, NotAllowed, StaleVersion."""
    request = changes.to_change(by, key, Permission.HAND_OVER, if_version)
    if not Handover.objects.filter(pk=handover_id, request=request.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    ):
        raise NotFound
    changes.write(
        request,
        EventKind.HANDOVER_REVOKED,
        by=by.user,
        audience=Audience.STAFF,
        data={"handover": str(handover_id)},
    )
    return request
