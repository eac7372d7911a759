"""Staff writes something that only staff reads."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from requests311 import changes
from requests311.actors import Actor
from requests311.models import Audience, EventKind, PhotoAudience, PhotoPurpose, ServiceRequest
from requests311.policies import Permission
from requests311.writing import mentioned


@transaction.atomic(savepoint=False)
def note(*, by: Actor, key: str, if_version: int, text: str, photos: Sequence[UUID] = ()) -> ServiceRequest:
    """Adds what only staff reads. Who is mentioned (`@ana@city.example`) is told.

    Raises NotFound, NotAllowed, StaleVersion, and Invalid for photos that are not the caller's, or a mention of
    somebody who may not read it.
    """
    request = changes.to_change(by, key, Permission.NOTE, if_version)
    data = {"mentions": mentioned(request, text)}
    event = changes.write(request, EventKind.NOTED, by=by.user, text=text, audience=Audience.STAFF, data=data)
    changes.attach_photos(event, photos, by=by.user, purpose=PhotoPurpose.NOTE, audience=PhotoAudience.STAFF)
    return request
