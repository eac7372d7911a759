"""The webhooks that a caller may know of."""

from uuid import UUID

from django.db.models import Q, QuerySet

from requests311.actors import Actor
from requests311.errors import NotAllowed, NotFound
from requests311.models import Webhook
from requests311.policies import ROLES, Permission, Role

_DETAIL = "Webhooks are for managers of a department, auditors and administrators."


def readable_webhooks(by: Actor) -> "QuerySet[Webhook]":
    """With jurisdiction and department at hand. Raises NotAllowed for somebody who may read none anywhere."""
    if not by.has(Permission.READ_WEBHOOKS):
        raise NotAllowed(_DETAIL)
    covered = Q(pk__in=[])
    for row in by.memberships:
        if Permission.READ_WEBHOOKS in ROLES[Role(row.role)]:
            here = Q(jurisdiction=row.jurisdiction_id)
            if row.department_id is not None:
                # A member of an agency works for its units too.
                here &= Q(department=row.department_id) | Q(department__parent=row.department_id)
            covered |= here
    return Webhook.objects.filter(covered, deleted_at=None).select_related("jurisdiction", "department")


def readable_webhook(by: Actor, webhook_id: UUID) -> Webhook:
    """Raises NotAllowed, and NotFound for one that is absent or not theirs to see."""
    found = readable_webhooks(by).filter(pk=webhook_id).first()
    if found is None:
        raise NotFound
    return found


def managed_webhook(by: Actor, webhook_id: UUID) -> Webhook:
    """As `readable_webhook`; NotAllowed too for who may read it and no more."""
    found = readable_webhook(by, webhook_id)
    check_manages(by, found)
    return found


def check_manages(by: Actor, webhook: Webhook) -> None:
    """Needs its department at hand; raises NotAllowed."""
    if not by.may_at(
        Permission.MANAGE_WEBHOOKS, jurisdiction_id=webhook.jurisdiction_id, department=webhook.department
    ):
        raise NotAllowed("Your role does not allow to change the webhooks of this department or jurisdiction.")
