"""What of a request another system is told."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from requests311.models import Connector, Photo, PhotoAudience, PhotoState, ServiceRequest, Visibility


def service_code(connector: Connector, request: ServiceRequest) -> str:
    """Theirs for ours; needs `request.service`."""
    return str(connector.service_codes.get(request.service.code, request.service.code))


def contact(connector: Connector, request: ServiceRequest) -> dict[str, str]:
    """{"name", "email", "phone"}, what was given of it; nothing unless the connector says that it is passed on."""
    if not connector.share_contact:
        return {}
    given: Mapping[str, Any] = request.contact
    return {name: str(given[name]) for name in ("name", "email", "phone") if given.get(name)}


def photo_urls(request: ServiceRequest) -> Sequence[str]:
    """Where anybody can fetch its photos; none for a private request, nor where this server does not know its name."""
    if not settings.PUBLIC_URL or request.visibility != Visibility.PUBLIC:
        return []
    ready: Sequence[UUID] = list(
        Photo.objects.filter(request=request.pk, state=PhotoState.READY, audience=PhotoAudience.PUBLIC)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    return [f"{settings.PUBLIC_URL}/api/v1/photos/{photo}/large" for photo in ready]
