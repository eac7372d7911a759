"""What is said with a move: its text, how it ended, why it waits; and whether that is enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from requests311.errors import InputError, Invalid
from requests311.models import Event, Photo, PhotoPurpose, PhotoState, ServiceRequest
from requests311.rejections import Responsible
from requests311.statuses import HoldReason, Move, Resolution, Status


@dataclass(frozen=True)
class Saying:
    """What is said with a move; which move takes what is in `statuses.TRANSITIONS` and in `check_saying`."""

    text: str = ""
    resolution: str = ""
    #: Of a hold: a HoldReason. Of a rejection: the code of one of the jurisdiction's reasons.
    reason: str = ""
    until: datetime | None = None
    responsible: Responsible | None = None
    photos: Sequence[UUID] = ()


def check_saying(request: ServiceRequest, move: Move, to: Status, saying: Saying) -> None:
    """Raises Invalid with all that is missing or not taken; needs `request.service`."""
    errors = [
        *_wrong_words(request, move, to, saying),
        *_wrong_resolution(request, move, to, saying.resolution),
        *_wrong_hold(to, saying),
    ]
    if to == Status.RESOLVED and not errors and not saying.photos and needs_photo(request):
        detail = f"{request.service.name} needs a photo of what was done."
        errors.append(InputError("/photos", "required", detail))
    if errors:
        raise Invalid(errors=errors)


def allowed_resolutions(request: ServiceRequest) -> list[str]:
    """How a request of its service may end; needs `service`."""
    return list(request.service.resolutions) or list(Resolution.values)


def needs_photo(request: ServiceRequest) -> bool:
    """Whether a resolution has to bring a photo of what was done; needs `service`."""
    if not request.service.completion_photo:
        return False
    shown = Photo.objects.filter(request=request.pk, purpose__in=[PhotoPurpose.COMPLETION, PhotoPurpose.HANDOVER])
    # What was done the first time did not last.
    reopened = Event.objects.filter(request=request.pk, from_status=Status.RESOLVED, to_status=Status.ACKNOWLEDGED)
    since = reopened.order_by("-version").values_list("at", flat=True).first()
    if since is not None:
        shown = shown.filter(created_at__gte=since)
    return not shown.exclude(state=PhotoState.REJECTED).exists()


def _wrong_words(request: ServiceRequest, move: Move, to: Status, saying: Saying) -> list[InputError]:
    by_code = to == Status.REJECTED and saying.reason
    if move.needs_text and not saying.text.strip() and not by_code:
        return [InputError("/text", "required", f"Say why: {to} needs a text that the resident reads.")]
    if saying.reason and to not in (Status.REJECTED, Status.ON_HOLD):
        return [InputError("/reason", "not_taken", f"Moving to {to} takes no reason.")]
    if saying.responsible and not by_code:
        return [InputError("/responsible", "not_taken", "Only a rejection with a reason says who is responsible.")]
    return []


def _wrong_resolution(request: ServiceRequest, move: Move, to: Status, resolution: str) -> list[InputError]:
    allowed = allowed_resolutions(request)
    choices = ", ".join(allowed)
    if move.needs_resolution and not resolution:
        return [InputError("/resolution", "required", f"Say how it ended: one of {choices}.")]
    if move.needs_resolution and resolution not in allowed:
        return [InputError("/resolution", "unknown_value", f"{resolution!r} is not one of {choices}.")]
    if resolution and not move.needs_resolution:
        return [InputError("/resolution", "not_taken", f"Moving to {to} takes no resolution.")]
    return []


def _wrong_hold(to: Status, saying: Saying) -> list[InputError]:
    if to != Status.ON_HOLD:
        return [InputError("/until", "not_taken", f"Moving to {to} takes no day.")] if saying.until else []
    errors = []
    if saying.reason and saying.reason not in HoldReason.values:
        choices = ", ".join(HoldReason.values)
        errors.append(InputError("/reason", "unknown_value", f"{saying.reason!r} is not one of {choices}."))
    if saying.until and saying.until <= timezone.now():
        errors.append(InputError("/until", "in_the_past", "Put it off to a moment that is still to come."))
    return errors
