"""Place + service + answers → department, and the reason.

A thing that the report names goes to the department that owns it, which is more specific than any rule. Then the most
specific rule wins (`RoutingRule.specificity`). What no rule catches goes to the jurisdiction's dispatch desk,
because a report is never lost for want of a rule; what a broken rule would catch goes there too, loudly.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from geo.assets import NamedAsset
from notifications.alerts import alert
from requests311.catalogue import Catalogue
from requests311.errors import NoDispatchDesk
from requests311.models import Department, RoutingRule, Service


@dataclass(frozen=True)
class Decision:
    """Who gets it. `reason` completes the sentence "… has it, because …"."""

    department: Department
    reason: str
    rule_id: int | None


class Mismatch(StrEnum):
    """Why a rule is not about a report."""

    SERVICE = "about another service"
    GROUP = "about another group of services"
    AREA = "about another area"
    NOT_YET = "not in force yet"
    NO_LONGER = "no longer in force"
    ASSET = "about another kind of thing"
    ANSWER = "asks for another answer"


def route(
    catalogue: Catalogue,
    service: Service,
    *,
    area_ids: Collection[int],
    answers: Mapping[str, Any],
    on: date,
    asset: NamedAsset | None = None,
    tell: Callable[..., None] = alert,
) -> Decision:
    """Decides by the owner of the asset that the report names, or else on the catalogue's rules.

    `area_ids` are all areas that hold the place, `on` is the local date of the jurisdiction. `tell` is called with
    what a person must look at. Raises NoDispatchDesk where nothing fits and the jurisdiction has no desk.
    """
    if asset is None or not asset.owner:
        return _by_rules(catalogue, service, area_ids, answers, on, asset, tell)
    owner = catalogue.departments.get(asset.owner)
    if owner is not None:
        return Decision(owner, f"{asset.title} belongs to {owner.name}", None)
    tell("asset_owner_unknown", asset=str(asset.id), owner=asset.owner)
    decision = _by_rules(catalogue, service, area_ids, answers, on, asset, tell)
    unknown = f"{asset.title} belongs to {asset.owner!r}, which is no active department"
    return replace(decision, reason=f"{decision.reason}; {unknown}")


def _by_rules(
    catalogue: Catalogue,
    service: Service,
    area_ids: Collection[int],
    answers: Mapping[str, Any],
    on: date,
    asset: NamedAsset | None,
    tell: Callable[..., None],
) -> Decision:
    for rule in catalogue.rules:
        if mismatch(rule, service, area_ids=area_ids, answers=answers, on=on, asset=asset) is not None:
            continue
        if problem := problem_of(rule):
            tell("routing_rule_unreadable", rule=rule.pk, problem=problem)
            return _to_desk(catalogue, f"{_named(rule)} cannot be read ({problem}), so the dispatch desk decides")
        return Decision(rule.department, _because(rule), rule.pk)
    return _to_desk(catalogue, f"no rule covers {service.name} at this place, so the dispatch desk decides")


def mismatch(
    rule: RoutingRule,
    service: Service,
    *,
    area_ids: Collection[int],
    answers: Mapping[str, Any],
    on: date,
    asset: NamedAsset | None,
) -> Mismatch | None:
    """The first thing that keeps the rule from such a report; None where it is about it, sound or not."""
    if rule.service_id is not None and rule.service_id != service.pk:
        return Mismatch.SERVICE
    if rule.group and rule.group != service.group:
        return Mismatch.GROUP
    if rule.area_id is not None and rule.area_id not in area_ids:
        return Mismatch.AREA
    if rule.valid_from is not None and rule.valid_from > on:
        return Mismatch.NOT_YET
    if rule.valid_to is not None and on > rule.valid_to:
        return Mismatch.NO_LONGER
    if rule.asset_kind and (asset is None or asset.kind != rule.asset_kind):
        return Mismatch.ASSET
    # Nobody can say which answers an unreadable rule is about, so it is about all of them.
    if not _answer_fits(rule, answers) and not _unreadable(rule):
        return Mismatch.ANSWER
    return None


def problem_of(rule: RoutingRule) -> str:
    """Why a rule cannot decide; empty where it can."""
    problem = _unreadable(rule)
    if not problem and not rule.department.active:
        problem = f"{rule.department.name} is not active"
    return problem


def _unreadable(rule: RoutingRule) -> str:
    """Why nobody can say which answers the rule is about; empty where its condition is sound."""
    if rule.attribute and rule.service is not None:
        attribute = next((a for a in rule.service.attributes.all() if a.code == rule.attribute), None)
        if attribute is None:
            return f"{rule.service.name} has no attribute {rule.attribute}"
        if attribute.values and rule.value not in [value["key"] for value in attribute.values]:
            return f"{rule.attribute} has no value {rule.value}"
    return ""


def _answer_fits(rule: RoutingRule, answers: Mapping[str, Any]) -> bool:
    if not rule.attribute:
        return True
    answer = answers.get(rule.attribute)
    if isinstance(answer, list):
        return rule.value in answer
    return answer is not None and str(answer) == rule.value


def _because(rule: RoutingRule) -> str:
    what = rule.service.name if rule.service else rule.group or "all"
    where = f" in {rule.area.name}" if rule.area else ""
    thing = f" about a {rule.asset_kind.replace('_', ' ')}" if rule.asset_kind else ""
    answer = f" where {rule.attribute} is {rule.value}" if rule.attribute else ""
    return f"{what} reports{where}{thing}{answer} are theirs ({_named(rule)})"


def _named(rule: RoutingRule) -> str:
    return "the new rule" if rule.pk is None else f"rule {rule.pk}"


def _to_desk(catalogue: Catalogue, reason: str) -> Decision:
    if catalogue.desk is None:
        raise NoDispatchDesk(f"{catalogue.jurisdiction.name} has no dispatch desk; load its departments again.")
    return Decision(catalogue.desk, reason, None)
