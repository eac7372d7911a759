"""Requests that went on to a department's own system, which answered with a token."""

from django.utils import timezone

from requests311.models import Connector, ConnectorKind, Forward, ForwardState, ServiceRequest


def answered_with_token(request: ServiceRequest, token: str) -> Forward:
    """The request's department has a connector, which got this token; none where it is empty."""
    connector, _ = Connector.objects.get_or_create(
        department=request.department, defaults={"kind": ConnectorKind.OPEN311, "url": "https://x.example/open311/v2"}
    )
    state = ForwardState.TOKEN if token else ForwardState.WAITING
    now = timezone.now()
    sent_at = now if token else None
    return Forward.objects.create(request=request, connector=connector, state=state, token=token, sent_at=sent_at)
