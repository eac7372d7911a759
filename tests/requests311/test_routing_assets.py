"""The owner of the thing goes before every rule; rules may ask for a kind of thing."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from django.contrib.gis.geos import Point
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from geo.assets import NamedAsset
from geo.models import Area
from requests311.catalogue import Catalogue
from requests311.models import Department, Jurisdiction, RoutingRule, Service
from requests311.routing import route
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import report

TODAY = date(2026, 11, 21)
JURISDICTION = Jurisdiction(pk=1, name="Smallville")
SERVICE = Service(pk=1, name="Street light out", group="Streets")
WARD = Area(pk=1, name="West", square_metres=1)
LAMP = NamedAsset(UUID(int=1), 1, "street_light", "4711", "", "", False, Point(0, 0, srid=4326), None)
DEPARTMENTS = {code: Department(pk=pk, code=code, name=code.title()) for pk, code in enumerate(("roads", "parks"), 1)}
DESK = Department(pk=9, code="desk", name="Desk")


@st.composite
def rules(draw: st.DrawFn) -> RoutingRule:
    target: dict[str, Any] = draw(st.sampled_from([{}, {"group": "Streets"}, {"service": SERVICE}]))
    return RoutingRule(
        **target,
        area=draw(st.sampled_from([None, WARD])),
        asset_kind=draw(st.sampled_from(["", "street_light", "hydrant"])),
        rank=draw(st.integers(0, 2)),
        department=draw(st.sampled_from([*DEPARTMENTS.values()])),
    )


def picture(drawn: list[RoutingRule]) -> Catalogue:
    return Catalogue(
        version=1,
        jurisdiction=JURISDICTION,
        offers={},
        rules=tuple(sorted(drawn, key=RoutingRule.specificity, reverse=True)),
        departments=DEPARTMENTS,
        desk=DESK,
    )


def decide(catalogue: Catalogue, asset: NamedAsset | None) -> Any:
    return route(catalogue, SERVICE, area_ids={WARD.pk}, answers={}, on=TODAY, asset=asset)


@given(st.lists(rules(), max_size=6), st.sampled_from([*DEPARTMENTS, "", "gone"]), st.booleans())
def test_owner_then_the_most_specific_rule_then_the_desk(drawn: list[RoutingRule], owner: str, named: bool) -> None:
    catalogue = picture(drawn)
    asset = replace(LAMP, owner=owner) if named else None
    decision = decide(catalogue, asset)
    fitting = [rule for rule in drawn if rule.asset_kind in ({"", "street_light"} if named else {""})]
    if named and owner in DEPARTMENTS:
        assert decision.department == DEPARTMENTS[owner]
        assert decision.reason == f"Street light 4711 belongs to {owner.title()}"
        assert decision.rule_id is None
    elif fitting:
        best = max(rule.specificity() for rule in fitting)
        assert decision.department in [rule.department for rule in fitting if rule.specificity() == best]
    else:
        assert decision.department == DESK
    assert ("'gone'" in decision.reason) == (named and owner == "gone")


@given(st.lists(rules(), max_size=6))
def test_without_an_owner_an_asset_changes_only_what_rules_say_of_it(drawn: list[RoutingRule]) -> None:
    without = [rule for rule in drawn if not rule.asset_kind]
    assert decide(picture(drawn), None) == decide(picture(without), None)
    assert decide(picture(without), LAMP) == decide(picture(without), None)


@pytest.mark.django_db
class TestOwner:
    @pytest.fixture
    def city(self) -> SmallCity:
        made = small_city()
        asks_for(made, "optional")
        return made

    def test_it_goes_before_a_ranked_rule(self, city: SmallCity) -> None:
        RoutingRule.objects.create(jurisdiction=city.jurisdiction, department=city.departments["roads"], rank=99)
        row = report(city, guest(), asset=light(city, owner="parks").pk)
        assert (row.department.code, row.reason) == ("parks", "Street light 4711 belongs to Parks Department")

    @pytest.mark.parametrize("owner", ["nobody", "roads"])
    def test_one_that_is_no_active_department(self, city: SmallCity, owner: str) -> None:
        Department.objects.filter(code="roads").update(active=False)
        labels = {"reason": "asset_owner_unknown"}
        before = REGISTRY.get_sample_value("requests311_alerts_total", labels) or 0
        row = report(city, guest(), asset=light(city, owner=owner).pk)
        assert row.department.code == "roads-west"
        assert row.reason.endswith(f"; Street light 4711 belongs to {owner!r}, which is no active department")
        assert REGISTRY.get_sample_value("requests311_alerts_total", labels) == before + 1

    def test_a_neighbours_department_of_that_code_is_not_meant(self, city: SmallCity) -> None:
        other = small_city("otherton", origin=(-90.0, 40.0))
        Department.objects.create(jurisdiction=other.jurisdiction, code="lights", name="Lights")
        row = report(city, guest(), asset=light(city, owner="lights").pk)
        assert row.department.code == "roads-west"

    def test_a_rule_for_a_kind_of_thing(self, city: SmallCity) -> None:
        made = RoutingRule(
            jurisdiction=city.jurisdiction,
            department=city.departments["parks"],
            service=city.services["pothole"],
            asset_kind="street_light",
        )
        made.full_clean()
        made.save()
        row = report(city, guest(), asset=light(city).pk)
        assert row.department.code == "parks"
        assert row.reason == f"Pothole reports about a street light are theirs (rule {made.pk})"
        assert report(city, guest()).department.code == "roads-west"


@pytest.mark.django_db
class TestRule:
    @pytest.fixture
    def city(self) -> SmallCity:
        made = small_city()
        asks_for(made, "optional")
        RoutingRule.objects.all().delete()
        return made

    def draft(self, city: SmallCity, kind: str, **fields: Any) -> RoutingRule:
        return RoutingRule(
            jurisdiction=city.jurisdiction, department=city.departments["roads"], asset_kind=kind, **fields
        )

    def test_two_for_one_kind_tie(self, city: SmallCity) -> None:
        self.draft(city, "street_light").save()
        with pytest.raises(ValidationError, match="Ties with rule"):
            self.draft(city, "street_light").full_clean()

    @pytest.mark.parametrize("kind", ["", "hydrant"])
    def test_another_kind_or_none_does_not(self, city: SmallCity, kind: str) -> None:
        self.draft(city, "street_light").save()
        self.draft(city, kind).full_clean()

    def test_a_thing_is_more_specific_than_an_answer(self, city: SmallCity) -> None:
        asked = self.draft(city, "", service=city.services["pothole"], attribute="position", value="curb")
        thing = self.draft(city, "street_light", service=city.services["pothole"])
        asked.save()
        thing.full_clean()
        assert thing.specificity() > asked.specificity()

    def test_a_kind_that_the_service_never_names(self, city: SmallCity) -> None:
        with pytest.raises(ValidationError) as info:
            self.draft(city, "hydrant", service=city.services["pothole"]).full_clean()
        assert info.value.message_dict == {"asset_kind": ["Reports of Pothole never name a hydrant."]}


@pytest.mark.django_db
def test_a_service_says_which_kind() -> None:
    city = small_city()
    service = city.services["pothole"]
    service.asset = "required"
    with pytest.raises(ValidationError, match="Say which kind of asset"):
        service.full_clean()
