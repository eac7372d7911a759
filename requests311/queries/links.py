"""What a signed link shows to whoever holds it."""

from django.utils import timezone

from requests311 import links
from requests311.errors import LinkOver, NotFound
from requests311.models import Handover, Question, ServiceRequest
from requests311.statuses import OPEN, Status


def read_question(token: str) -> Question:
    """What a link asks, with its request and service at hand. Raises NotFound."""
    question = (
        Question.objects.select_related("request__service", "request__jurisdiction")
        .filter(pk=links.id_of(links.Purpose.ANSWER, token))
        .first()
    )
    if question is None:
        raise NotFound
    return question


def read_handover(token: str) -> Handover:
    """What a link shows, with request, service and department at hand. Raises NotFound, LinkOver."""
    handover = (
        Handover.objects.select_related("request__service", "request__department", "request__jurisdiction")
        .filter(pk=links.id_of(links.Purpose.HANDOVER, token))
        .first()
    )
    if handover is None:
        raise NotFound
    check_good(handover, handover.request)
    return handover


def check_good(handover: Handover, request: ServiceRequest) -> None:
    """Raises LinkOver for a link that was revoked, has expired, or is about a request that is over."""
    if handover.revoked_at is not None or handover.expires_at <= timezone.now():
        raise LinkOver
    if Status(request.status) not in OPEN:
        raise LinkOver("This request is over; there is nothing left to do.")
