"""The standard texts that a caller may use, most specific first, filled where a request is named."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from requests311.actors import Actor
from requests311.errors import NotAllowed, NotFound
from requests311.models import Department, Membership, ServiceRequest, StandardText
from requests311.policies import ROLES, Permission, Role
from requests311.standard_texts import fill, missing

#: The greatest rank that a text can have: for all departments and every service.
LAST_RANK = 5


@dataclass(frozen=True)
class Fitting:
    """A text that the caller may use, and how it reads for the request that was named."""

    text: StandardText
    #: 0 is the most specific; with the id it is the place in the list.
    rank: int
    #: None where no request was named.
    filled: str | None = None
    #: Placeholders that the request has no value for.
    missing: tuple[str, ...] = ()


def texts_for(
    actor: Actor,
    *,
    status: str = "",
    service: str = "",
    language: str = "",
    request: str = "",
    after: tuple[int, UUID] | None = None,
    limit: int,
) -> list[Fitting]:
    """The texts that the caller's memberships reach and that fit, most specific first, then oldest first.

    Department and service before service alone, then department alone, then neither; a unit's own before its
    agency's. `service` is a code; texts for every service fit too. `language` is a BCP 47 tag; texts in what is a
    kind of it fit too ("es" finds "es-419"). `after` is (rank, id) of the last text seen. With `request`, an id or
    number, only what fits it, filled; without, whoever may change a text also gets it while it is switched off.
    Raises NotAllowed for a caller who reads no standard texts or does not work on that request, NotFound for a
    request that is not theirs to see.
    """
    _check_reader(actor)
    named = _request(actor, request) if request else None
    texts = _within_reach(actor).filter(_fits(named) if named else _on(actor))
    if status:
        texts = texts.filter(status=status)
    if service:
        texts = texts.filter(Q(service=None) | Q(service__code=service))
    if language:
        # Basic filtering, RFC 4647 §3.3.1.
        texts = texts.filter(Q(language__iexact=language) | Q(language__istartswith=f"{language}-"))
    ranked = texts.annotate(rank=_rank(named)).order_by("rank", "id")
    if after is not None:
        rank, id_ = after
        ranked = ranked.filter(Q(rank__gt=rank) | Q(rank=rank, id__gt=id_))
    return [_fitting(text, text.rank, named) for text in ranked[:limit]]


def text_of(actor: Actor, *, id: UUID, lock: bool = False) -> StandardText:
    """One text as it is written, with `lock` nobody else's until COMMIT.

    Raises NotAllowed for a caller who reads no standard texts, NotFound where it is out of their reach.
    """
    _check_reader(actor)
    texts = _within_reach(actor).filter(_on(actor), pk=id)
    text = (texts.select_for_update(of=("self",), no_key=True) if lock else texts).first()
    if text is None:
        raise NotFound
    return text


def _check_reader(actor: Actor) -> None:
    if not actor.has(Permission.READ_TEMPLATES):
        raise NotAllowed("Standard texts are for the staff of a city.")


def _request(actor: Actor, key: str) -> ServiceRequest:
    found = (
        ServiceRequest.objects.visible_to(actor)
        .by_id_or_number(key)
        .select_related("service", "department", "jurisdiction")
        .first()
    )
    if found is None:
        raise NotFound
    if Permission.WORK not in actor.permissions_on(found):
        raise NotAllowed("You do not work on this request.")
    return found


def _within_reach(actor: Actor) -> "QuerySet[StandardText]":
    """What the caller's memberships reach: the texts of a department, of its units and of its agency, and those for
    all departments of its jurisdiction; every text of a jurisdiction where the membership is for all of it."""
    reach = Q(pk__in=[])
    for membership in _granting(actor.memberships, Permission.READ_TEMPLATES):
        place = Q(jurisdiction=membership.jurisdiction_id)
        if membership.department_id is not None:
            near = Department.objects.filter(
                Q(pk=membership.department_id) | Q(parent=membership.department_id) | Q(units=membership.department_id)
            )
            place &= Q(department=None) | Q(department__in=near.values("pk"))
        reach |= place
    return StandardText.objects.filter(reach).select_related("jurisdiction", "department", "service")


def _on(actor: Actor) -> Q:
    """Those that are switched on, and of the others those that the caller may switch on again."""
    on = Q(active=True)
    for membership in _granting(actor.memberships, Permission.MANAGE_TEMPLATES):
        place = Q(jurisdiction=membership.jurisdiction_id)
        if membership.department_id is not None:
            place &= Q(department=membership.department_id) | Q(department__parent=membership.department_id)
        on |= place
    return on


def _granting(memberships: Iterable[Membership], permission: Permission) -> list[Membership]:
    return [membership for membership in memberships if permission in ROLES[Role(membership.role)]]


def _fits(request: ServiceRequest) -> Q:
    departments = [pk for pk in (request.department_id, request.department.parent_id) if pk is not None]
    return (
        Q(active=True, jurisdiction=request.jurisdiction_id)
        & (Q(department=None) | Q(department__in=departments))
        & (Q(service=None) | Q(service=request.service_id))
    )


def _rank(request: ServiceRequest | None) -> Case:
    some, every = Q(service__isnull=False), Q(service=None)
    # Without a request there is no department to be near to.
    own = Q(department__isnull=False) if request is None else Q(department=request.department_id)
    order = [some & own, some & Q(department__isnull=False), some, every & own, every & Q(department__isnull=False)]
    return Case(
        *(When(condition, then=Value(rank)) for rank, condition in enumerate(order)),
        default=Value(LAST_RANK),
        output_field=IntegerField(),
    )


def _fitting(text: StandardText, rank: int, request: ServiceRequest | None) -> Fitting:
    if request is None:
        return Fitting(text, rank)
    return Fitting(text, rank, fill(text.text, request, text.language), tuple(missing(text.text, request)))
