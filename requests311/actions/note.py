"""Words beside the moves: notes, which staff reads, and comments, which everybody reads."""

import re
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from requests311 import changes
from requests311.actors import Actor
from requests311.errors import CannotRevise, InputError, Invalid, NotFound
from requests311.models import Audience, Event, EventKind, PhotoAudience, PhotoPurpose, ServiceRequest
from requests311.policies import Permission
from requests311.queries.people import colleagues_by_email

#: So long a slip of the pen can be mended; what stands longer was read, and can only be hidden.
REVISE_WITHIN = timedelta(minutes=10)
MENTIONS_AT_MOST = 20

#: @ and a colleague's e-mail address, at the start or after a blank.
_MENTION = re.compile(r"(?<!\S)@([^\s@]+@[^\s@]+\.[^\s@.,;:!?]+)")


@transaction.atomic(savepoint=False)
def note(
    *, by: Actor, key: str, if_version: int, text: str, photos: Sequence[UUID] = ()
) -> tuple[ServiceRequest, Event]:
    """Adds what only staff reads. Who is mentioned (`@ana@city.example`) is told.

    Raises NotFound, NotAllowed, StaleVersion, and Invalid for photos that are not the caller's, or a mention of
    somebody who may not read it.
    """
    request = changes.to_change(by, key, Permission.NOTE, if_version)
    data = {"mentions": _mentioned(request, text)}
    event = changes.write(request, EventKind.NOTED, by=by.user, text=text, audience=Audience.STAFF, data=data)
    changes.attach_photos(event, photos, by=by.user, purpose=PhotoPurpose.NOTE, audience=PhotoAudience.STAFF)
    return request, event


@transaction.atomic(savepoint=False)
def comment(
    *, by: Actor, key: str, if_version: int, text: str, photos: Sequence[UUID] = ()
) -> tuple[ServiceRequest, Event]:
    """Adds what everybody reads: by staff, or by the reporter. Raises as `note` does."""
    request = changes.to_change(by, key, Permission.COMMENT, if_version)
    works = Permission.NOTE in by.permissions_on(request)
    data = {"mentions": _mentioned(request, text) if works else []}
    event = changes.write(request, EventKind.COMMENTED, by=by.user, text=text, data=data)
    changes.attach_photos(event, photos, by=by.user, purpose=PhotoPurpose.COMMENT)
    return request, event


@transaction.atomic(savepoint=False)
def revise(*, by: Actor, key: str, if_version: int, event_id: UUID, text: str) -> tuple[ServiceRequest, Event]:
    """Puts another text in the place of the caller's own, within ten minutes; the first one stays in the audit trail.

    Raises NotFound, NotAllowed, StaleVersion, CannotRevise.
    """
    request = changes.locked(key, by.sees())
    permissions = changes.check(by, request, None, if_version)
    event = _written(request, event_id, internal=Permission.NOTE in permissions)
    if by.user is None or event.actor_id != by.user.pk:
        raise CannotRevise("Only who wrote it can change a text.")
    if timezone.now() > event.at + REVISE_WITHIN:
        raise CannotRevise
    _check_not_redacted(event)
    changes.write(
        request,
        EventKind.REVISED,
        by=by.user,
        text=text,
        audience=Audience(event.audience),
        data={"of": str(event.pk)},
    )
    return request, event


@transaction.atomic(savepoint=False)
def redact(*, by: Actor, key: str, if_version: int, event_id: UUID, reason: str) -> tuple[ServiceRequest, Event]:
    """Hides what somebody wrote, from everybody and for ever; the reason stands in its place.

    Raises NotFound, NotAllowed, StaleVersion, CannotRevise where it is hidden already.
    """
    request = changes.to_change(by, key, Permission.REDACT, if_version)
    event = _written(request, event_id, internal=True)
    _check_not_redacted(event)
    changes.write(
        request,
        EventKind.REDACTED,
        by=by.user,
        text=reason,
        audience=Audience(event.audience),
        data={"of": str(event.pk)},
    )
    return request, event


def _written(request: ServiceRequest, event_id: UUID, *, internal: bool) -> Event:
    kinds = [EventKind.COMMENTED, EventKind.ANSWERED, *([EventKind.NOTED, EventKind.REPORTED_DONE] if internal else [])]
    event = Event.objects.filter(request=request.pk, pk=event_id, kind__in=kinds).first()
    if event is None:
        raise NotFound
    return event


def _check_not_redacted(event: Event) -> None:
    of = Event.objects.filter(request=event.request_id, kind=EventKind.REDACTED, data__of=str(event.pk))
    if of.exists():
        raise CannotRevise("This text was redacted.")


def _mentioned(request: ServiceRequest, text: str) -> list[str]:
    """Ids of the colleagues that a text speaks to."""
    emails = list(dict.fromkeys(email.lower() for email in _MENTION.findall(text)))
    if not emails:
        return []
    if len(emails) > MENTIONS_AT_MOST:
        detail = f"At most {MENTIONS_AT_MOST} people are mentioned at a time."
        raise Invalid(errors=[InputError("/text", "too_many_mentions", detail)])
    found = colleagues_by_email(request, emails)
    unknown = [email for email in emails if email not in found]
    if unknown:
        detail = f"Nobody with the address {', '.join(unknown)} works on this request."
        raise Invalid(errors=[InputError("/text", "unknown_mention", detail)])
    return [str(found[email]) for email in emails]
