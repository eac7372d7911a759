"""Two rules of which neither is more specific are refused when the second is saved, by its name."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from geo.models import Area
from requests311.models import Attribute, RoutingRule
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    """With a second kind of area that is as large as the west ward, and a question that takes several answers."""
    made = small_city()
    RoutingRule.objects.all().delete()
    west = made.areas["west"]
    made.areas["district"] = Area.objects.create(
        parent=made.areas["boundary"],
        kind="district",
        code="d1",
        name="District 1",
        boundary=west.boundary,
        square_metres=west.square_metres,
    )
    values = [{"key": key, "name": key} for key in ("ice", "oil")]
    Attribute.objects.create(
        service=made.services["pothole"], code="near", order=9, datatype="multivaluelist", values=values
    )
    return made


def draft(city: SmallCity, **fields: Any) -> RoutingRule:
    for name, known in (("service", city.services), ("area", city.areas)):
        if isinstance(fields.get(name), str):
            fields[name] = known[fields[name]]
    fields.setdefault("department", city.departments["roads"])
    return RoutingRule(jurisdiction=city.jurisdiction, **fields)


def saved(city: SmallCity, **fields: Any) -> RoutingRule:
    rule = draft(city, **fields)
    rule.full_clean()
    rule.save()
    return rule


def answer(attribute: str, value: str) -> dict[str, str]:
    return {"service": "pothole", "attribute": attribute, "value": value}


TIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"rank": 5}, {"rank": 5}),
    ({"service": "pothole"}, {"service": "pothole"}),
    ({"group": "Streets"}, {"group": "Streets"}),
    ({"area": "west"}, {"area": "west"}),
    ({"area": "west"}, {"area": "district"}),
    ({"service": "pothole", "area": "district"}, {"service": "pothole", "area": "west"}),
    (answer("position", "lane"), answer("position", "lane")),
    # Both questions may be answered, and several answers may be given to one.
    (answer("position", "lane"), answer("depth_cm", "3")),
    (answer("near", "ice"), answer("near", "oil")),
    ({}, {"valid_from": date(2026, 1, 1)}),
    ({"valid_to": date(2026, 1, 1)}, {"valid_from": date(2026, 1, 1)}),
    ({"valid_from": date(2026, 1, 1), "valid_to": date(2026, 6, 30)}, {"valid_from": date(2025, 7, 1)}),
    ({"valid_from": date(2026, 3, 1)}, {"valid_to": date(2026, 3, 1)}),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("one", "other"), TIES)
def test_a_tie_names_the_other_rule(city: SmallCity, one: dict[str, Any], other: dict[str, Any], turned: bool) -> None:
    first, second = (other, one) if turned else (one, other)
    there = saved(city, **first)
    with pytest.raises(ValidationError, match=f"Ties with rule {there.pk} ") as info:
        draft(city, **second, department=city.departments["parks"]).full_clean()
    assert str(there) in str(info.value)


NO_TIES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"rank": 1}),
    ({}, {"area": "west"}),
    ({}, {"group": "Streets"}),
    ({}, {"service": "pothole"}),
    ({"service": "pothole"}, {"service": "streetlight"}),
    ({"group": "Streets"}, {"group": "Water"}),
    ({"area": "west"}, {"area": "east"}),
    ({"area": "boundary"}, {"area": "west"}),
    ({"area": "boundary"}, {}),
    (answer("position", "lane"), answer("position", "curb")),
    (answer("near", "ice"), {"service": "pothole"}),
    ({"valid_to": date(2026, 1, 1)}, {"valid_from": date(2026, 1, 2)}),
]


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("one", "other"), NO_TIES)
def test_no_tie(city: SmallCity, one: dict[str, Any], other: dict[str, Any], turned: bool) -> None:
    first, second = (other, one) if turned else (one, other)
    saved(city, **first)
    saved(city, **second)


def test_a_rule_does_not_tie_with_itself(city: SmallCity) -> None:
    rule = saved(city)
    rule.department = city.departments["parks"]
    rule.full_clean()


def test_another_citys_rules_are_no_rivals(city: SmallCity) -> None:
    saved(city)
    RoutingRule.objects.update(rank=3)
    other = small_city("otherton", origin=(-90.0, 40.0))
    RoutingRule(jurisdiction=other.jurisdiction, department=other.departments["roads"], rank=3).full_clean()


def test_the_admin_refuses_it(city: SmallCity) -> None:
    saved(city)
    admin = person("admin@example.org", password=PASSWORD)
    admin.is_staff = admin.is_superuser = True
    admin.save()
    browser = Client()
    browser.force_login(admin)
    form = {"jurisdiction": city.jurisdiction.pk, "department": city.departments["parks"].pk, "rank": 0}
    answered = browser.post("/admin/requests311/routingrule/add/", form)
    assert answered.status_code == 200
    assert "Ties with rule" in answered.content.decode()
    assert RoutingRule.objects.count() == 1


FOREIGN: list[tuple[str, Callable[[SmallCity], Any]]] = [
    ("service", lambda other: other.services["pothole"]),
    ("department", lambda other: other.departments["roads"]),
    ("area", lambda other: other.areas["west"]),
    ("area", lambda other: other.areas["boundary"]),
]


@pytest.mark.parametrize(("part", "pick"), FOREIGN)
def test_a_part_of_another_jurisdiction(city: SmallCity, part: str, pick: Callable[[SmallCity], Any]) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    with pytest.raises(ValidationError) as info:
        draft(city, **{part: pick(other)}).full_clean()
    assert info.value.message_dict == {part: ["Belongs to another jurisdiction."]}


@pytest.mark.parametrize(
    ("part", "fields"), [("attribute", answer("colour", "red")), ("value", answer("position", "sky"))]
)
def test_an_answer_that_nobody_can_give(city: SmallCity, part: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as info:
        draft(city, **fields).full_clean()
    assert list(info.value.message_dict) == [part]
