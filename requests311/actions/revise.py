"""A slip of the pen is mended, soon after."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311 import changes
from requests311.actors import Actor
from requests311.errors import CannotRevise
from requests311.models import Audience, EventKind, ServiceRequest
from requests311.policies import Permission
from requests311.writing import check_not_redacted, written

#: What stands longer was read, and can only be hidden.
REVISE_WITHIN = timedelta(minutes=10)


@transaction.atomic(savepoint=False)
def revise(*, by: Actor, key: str, if_version: int, event_id: UUID, text: str) -> ServiceRequest:
    """Puts another text in the place of the caller's own, within ten minutes; the first one stays in the audit trail.

    Raises NotFound, NotAllowed, StaleVersion, CannotRevise.
    """
    request = changes.locked(key, by.sees())
    permissions = changes.check(by, request, None, if_version)
    event = written(request, event_id, internal=Permission.NOTE in permissions)
    if by.user is None or event.actor_id != by.user.pk:
        raise CannotRevise("Only who wrote it can change a text.")
    if timezone.now() > event.at + REVISE_WITHIN:
        raise CannotRevise
    check_not_redacted(event)
    changes.write(
        request,
        EventKind.REVISED,
        by=by.user,
        text=text,
        audience=Audience(event.audience),
        data={"of": str(event.pk)},
    )
    return request
