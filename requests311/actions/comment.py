"""Staff, or the reporter, writes something that everybody reads."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from requests311 import changes
from requests311.actors import Actor
from requests311.models import EventKind, PhotoPurpose, ServiceRequest
from requests311.policies import Permission
from requests311.writing import mentioned


@transaction.atomic(savepoint=False)
def comment(*, by: Actor, key: str, if_version: int, text: str, photos: Sequence[UUID] = ()) -> ServiceRequest:
    """Adds what everybody reads: by staff, or by the reporter. Raises as `note` does."""
    request = changes.to_change(by, key, Permission.COMMENT, if_version)
    works = Permission.NOTE in by.permissions_on(request)
    data = {"mentions": mentioned(request, text) if works else []}
    event = changes.write(request, EventKind.COMMENTED, by=by.user, text=text, data=data)
    changes.attach_photos(event, photos, by=by.user, purpose=PhotoPurpose.COMMENT)
    return request
