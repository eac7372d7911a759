"""A request becomes more urgent, or less."""

from django.db import transaction

from requests311 import changes
from requests311.actors import Actor
from requests311.models import Audience, EventKind, ServiceRequest
from requests311.policies import Permission
from requests311.statuses import Priority


@transaction.atomic(savepoint=False)
def prioritise(*, by: Actor, key: str, if_version: int, priority: Priority) -> ServiceRequest:
    """Says how urgent it is. Raises NotFound, NotAllowed, StaleVersion."""
    request = changes.to_change(by, key, Permission.ASSIGN, if_version)
    before, request.priority = Priority(request.priority), priority
    changes.write(
        request,
        EventKind.PRIORITISED,
        by=by.user,
        columns=("priority",),
        audience=Audience.STAFF,
        data={"priority": priority.name.lower(), "before": before.name.lower()},
        batch=by.batch,
    )
    return request
