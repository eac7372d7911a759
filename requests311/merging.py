"""What joining two requests and taking them apart have in common: which rows, locked how, and what was changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from requests311 import promises
from requests311.actors import Actor
from requests311.conditions import by_id_or_number
from requests311.models import ServiceRequest

#: Of a race that somebody else won; each try waits for a lock.
TRIES = 3

_MOMENTS = ("closed_at", "hold_until", *promises.PROMISED)
PICTURE = ("status", "held_from", "hold_reason", "pauses", *_MOMENTS)


def joined_to(request_id: UUID) -> list[UUID]:
    return list(ServiceRequest.objects.filter(duplicate_of=request_id).order_by("pk").values_list("pk", flat=True))


def named(by: Actor, key: str) -> tuple[UUID, UUID | None] | None:
    found = ServiceRequest.objects.visible_to(by).filter(by_id_or_number(key).expression())
    return found.values_list("pk", "duplicate_of").first()


def picture(request: ServiceRequest) -> dict[str, Any]:
    """What a merge changes of the duplicate, as JSON."""
    values = {name: getattr(request, name) for name in PICTURE}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def restore(request: ServiceRequest, before: dict[str, Any]) -> None:
    for name in PICTURE:
        value = before[name]
        is_moment = isinstance(value, str) and name in _MOMENTS
        setattr(request, name, datetime.fromisoformat(value) if is_moment else value)
    request.duplicate_of = None
