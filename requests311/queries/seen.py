"""A request as far as a resident may know of it."""

from accounts.models import User
from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import ServiceRequest


def seen(by: User, key: str) -> ServiceRequest:
    """Raises NotFound for one that is absent or not theirs to see."""
    request = ServiceRequest.objects.visible_to(Actor(by)).by_id_or_number(key).first()
    if request is None:
        raise NotFound
    return request
