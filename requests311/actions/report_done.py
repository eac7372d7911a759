"""A contractor says that the work is done, or why it is not."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from requests311 import changes, links
from requests311.conditions import Condition
from requests311.errors import NotFound, ReportedAlready
from requests311.models import Audience, EventKind, Handover, PhotoAudience, PhotoPurpose, ServiceRequest
from requests311.queries.links import check_good


@transaction.atomic
def report_done(*, by: User | None, token: str, done: bool, text: str, photos: Sequence[UUID] = ()) -> ServiceRequest:
    """Whoever holds the link says that the work is done, once, or why it is not. Staff confirm by resolving.

    Photos are those of `by`, a guest perhaps. Raises NotFound, LinkOver, ReportedAlready, Invalid.
    """
    handover_id = links.id_of(links.Purpose.HANDOVER, token)
    request_id = Handover.objects.filter(pk=handover_id).values_list("request", flat=True).first()
    if request_id is None:
        raise NotFound
    request = changes.locked(str(request_id), Condition("true"))
    handover = Handover.objects.select_for_update().get(pk=handover_id)
    check_good(handover, request)
    if handover.done_at is not None:
        raise ReportedAlready
    if done:
        Handover.objects.filter(pk=handover.pk).update(done_at=timezone.now())
    event = changes.write(
        request,
        EventKind.REPORTED_DONE,
        by=None,
        text=text,
        audience=Audience.STAFF,
        data={"handover": str(handover.pk), "email": handover.email, "done": done},
    )
    changes.attach_photos(event, photos, by=by, purpose=PhotoPurpose.HANDOVER, audience=PhotoAudience.STAFF)
    return request
