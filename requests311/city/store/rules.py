from collections.abc import Iterable
from datetime import date

from requests311.city.difference import Difference, save
from requests311.city.rules import Rule
from requests311.city.store.areas import Stored
from requests311.models import Department, Jurisdiction, RoutingRule, Service

#: What makes two rules one and the same; the department and the last day are what may change of it.
Key = tuple[str, str, int | None, str, str, str, int, date | None]


def store_rules(
    jurisdiction: Jurisdiction,
    rules: Iterable[Rule],
    services: dict[str, Service],
    departments: dict[str, Department],
    areas: Stored,
    difference: Difference,
) -> None:
    """The rules of the files and no others: routing has one author."""
    there = {
        _key_of(row): row
        for row in RoutingRule.objects.filter(jurisdiction=jurisdiction)
        .select_related("service", "department", "area")
        .defer("area__boundary")
    }
    wanted = {_key(rule, areas): rule for rule in rules}
    for key in [key for key in there if key not in wanted]:
        row = there[key]
        row.delete()
        difference.removed(f"rule {row}", "deleted")
    new = []
    for key, rule in wanted.items():
        department = departments[rule.department]
        if key in there:
            row = there[key]
            what = f"rule {rule}"
            difference.changed(what, save(row, {"department": department, "valid_to": rule.valid_to}))
        else:
            new.append(_row(jurisdiction, rule, services, department, areas))
            difference.created(f"rule {new[-1]}")
    RoutingRule.objects.bulk_create(new)


def _key_of(row: RoutingRule) -> Key:
    service = row.service.code if row.service else ""
    return service, row.group, row.area_id, row.asset_kind, row.attribute, row.value, row.rank, row.valid_from


def _key(rule: Rule, areas: Stored) -> Key:
    area = areas[rule.area].pk if rule.area else None
    return rule.service, rule.group, area, rule.asset_kind, rule.attribute, rule.value, rule.rank, rule.valid_from


def _row(
    jurisdiction: Jurisdiction,
    rule: Rule,
    services: dict[str, Service],
    department: Department,
    areas: Stored,
) -> RoutingRule:
    return RoutingRule(
        jurisdiction=jurisdiction,
        service=services[rule.service] if rule.service else None,
        group=rule.group,
        area=areas[rule.area] if rule.area else None,
        asset_kind=rule.asset_kind,
        attribute=rule.attribute,
        value=rule.value,
        department=department,
        rank=rule.rank,
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
    )
