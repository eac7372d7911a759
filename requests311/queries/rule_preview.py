"""What the routing rules make of a report that nobody sent, and of the newest reports if a rule were another.

All by `routing.route`, as a report is routed; nothing is written, and nobody is alerted.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.gis.geos import Point
from django.db import connection
from django.db.models import prefetch_related_objects

from geo.assets import NamedAsset
from requests311.areas import today_in
from requests311.assets import check_asset
from requests311.attributes import check_answers
from requests311.catalogue import Catalogue, catalogue_of, most_specific_first
from requests311.errors import InputError, ServiceNotOffered
from requests311.models import Jurisdiction, RoutingRule, Service
from requests311.places import AreaHere, locate, offer_at
from requests311.routing import Decision, Mismatch, mismatch, problem_of, route
from requests311.statuses import Status

#: Requests that a change of the rules is held against.
LOOKED_AT = 1000

#: What the lesser of two rules lacks, for each part of `RoutingRule.specificity`.
_LESS = (
    "its rank is lower",
    "it is about more services",
    "it asks for no kind of thing",
    "it asks for no answer",
    "its area is larger",
)


@dataclass(frozen=True)
class Considered:
    """A rule for the service that did not decide, and why not."""

    rule: RoutingRule
    fits: bool
    why_not: str


@dataclass(frozen=True)
class Trial:
    """Who would get a report, and what became of every rule.

    `others` are the rules for this service, most specific first; `elsewhere` counts those for other services.
    """

    decision: Decision
    on: date
    areas: tuple[AreaHere, ...]
    rule: RoutingRule | None
    others: tuple[Considered, ...]
    elsewhere: int


@dataclass(frozen=True)
class Moved:
    """A request that would go to another department; `place` are the names of its areas."""

    id: UUID
    number: str
    service: str
    place: str
    before: str
    after: str
    reason: str


@dataclass(frozen=True)
class Flow:
    """How many would go from one department to another."""

    before: str
    after: str
    count: int


@dataclass(frozen=True)
class Change:
    """What another rule would do to the newest requests, had they been made on the day `on`.

    `stay` keep their department, `otherwise` of them for another reason. `moved` is newest first, `flows` largest
    first.
    """

    jurisdiction: Jurisdiction
    on: date
    looked_at: int
    stay: int
    otherwise: int
    moved: tuple[Moved, ...]
    flows: tuple[Flow, ...]


def try_rule(
    *,
    service: Service,
    point: Point,
    answers: Mapping[str, Any] | None = None,
    asset_kind: str = "",
    on: date | None = None,
) -> Trial:
    """Where a report of the service at the WGS 84 point would go on a day, today where it is not said.

    Answers that the service requires may be missing. A thing is one of that kind without an owner. Raises what
    `submit` raises: OutsideEveryJurisdiction, ServiceNotOffered, Invalid, NoDispatchDesk.
    """
    home = service.jurisdiction
    place = locate(point, sandbox=home.sandbox, on=on)
    catalogue, offer = offer_at(place, service.code)
    jurisdiction = catalogue.jurisdiction
    if jurisdiction.pk != home.pk:
        raise _someone_elses(service, jurisdiction)
    asset = _thing(asset_kind, jurisdiction, point)
    if asset is not None:
        check_asset(catalogue, offer, asset)
    on = on or today_in(jurisdiction)
    case = _Case(place.area_ids(jurisdiction), check_answers(offer, answers or {}, partly=True), asset)
    decision = _decide(catalogue, offer.service, case, on)
    deciding, others, elsewhere = _judge(catalogue, offer.service, case, on)
    return Trial(decision, on, place.areas[jurisdiction.pk], deciding, others, elsewhere)


def what_would_change(
    *, jurisdiction: Jurisdiction, replaced: int | None, by: RoutingRule | None, on: date | None = None
) -> Change:
    """The newest LOOKED_AT requests routed by the rules as they are and by the rules as they would be.

    `replaced` is the id of the rule that goes, `by` the one that comes, saved or not. Only requests that one of the
    two can be about are looked at: of its service or group, if it names one. They lie in the areas that they lay in
    when they were submitted. Without `on` the day is that on which the rule takes effect, today at the earliest.
    Two statements beside the catalogue's own. Raises NoDispatchDesk.
    """
    catalogue = catalogue_of(jurisdiction)
    gone = [rule for rule in catalogue.rules if rule.pk == replaced]
    new = [_ready(by)] if by is not None else []
    before = catalogue.rules
    after = most_specific_first([*(rule for rule in before if rule.pk != replaced), *new])
    starts = [rule.valid_from for rule in new or gone if rule.valid_from is not None]
    on = on or max([today_in(jurisdiction), *starts])
    requests = _newest(jurisdiction, [*gone, *new])
    area_ids = _area_ids(jurisdiction, [*before, *new])
    now, then = _router(catalogue, before, on), _router(catalogue, after, on)
    moved, otherwise = [], 0
    for request in requests:
        case = _Case(frozenset({jurisdiction.boundary_id, *area_ids(request)}), request.answers, request.asset)
        one, other = now(request.service, case), then(request.service, case)
        if one.department.pk != other.department.pk:
            moved.append(_moved(request, one, other))
        elif one.reason != other.reason:
            otherwise += 1
    flows = Counter((each.before, each.after) for each in moved)
    return Change(
        jurisdiction=jurisdiction,
        on=on,
        looked_at=len(requests),
        stay=len(requests) - len(moved),
        otherwise=otherwise,
        moved=tuple(moved),
        flows=tuple(Flow(before, after, count) for (before, after), count in flows.most_common()),
    )


class _Case(NamedTuple):
    """What `route` asks of a report."""

    area_ids: frozenset[int]
    answers: Mapping[str, Any]
    asset: NamedAsset | None


def _nobody(reason: str, **fields: Any) -> None:
    """A preview is not a report: what it meets is on the page, and no alarm."""


def _decide(catalogue: Catalogue, service: Service, case: _Case, on: date) -> Decision:
    return route(catalogue, service, **case._asdict(), on=on, tell=_nobody)


def _someone_elses(service: Service, jurisdiction: Jurisdiction) -> ServiceNotOffered:
    detail = f"At this place {service.code!r} is offered by {jurisdiction.name}, not by {service.jurisdiction.name}."
    return ServiceNotOffered(detail, errors=[InputError("/service", "service_not_offered", detail)])


def _thing(kind: str, jurisdiction: Jurisdiction, point: Point) -> NamedAsset | None:
    if not kind:
        return None
    return NamedAsset(UUID(int=0), jurisdiction.boundary_id, kind, "", "", "", False, point, None)


def _judge(
    catalogue: Catalogue, service: Service, case: _Case, on: date
) -> tuple[RoutingRule | None, tuple[Considered, ...], int]:
    """The rule that decides, the others for this service with what they lack, and how many are for other services."""
    first: RoutingRule | None = None
    others, elsewhere = [], 0
    for rule in catalogue.rules:
        why_not = mismatch(rule, service, **case._asdict(), on=on)
        if why_not in (Mismatch.SERVICE, Mismatch.GROUP):
            elsewhere += 1
        elif why_not is not None:
            others.append(
                Considered(rule, False, f"it is {why_not}" if why_not != Mismatch.ANSWER else f"it {why_not}")
            )
        elif first is not None:
            others.append(Considered(rule, True, _lost(rule, first)))
        else:
            first = rule
            if problem := problem_of(rule):
                others.append(Considered(rule, True, f"it cannot be read: {problem}"))
    deciding = first if first is not None and not problem_of(first) else None
    return deciding, tuple(others), elsewhere


def _lost(rule: RoutingRule, first: RoutingRule) -> str:
    parts = zip(_LESS, rule.specificity(), first.specificity(), strict=True)
    less = next((less for less, own, other in parts if own != other), "it ties, and is the younger one")
    return f"rule {first.pk} comes before it: {less}"


def _ready(rule: RoutingRule) -> RoutingRule:
    """A copy whose questions are read at once, and not for every request."""
    rule = copy(rule)
    if rule.service is not None:
        prefetch_related_objects([rule.service], "attributes")
    return rule


class _Request(NamedTuple):
    id: UUID
    number: str
    areas: list[dict[str, str]]
    answers: dict[str, Any]
    service: Service
    asset: NamedAsset | None


# The newest of each service and status come straight out of an index, however rare the service is and however
# small the city beside others; then the newest of those.
_NEWEST = f"""
SELECT r.id, r.number, r.areas, r.attributes, s.id, s.name, s."group", a.id, a.kind, a.code, a.owner
FROM (
    SELECT newest.id FROM requests311_service s
    CROSS JOIN unnest(%(statuses)s::text[]) AS known (status)
    CROSS JOIN LATERAL (
        SELECT q.id FROM requests311_servicerequest q WHERE q.service_id = s.id AND q.status = known.status
        ORDER BY q.id DESC LIMIT {LOOKED_AT}
    ) newest
    WHERE s.jurisdiction_id = %(jurisdiction)s
        AND (%(every)s OR s.id = ANY(%(services)s::bigint[]) OR s."group" = ANY(%(groups)s::text[]))
    ORDER BY newest.id DESC LIMIT {LOOKED_AT}
) chosen
JOIN requests311_servicerequest r ON r.id = chosen.id
JOIN requests311_service s ON s.id = r.service_id
LEFT JOIN geo_asset a ON a.id = r.asset_id
ORDER BY r.id DESC
"""  # noqa: S608 (our own constants)


def newest_about(jurisdiction: Jurisdiction, rules: Sequence[RoutingRule]) -> tuple[str, dict[str, Any]]:
    """The statement, and its parameters, for the newest LOOKED_AT requests that one of the rules can be about."""
    return _NEWEST, {
        "statuses": [status.value for status in Status],
        "jurisdiction": jurisdiction.pk,
        "every": any(rule.service_id is None and not rule.group for rule in rules),
        "services": [rule.service_id for rule in rules if rule.service_id is not None],
        "groups": [rule.group for rule in rules if rule.group],
    }


def _newest(jurisdiction: Jurisdiction, rules: Sequence[RoutingRule]) -> list[_Request]:
    with connection.cursor() as cursor:
        cursor.execute(*newest_about(jurisdiction, rules))
        return [_request(jurisdiction, row) for row in cursor.fetchall()]


def _request(jurisdiction: Jurisdiction, row: Sequence[Any]) -> _Request:
    id, number, areas, answers, service_id, name, group, asset_id, kind, code, owner = row
    asset = None
    if asset_id is not None:
        # Whether it is retired, or too far away, was asked when the report was made.
        asset = NamedAsset(asset_id, jurisdiction.boundary_id, kind, code, "", owner, False, Point(), None)
    service = Service(pk=service_id, name=name, group=group)
    return _Request(id, number, json.loads(areas), json.loads(answers), service, asset)


def _area_ids(jurisdiction: Jurisdiction, rules: list[RoutingRule]) -> Callable[[_Request], list[int]]:
    """From the areas that a request lies in to the ids of those that a rule asks for; no statement."""
    ids = {
        (rule.area.kind, rule.area.code): rule.area.pk
        for rule in rules
        if rule.area is not None and rule.area.parent_id == jurisdiction.boundary_id
    }

    def of(request: _Request) -> list[int]:
        keys = ((area["kind"], area["code"]) for area in request.areas)
        return [ids[key] for key in keys if key in ids]

    return of


def _router(catalogue: Catalogue, rules: tuple[RoutingRule, ...], on: date) -> Callable[[Service, _Case], Decision]:
    """Routes by these rules; those for other services are left out once, and not asked for every request."""
    kept: dict[int, Catalogue] = {}

    def decide(service: Service, case: _Case) -> Decision:
        if service.pk not in kept:
            kept[service.pk] = replace(catalogue, rules=tuple(rule for rule in rules if _is_for(rule, service)))
        return _decide(kept[service.pk], service, case, on)

    return decide


def _is_for(rule: RoutingRule, service: Service) -> bool:
    return rule.service_id in (None, service.pk) and rule.group in ("", service.group)


def _moved(request: _Request, before: Decision, after: Decision) -> Moved:
    return Moved(
        id=request.id,
        number=request.number,
        service=request.service.name,
        place=", ".join(area["name"] for area in request.areas),
        before=before.department.name,
        after=after.department.name,
        reason=after.reason,
    )
