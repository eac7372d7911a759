"""A new rule changes nothing that it is not about."""

from datetime import date, timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from geo.models import Area
from requests311.catalogue import Catalogue
from requests311.models import Department, Jurisdiction, RoutingRule, Service
from requests311.routing import route

TODAY = date(2026, 11, 21)
WARDS = [Area(pk=number, kind="ward", square_metres=100.0 * number) for number in (1, 2, 3)]
SERVICES = [Service(pk=1, name="a", group="A"), Service(pk=2, name="b", group="A"), Service(pk=3, name="c", group="B")]
DEPARTMENTS = [Department(pk=number, name=f"department {number}") for number in range(1, 7)]
JURISDICTION = Jurisdiction(name="Anywhere")


@st.composite
def wide_rules(draw: st.DrawFn) -> RoutingRule:
    service = draw(st.sampled_from([None, *SERVICES]))
    return RoutingRule(
        pk=draw(st.integers(1, 10**6)),
        service=service,
        group="" if service else draw(st.sampled_from(["", "A", "B"])),
        area=draw(st.sampled_from([None, *WARDS])),
        rank=draw(st.integers(-1, 1)),
        department=draw(st.sampled_from(DEPARTMENTS)),
        valid_from=draw(st.sampled_from([None, TODAY, TODAY + timedelta(days=1)])),
    )


def picture(rules: list[RoutingRule]) -> Catalogue:
    ordered = tuple(sorted(rules, key=RoutingRule.specificity, reverse=True))
    return Catalogue(
        version=1, jurisdiction=JURISDICTION, offers={}, rules=ordered, departments={}, desk=Department(pk=99)
    )


@given(st.lists(wide_rules(), max_size=6), wide_rules())
def test_a_new_rule_changes_nothing_that_it_is_not_about(rules: list[RoutingRule], added: RoutingRule) -> None:
    for service, area in product(SERVICES, WARDS):
        before = route(picture(rules), service, area_ids={area.pk}, answers={}, on=TODAY)
        after = route(picture([*rules, added]), service, area_ids={area.pk}, answers={}, on=TODAY)
        about = (
            added.service in (None, service)
            and added.group in ("", service.group)
            and added.area in (None, area)
            and added.valid_from in (None, TODAY)
        )
        assert after == before or (about and after.rule_id == added.pk)
