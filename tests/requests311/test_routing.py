"""Which rule wins, and where a report goes that no rule catches."""

from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from requests311.catalogue import catalogue_of
from requests311.errors import NoDispatchDesk
from requests311.models import Attribute, Department, RoutingRule, ServiceRequest
from requests311.places import locate
from requests311.routing import Decision, route
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import at, refused, report

TODAY = date(2026, 11, 21)


@pytest.fixture
def city() -> SmallCity:
    """Without a rule of its own."""
    made = small_city()
    RoutingRule.objects.all().delete()
    return made


def rule(city: SmallCity, department: str, **fields: Any) -> RoutingRule:
    return RoutingRule.objects.create(jurisdiction=city.jurisdiction, department=city.departments[department], **fields)


def decide(city: SmallCity, ward: str = "west", service: str = "pothole", **answers: Any) -> Decision:
    """As `submit` decides: by the catalogue's version that comes with the place."""
    place = locate(at(city.point_in(ward)))
    [jurisdiction] = place.jurisdictions
    catalogue = catalogue_of(jurisdiction)
    offered = catalogue.offers[service].service
    return route(catalogue, offered, area_ids=place.area_ids(jurisdiction), answers=answers, on=TODAY)


def unreadable() -> float:
    labels = {"reason": "routing_rule_unreadable"}
    return REGISTRY.get_sample_value("requests311_alerts_total", labels) or 0


#: From the least specific to the most; of two, the later one wins.
LADDER: list[tuple[str, dict[str, Any]]] = [
    ("everything", {}),
    ("everything in the city", {"area": "boundary"}),
    ("everything in the ward", {"area": "west"}),
    ("group", {"group": "Streets"}),
    ("group in the city", {"group": "Streets", "area": "boundary"}),
    ("group in the ward", {"group": "Streets", "area": "west"}),
    ("service", {"service": "pothole"}),
    ("service in the city", {"service": "pothole", "area": "boundary"}),
    ("service in the ward", {"service": "pothole", "area": "west"}),
    ("answer", {"service": "pothole", "attribute": "position", "value": "lane"}),
    ("answer in the city", {"service": "pothole", "attribute": "position", "value": "lane", "area": "boundary"}),
    ("answer in the ward", {"service": "pothole", "attribute": "position", "value": "lane", "area": "west"}),
    ("everything, ranked", {"rank": 1}),
    ("group, ranked", {"group": "Streets", "rank": 1}),
    ("everything, ranked higher", {"rank": 2}),
]


def step(city: SmallCity, fields: dict[str, Any]) -> dict[str, Any]:
    found = dict(fields)
    if "area" in found:
        found["area"] = city.areas[found["area"]]
    if "service" in found:
        found["service"] = city.services[found["service"]]
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_rules_the_more_specific_wins(city: SmallCity, reverse: bool) -> None:
    for (_, weak), (name, strong) in combinations(LADDER, 2):
        RoutingRule.objects.all().delete()
        pair = [("parks", weak), ("roads", strong)]
        for department, fields in reversed(pair) if reverse else pair:
            made = RoutingRule(
                jurisdiction=city.jurisdiction, department=city.departments[department], **step(city, fields)
            )
            made.full_clean()
            made.save()
        assert decide(city, position="lane").department.code == "roads", name


@pytest.mark.django_db
def test_all_of_them_at_once_in_order(city: SmallCity) -> None:
    made = [rule(city, "roads", **step(city, fields)) for _, fields in LADDER]
    assert [found.pk for found in sorted(RoutingRule.objects.all(), key=RoutingRule.specificity)] == [
        one.pk for one in made
    ]
    while made:
        assert decide(city, position="lane").rule_id == made[-1].pk
        made.pop().delete()
    assert decide(city, position="lane").rule_id is None


@pytest.mark.django_db
class TestWhatARuleIsAbout:
    def test_another_service_group_or_ward(self, city: SmallCity) -> None:
        rule(city, "roads", service=city.services["streetlight"])
        rule(city, "roads", group="Water")
        rule(city, "roads", area=city.areas["east"])
        rule(city, "roads", service=city.services["pothole"], attribute="position", value="curb")
        assert decide(city, position="lane").department.code == "desk"
        assert decide(city).department.code == "desk"

    @pytest.mark.parametrize(
        ("from_", "to", "fits"),
        [
            (None, None, True),
            (0, 0, True),
            (0, None, True),
            (1, None, False),
            (None, 0, True),
            (None, -1, False),
            (-5, -1, False),
            (1, 5, False),
        ],
    )
    def test_its_days(self, city: SmallCity, from_: int | None, to: int | None, fits: bool) -> None:
        first, last = (None if days is None else TODAY + timedelta(days=days) for days in (from_, to))
        rule(city, "roads", valid_from=first, valid_to=last)
        assert decide(city).department.code == ("roads" if fits else "desk")

    def test_the_day_is_the_citys(self, city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
        """One in the morning in UTC is the evening before in Chicago."""
        rule(city, "roads", valid_to=date(2026, 11, 20))
        rule(city, "parks", valid_from=date(2026, 11, 21))
        now = datetime(2026, 11, 21, 5, 59, tzinfo=UTC)
        monkeypatch.setattr(timezone, "now", lambda: now)
        assert report(city, guest()).department.code == "roads"
        monkeypatch.setattr(timezone, "now", lambda: now + timedelta(minutes=1))
        assert report(city, guest()).department.code == "parks"

    def test_a_number(self, city: SmallCity) -> None:
        rule(city, "roads", service=city.services["pothole"], attribute="depth_cm", value="3")
        assert report(city, guest(), attributes={"depth_cm": 3}).department.code == "roads"
        assert report(city, guest(), attributes={"depth_cm": 3.0}).department.code == "roads"
        assert report(city, guest(), attributes={"depth_cm": 30}).department.code == "desk"

    def test_one_of_several_answers(self, city: SmallCity) -> None:
        values = [{"key": key, "name": key} for key in ("ice", "oil")]
        Attribute.objects.create(
            service=city.services["pothole"], code="near", order=9, datatype="multivaluelist", values=values
        )
        rule(city, "roads", service=city.services["pothole"], attribute="near", value="oil")
        assert decide(city, near=["ice", "oil"]).department.code == "roads"
        assert decide(city, near=["ice"]).department.code == "desk"


@pytest.mark.django_db
class TestReason:
    def test_it_is_stored_with_the_report(self, city: SmallCity) -> None:
        made = rule(city, "roads", service=city.services["pothole"], area=city.areas["west"])
        made.delete()
        again = rule(
            city, "roads", service=city.services["pothole"], attribute="position", value="curb", area=city.areas["west"]
        )
        row = report(city, guest(), attributes={"position": "curb"})
        kept = ServiceRequest.objects.get(pk=row.pk)
        assert kept.reason == f"Pothole reports in West Ward where position is curb are theirs (rule {again.pk})"

    @pytest.mark.parametrize(
        ("fields", "what"),
        [
            ({}, "all reports"),
            ({"group": "Streets"}, "Streets reports"),
            ({"area": "west"}, "all reports in West Ward"),
        ],
    )
    def test_of_wide_rules(self, city: SmallCity, fields: dict[str, Any], what: str) -> None:
        made = rule(city, "roads", **step(city, fields))
        assert decide(city).reason == f"{what} are theirs (rule {made.pk})"

    def test_no_rule(self, city: SmallCity) -> None:
        found = decide(city)
        assert (found.department.code, found.rule_id) == ("desk", None)
        assert found.reason == "no rule covers Pothole at this place, so the dispatch desk decides"

    def test_no_desk(self, city: SmallCity) -> None:
        Department.objects.filter(code="desk").update(active=False)
        with refused(NoDispatchDesk):
            decide(city)


@pytest.mark.django_db
class TestUnreadable:
    def broken(self, city: SmallCity, how: str) -> RoutingRule:
        """A rule that was sound when it was saved."""
        made = rule(city, "parks", service=city.services["pothole"], attribute="position", value="curb")
        match how:
            case "department":
                Department.objects.filter(code="parks").update(active=False)
            case "attribute":
                Attribute.objects.filter(code="position").delete()
            case "value":
                Attribute.objects.filter(code="position").update(values=[{"key": "lane", "name": "In a lane"}])
        return made

    @pytest.mark.parametrize("how", ["department", "attribute", "value"])
    def test_it_goes_to_the_desk_loudly(self, city: SmallCity, how: str) -> None:
        rule(city, "roads", service=city.services["pothole"])
        broken, before = self.broken(city, how), unreadable()
        found = decide(city, position="curb")
        assert (found.department.code, found.rule_id) == ("desk", None)
        assert f"rule {broken.pk} cannot be read" in found.reason
        assert unreadable() == before + 1

    def test_what_it_is_not_about_is_not_touched(self, city: SmallCity) -> None:
        rule(city, "roads", service=city.services["pothole"])
        self.broken(city, "department")
        before = unreadable()
        assert decide(city, position="lane").department.code == "roads"
        assert unreadable() == before

    def test_a_better_rule_goes_before_it(self, city: SmallCity) -> None:
        self.broken(city, "department")
        rule(city, "roads", rank=1)
        before = unreadable()
        assert decide(city, position="curb").department.code == "roads"
        assert unreadable() == before
