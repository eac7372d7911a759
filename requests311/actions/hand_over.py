"""A contractor without an account gets a link to one request: sees what there is to do, and says when it is done."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from requests311 import changes, links
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.errors import IllegalTransition, InputError, Invalid, LinkOver, NotFound, ReportedAlready
from requests311.models import Audience, EventKind, Handover, PhotoAudience, PhotoPurpose, ServiceRequest
from requests311.policies import Permission
from requests311.statuses import OPEN, Status


@transaction.atomic(savepoint=False)
def hand_over(
    *, by: Actor, key: str, if_version: int, email: str, expires: datetime | None = None
) -> tuple[ServiceRequest, Handover]:
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
    return request, made


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


def read_handover(token: str) -> Handover:
    """What a link shows, with request, service and department at hand. Raises NotFound, LinkOver."""
    handover = (
        Handover.objects.select_related("request__service", "request__department", "request__jurisdiction")
        .filter(pk=links.id_of(links.Purpose.HANDOVER, token))
        .first()
    )
    if handover is None:
        raise NotFound
    _check_good(handover, handover.request)
    return handover


@transaction.atomic(savepoint=False)
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
    _check_good(handover, request)
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


def _check_good(handover: Handover, request: ServiceRequest) -> None:
    if handover.revoked_at is not None or handover.expires_at <= timezone.now():
        raise LinkOver
    if Status(request.status) not in OPEN:
        raise LinkOver("This request is over; there is nothing left to do.")
