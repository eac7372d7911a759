"""What people write beside the moves: whom a text speaks to, and which texts can still be changed."""

import re
from uuid import UUID

from requests311.errors import CannotRevise, InputError, Invalid, NotFound
from requests311.models import Event, EventKind, ServiceRequest
from requests311.queries.people import colleagues_by_email

MENTIONS_AT_MOST = 20

#: @ and a colleague's e-mail address, at the start, after a blank or in brackets.
_MENTION = re.compile(r"(?<![^\s(])@([^\s@]+@[^\s@]+\.[^\s@.,;:!?()]+)")

_REVISABLE = (EventKind.COMMENTED, EventKind.NOTED, EventKind.ANSWERED, EventKind.REPORTED_DONE)


def mentioned(request: ServiceRequest, text: str) -> list[str]:
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


def shown_text(event: Event) -> str:
    """What an event's text is today: the last revision, or why it was redacted; `queries.timeline` says it in SQL."""
    if event.kind in _REVISABLE:
        of = str(event.pk)
    elif event.kind in (EventKind.REVISED, EventKind.REDACTED):
        of = event.data["of"]
    else:
        return event.text
    changes = Event.objects.filter(
        request=event.request_id, kind__in=[EventKind.REVISED, EventKind.REDACTED], data__of=of
    )
    newest = changes.order_by("-version").values_list("text", flat=True).first()
    return event.text if newest is None else newest


def written(request: ServiceRequest, event_id: UUID, *, internal: bool) -> Event:
    """The event with a text that can be changed, of those that staff (`internal`) or the reporter reads.

    Raises NotFound.
    """
    kinds = [EventKind.COMMENTED, EventKind.ANSWERED, *([EventKind.NOTED, EventKind.REPORTED_DONE] if internal else [])]
    event = Event.objects.filter(request=request.pk, pk=event_id, kind__in=kinds).first()
    if event is None:
        raise NotFound
    return event


def check_not_redacted(event: Event) -> None:
    """Raises CannotRevise."""
    of = Event.objects.filter(request=event.request_id, kind=EventKind.REDACTED, data__of=str(event.pk))
    if of.exists():
        raise CannotRevise("This text was redacted.")
