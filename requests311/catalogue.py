"""What a jurisdiction offers and who answers for it, kept in memory until the database says it moved.

Every report needs services, attributes, rules and departments, and they change a few times a month.
`Jurisdiction.catalogue_version` comes with the look-up of the place, so keeping them costs no statement
and never answers from an old catalogue.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from types import MappingProxyType

from requests311.models import Attribute, Department, EscalationStep, Jurisdiction, RoutingRule, Service


@dataclass(frozen=True)
class Offer:
    """A service with its questions in order, and the areas (ids) it is offered in; none means everywhere."""

    service: Service
    attributes: tuple[Attribute, ...]
    area_ids: frozenset[int]

    def offered_in(self, area_ids: frozenset[int]) -> bool:
        return not self.area_ids or bool(self.area_ids & area_ids)


@dataclass(frozen=True)
class Catalogue:
    """An immutable picture of one jurisdiction: active services, rules (most specific first), active departments."""

    version: int
    jurisdiction: Jurisdiction
    offers: Mapping[str, Offer]
    rules: tuple[RoutingRule, ...]
    departments: Mapping[str, Department]
    desk: Department | None
    steps: tuple[EscalationStep, ...] = ()


_kept: dict[int, Catalogue] = {}


def catalogue_of(jurisdiction: Jurisdiction) -> Catalogue:
    """The catalogue at the version that `jurisdiction` carries, read anew where another one is kept.

    The jurisdiction itself is always the caller's: no trigger watches its own calendar and time zone.
    """
    kept = _kept.get(jurisdiction.pk)
    if kept is None or kept.version != jurisdiction.catalogue_version:
        kept = _kept[jurisdiction.pk] = _read(jurisdiction)
    return replace(kept, jurisdiction=jurisdiction)


def forget() -> None:
    """Keeps nothing, as a process that has just started."""
    _kept.clear()


def most_specific_first(rules: Iterable[RoutingRule]) -> tuple[RoutingRule, ...]:
    """The order in which they are asked; one that is not saved yet is the youngest."""
    # Two that tie in spite of `RoutingRule.clean` (a race, plain SQL): the older one, always.
    by_age = sorted(rules, key=lambda rule: rule.pk or inf)
    return tuple(sorted(by_age, key=RoutingRule.specificity, reverse=True))


def _read(jurisdiction: Jurisdiction) -> Catalogue:
    services = (
        Service.objects.filter(jurisdiction=jurisdiction, active=True)
        .prefetch_related("attributes", "servicearea_set")
        .order_by("group", "name")
    )
    rules = (
        RoutingRule.objects.filter(jurisdiction=jurisdiction)
        .select_related("service", "department", "area")
        .defer("area__boundary")
        .prefetch_related("service__attributes")
    )
    departments = Department.objects.filter(jurisdiction=jurisdiction, active=True)
    by_code = MappingProxyType({department.code: department for department in departments})
    return Catalogue(
        version=jurisdiction.catalogue_version,
        jurisdiction=jurisdiction,
        offers=MappingProxyType({service.code: _offer(service) for service in services}),
        rules=most_specific_first(rules),
        departments=by_code,
        desk=next((department for department in by_code.values() if department.is_dispatch_desk), None),
        steps=tuple(EscalationStep.objects.filter(jurisdiction=jurisdiction)),
    )


def _offer(service: Service) -> Offer:
    return Offer(
        service=service,
        attributes=tuple(sorted(service.attributes.all(), key=lambda attribute: attribute.order)),
        area_ids=frozenset(row.area_id for row in service.servicearea_set.all()),
    )
