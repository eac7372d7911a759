"""A department's own system, or a whole jurisdiction's, subscribes to what happens to its requests."""

from collections.abc import Sequence

from django.db import transaction

from requests311.actors import Actor
from requests311.errors import InputError, Invalid, NotAllowed, TooManyWebhooks
from requests311.models import Department, Jurisdiction, Webhook
from requests311.policies import ROLES, Permission, Role
from requests311.queries.webhooks import check_manages
from requests311.webhooks import filters, targets
from requests311.webhooks.filters import AreaName
from requests311.webhooks.signing import new_secret


def create_webhook(
    *,
    by: Actor,
    url: str,
    jurisdiction: str | None = None,
    department: str | None = None,
    description: str = "",
    event_kinds: Sequence[str] = (),
    services: Sequence[str] = (),
    areas: Sequence[AreaName] = (),
    active: bool = True,
) -> Webhook:
    """Its `secret` is for whoever asked, and shown to nobody again. It looks a host up: call it outside a transaction.

    `jurisdiction` and `department` are codes; without a jurisdiction the only one where the caller manages webhooks,
    without a department the whole jurisdiction. Raises NotAllowed, Invalid and TooManyWebhooks.
    """
    if not by.has(Permission.MANAGE_WEBHOOKS):
        raise NotAllowed("Webhooks are for managers of a department and administrators.")
    city = _jurisdiction(by, jurisdiction)
    webhook = Webhook(
        jurisdiction=city,
        department=_department(city, department),
        url=url,
        description=description,
        event_kinds=list(event_kinds),
        services=list(services),
        areas=[str(area) for area in areas],
        secret=new_secret(),
        active=active,
        created_by=by.user,
    )
    check_manages(by, webhook)
    filters.check(city, event_kinds=event_kinds, services=services, areas=areas)
    targets.check(url)
    _save(webhook)
    return webhook


@transaction.atomic
def _save(webhook: Webhook) -> None:
    # Locked, so that two at once do not both find the last place free; reports go on meanwhile.
    Jurisdiction.objects.select_for_update(no_key=True).get(pk=webhook.jurisdiction_id)
    beside = Webhook.objects.filter(
        jurisdiction=webhook.jurisdiction_id, department=webhook.department_id, deleted_at=None
    )
    if beside.count() >= Webhook.AT_MOST:
        raise TooManyWebhooks(f"There are {Webhook.AT_MOST} webhooks already; delete one first.")
    webhook.save(force_insert=True)


def _jurisdiction(by: Actor, code: str | None) -> Jurisdiction:
    if code is not None:
        named = Jurisdiction.objects.filter(code=code).first()
        if named is None:
            raise _invalid("jurisdiction", "unknown_value", "There is no such jurisdiction.")
        return named
    managed = {row.jurisdiction_id for row in by.memberships if Permission.MANAGE_WEBHOOKS in ROLES[Role(row.role)]}
    if len(managed) != 1:
        raise _invalid("jurisdiction", "required", "You manage webhooks in several jurisdictions; say which is meant.")
    return Jurisdiction.objects.get(pk=managed.pop())


def _department(city: Jurisdiction, code: str | None) -> Department | None:
    if code is None:
        return None
    found = Department.objects.filter(jurisdiction=city.pk, code=code).first()
    if found is None:
        raise _invalid("department", "unknown_value", "There is no such department here.")
    return found


def _invalid(name: str, code: str, detail: str) -> Invalid:
    return Invalid(errors=[InputError(f"/{name}", code, detail)])
