"""What hangs on a request for its staff: its tasks, and whom it was handed over to."""

from collections.abc import Sequence

from requests311.actors import Actor
from requests311.errors import NotAllowed, NotFound
from requests311.models import Handover, ServiceRequest
from requests311.policies import Permission


def read_tasks(key: str, *, actor: Actor) -> Sequence[ServiceRequest]:
    """Tasks of the request, with service and department at hand, in the order they were made.

    Whoever works on the request sees what became of each, whichever department has it. Raises NotFound, NotAllowed.
    """
    request = _for_staff(key, actor)
    return list(ServiceRequest.objects.filter(parent=request.pk).select_related("department", "service").order_by("pk"))


def read_handovers(key: str, *, actor: Actor) -> Sequence[Handover]:
    """The newest first. Raises NotFound, NotAllowed."""
    return list(_for_staff(key, actor).handovers.order_by("-pk"))


def _for_staff(key: str, actor: Actor) -> ServiceRequest:
    request = ServiceRequest.objects.visible_to(actor).by_id_or_number(key).select_related("department").first()
    if request is None:
        raise NotFound
    if Permission.READ_INTERNAL not in actor.permissions_on(request):
        raise NotAllowed
    return request
