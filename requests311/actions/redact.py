"""What somebody wrote, and should not have, is hidden."""

from uuid import UUID

from django.db import transaction

from requests311 import changes
from requests311.actors import Actor
from requests311.models import Audience, EventKind, Photo, PhotoAudience, ServiceRequest
from requests311.policies import Permission
from requests311.writing import check_not_redacted, written


@transaction.atomic(savepoint=False)
def redact(*, by: Actor, key: str, if_version: int, event_id: UUID, reason: str) -> ServiceRequest:
    """Hides what somebody wrote, from everybody and for ever, and its photos from all but staff.

    The reason stands in its place. Raises NotFound, NotAllowed, StaleVersion, CannotRevise where it is hidden already.
    """
    request = changes.to_change(by, key, Permission.REDACT, if_version)
    event = written(request, event_id, internal=True)
    check_not_redacted(event)
    # Photos that came with it are no longer everybody's to see either.
    Photo.objects.filter(event_id=event.pk, request=request.pk).update(audience=PhotoAudience.STAFF)
    changes.write(
        request,
        EventKind.REDACTED,
        by=by.user,
        text=reason,
        audience=Audience(event.audience),
        data={"of": str(event.pk)},
    )
    return request
