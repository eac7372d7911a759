"""A rule is tried by what routes reports; a change of the rules is held against the newest requests."""

from datetime import date, timedelta
from time import perf_counter
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from requests311.areas import today_in
from requests311.errors import Invalid, NoDispatchDesk, OutsideEveryJurisdiction, ServiceNotOffered
from requests311.models import Attribute, Datatype, Department, RoutingRule, Service, ServiceRequest
from requests311.queries.rule_preview import Change, Flow, Trial, try_rule, what_would_change
from requests311.statuses import Status
from tests.factories.assets import asks_for, light
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import at, force, pointers, report, request_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def rule(city: SmallCity, department: str, *, save: bool = True, **fields: Any) -> RoutingRule:
    for name, there in (("service", city.services), ("area", city.areas)):
        if name in fields:
            fields[name] = there[fields[name]]
    made = RoutingRule(jurisdiction=city.jurisdiction, department=city.departments[department], **fields)
    made.full_clean()
    if save:
        made.save()
    return made


def the_rule(city: SmallCity, department: str) -> RoutingRule:
    return RoutingRule.objects.get(department=city.departments[department], service=city.services["pothole"])


def tried(city: SmallCity, service: str = "pothole", ward: str = "west", **more: Any) -> Trial:
    return try_rule(service=city.services[service], point=at(city.point_in(ward)), **more)


def lost(trial: Trial) -> dict[int, tuple[bool, str]]:
    return {other.rule.pk: (other.fits, other.why_not) for other in trial.others}


def changed(city: SmallCity, replaced: int | None = None, by: RoutingRule | None = None, **more: Any) -> Change:
    # As the admin has it: read anew, with the catalogue's version of now.
    city.jurisdiction.refresh_from_db()
    return what_would_change(jurisdiction=city.jurisdiction, replaced=replaced, by=by, **more)


def alerts() -> float:
    return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": "routing_rule_unreadable"}) or 0


def same_as_submitted(trial: Trial, request: ServiceRequest) -> None:
    assert (trial.decision.department, trial.decision.reason) == (request.department, request.reason)


@pytest.mark.parametrize("ward", ["west", "east"])
def test_the_rule_of_an_area_decides_as_on_submitting(city: SmallCity, ward: str) -> None:
    trial = tried(city, ward=ward)
    same_as_submitted(trial, report(city, guest(), ward=ward))
    assert trial.rule == the_rule(city, f"roads-{ward}")
    assert [area.code for area in trial.areas] == [ward]
    other = the_rule(city, "roads-east" if ward == "west" else "roads-west")
    curb = the_rule(city, "parks")
    assert lost(trial) == {
        other.pk: (False, "it is about another area"),
        curb.pk: (False, "it asks for another answer"),
    }
    assert trial.elsewhere == 2


def test_the_rule_of_an_answer_decides_as_on_submitting(city: SmallCity) -> None:
    trial = tried(city, answers={"position": "curb"})
    same_as_submitted(trial, report(city, guest(), attributes={"position": "curb"}))
    assert trial.rule == the_rule(city, "parks")
    west = the_rule(city, "roads-west")
    assert lost(trial)[west.pk] == (True, f"rule {trial.rule.pk} comes before it: it asks for no answer")


def test_the_rule_of_a_kind_of_thing_decides_as_on_submitting(city: SmallCity) -> None:
    asks_for(city, "optional")
    lamps = rule(city, "desk", service="pothole", asset_kind="street_light")
    trial = tried(city, asset_kind="street_light")
    same_as_submitted(trial, report(city, guest(), asset=light(city).id))
    assert trial.rule == lamps
    west = the_rule(city, "roads-west")
    assert lost(trial)[west.pk] == (True, f"rule {lamps.pk} comes before it: it asks for no kind of thing")
    assert lost(tried(city))[lamps.pk] == (False, "it is about another kind of thing")


def test_a_rule_decides_on_its_days_alone(city: SmallCity) -> None:
    first, last = date(2031, 3, 1), date(2031, 3, 31)
    march = rule(city, "parks", service="pothole", rank=1, valid_from=first, valid_to=last)
    assert tried(city, on=first).rule == march
    assert tried(city, on=last).rule == march
    assert lost(tried(city, on=first - timedelta(days=1)))[march.pk] == (False, "it is not in force yet")
    assert lost(tried(city, on=last + timedelta(days=1)))[march.pk] == (False, "it is no longer in force")


def test_without_a_day_it_is_the_jurisdictions_own_today(city: SmallCity) -> None:
    assert tried(city).on == today_in(city.jurisdiction)


def test_what_no_rule_covers_goes_to_the_desk_as_on_submitting(city: SmallCity) -> None:
    Service.objects.filter(code="graffiti").update(photo="optional")
    trial = tried(city, "graffiti")
    same_as_submitted(trial, report(city, guest(), "graffiti"))
    assert trial.rule is None
    assert trial.others == ()
    assert trial.elsewhere == 5


def test_a_rule_that_cannot_be_read_sends_it_to_the_desk_and_alerts_nobody(city: SmallCity) -> None:
    broken = rule(city, "parks", service="streetlight", attribute="pole_id", value="9", rank=1)
    RoutingRule.objects.filter(pk=broken.pk).update(attribute="gone")
    before = alerts()
    trial = tried(city, "streetlight")
    assert alerts() == before
    same_as_submitted(trial, report(city, guest(), "streetlight", attributes={"pole_id": "8"}))
    assert alerts() == before + 1
    assert trial.rule is None
    assert lost(trial)[broken.pk] == (True, "it cannot be read: Street light out has no attribute gone")
    [plain] = [other for other in trial.others if other.rule.pk != broken.pk]
    assert plain.why_not == f"rule {broken.pk} comes before it: its rank is lower"


@pytest.mark.parametrize(
    ("lesser", "greater", "why"),
    [
        ({"service": "graffiti"}, {"rank": 1}, "its rank is lower"),
        ({"group": "Cleanliness"}, {"service": "graffiti"}, "it is about more services"),
        ({}, {"group": "Cleanliness"}, "it is about more services"),
        ({"service": "graffiti", "area": "boundary"}, {"service": "graffiti", "area": "west"}, "its area is larger"),
    ],
)
def test_a_rule_that_fits_and_loses_says_what_it_lacks(
    city: SmallCity, lesser: dict[str, Any], greater: dict[str, Any], why: str
) -> None:
    low, high = rule(city, "roads", **lesser), rule(city, "parks", **greater)
    trial = tried(city, "graffiti")
    assert trial.rule == high
    assert lost(trial) == {low.pk: (True, f"rule {high.pk} comes before it: {why}")}


def test_of_two_that_tie_in_the_database_the_younger_says_so(city: SmallCity) -> None:
    # What `clean` refuses: a day apart they are no duplicates, and both in force.
    rules = [rule(city, "roads", service="graffiti")]
    rules.append(
        RoutingRule.objects.create(
            jurisdiction=city.jurisdiction,
            service=city.services["graffiti"],
            department=city.departments["parks"],
            valid_from=date(2020, 1, 1),
        )
    )
    trial = tried(city, "graffiti")
    assert trial.rule == rules[0]
    assert lost(trial)[rules[1].pk][1].endswith("it ties, and is the younger one")


def test_answers_that_are_required_may_be_missing_and_wrong_ones_are_told(city: SmallCity) -> None:
    assert tried(city, "streetlight").decision.department.code == "roads"
    with pytest.raises(Invalid) as wrong:
        tried(city, answers={"position": "roof", "colour": "red"})
    assert sorted(pointers(wrong)) == [
        ("/attributes/colour", "unknown_attribute"),
        ("/attributes/position", "unknown_value"),
    ]


def test_a_kind_of_thing_that_the_service_does_not_take_is_told(city: SmallCity) -> None:
    with pytest.raises(Invalid) as wrong:
        tried(city, asset_kind="street_light")
    assert pointers(wrong) == [("/asset", "not_taken")]


def test_a_place_that_would_be_refused_is_refused(city: SmallCity) -> None:
    with pytest.raises(OutsideEveryJurisdiction):
        try_rule(service=city.services["pothole"], point=at(city.point_outside()))
    with pytest.raises(ServiceNotOffered):
        tried(city, "west_only", "east")


def test_a_place_where_another_city_offers_the_service_is_told(city: SmallCity) -> None:
    other = small_city("elsewhere", (-90.0, 40.0))
    with pytest.raises(ServiceNotOffered, match=r"is offered by Elsewhere, not by Smallville"):
        try_rule(service=city.services["pothole"], point=at(other.point_in("west")))


def test_a_rule_that_comes_takes_what_it_is_more_specific_for(city: SmallCity) -> None:
    at_kerb = report(city, guest(), attributes={"position": "curb"})
    west, east = report(city, guest()), report(city, guest(), ward="east")
    report(city, guest(), "heating")
    change = changed(city, by=rule(city, "desk", save=False, service="pothole", area="west", rank=1))
    # Newest first, and nothing of another service.
    assert change.looked_at == 3
    assert change.stay == 1
    reason = "Pothole reports in West Ward are theirs (the new rule)"
    assert [(m.number, m.service, m.place, m.before, m.after, m.reason) for m in change.moved] == [
        (west.number, "Pothole", "West Ward", "Roads – West Yard", "Dispatch Desk", reason),
        (at_kerb.number, "Pothole", "West Ward", "Parks Department", "Dispatch Desk", reason),
    ]
    assert east.number not in [each.number for each in change.moved]
    assert sorted(change.flows, key=lambda flow: flow.before) == [
        Flow("Parks Department", "Dispatch Desk", 1),
        Flow("Roads – West Yard", "Dispatch Desk", 1),
    ]


def test_what_comes_is_what_submit_then_decides(city: SmallCity) -> None:
    earlier = report(city, guest())
    new = rule(city, "parks", save=False, service="pothole", area="west", rank=1)
    [moved] = changed(city, by=new).moved
    new.save()
    later = report(city, guest())
    assert moved.number == earlier.number
    assert moved.after == later.department.name
    assert moved.reason.replace("the new rule", f"rule {new.pk}") == later.reason


def test_a_rule_that_changes_is_held_against_its_old_target_too(city: SmallCity) -> None:
    pothole, heating = report(city, guest()), report(city, guest(), "heating")
    west = the_rule(city, "roads-west")
    west.service, west.area = city.services["heating"], city.areas["west"]
    west.department = city.departments["parks"]
    change = changed(city, replaced=west.pk, by=west)
    assert [(moved.number, moved.before, moved.after) for moved in change.moved] == [
        (heating.number, "Roads Department", "Parks Department"),
        (pothole.number, "Roads – West Yard", "Dispatch Desk"),
    ]
    assert RoutingRule.objects.get(pk=west.pk).service == city.services["pothole"]


def test_another_reason_alone_moves_nothing(city: SmallCity) -> None:
    report(city, guest())
    change = changed(city, by=rule(city, "roads-west", save=False, service="pothole", rank=1))
    assert (change.looked_at, change.stay, change.otherwise, change.moved) == (1, 1, 1, ())


def test_a_rule_that_goes_leaves_its_requests_to_the_next(city: SmallCity) -> None:
    west, _east = report(city, guest()), report(city, guest(), ward="east")
    change = changed(city, replaced=the_rule(city, "roads-west").pk)
    assert [(moved.number, moved.after) for moved in change.moved] == [(west.number, "Dispatch Desk")]
    assert change.moved[0].reason == "no rule covers Pothole at this place, so the dispatch desk decides"
    assert (change.looked_at, change.stay) == (2, 1)


def test_a_rule_that_goes_where_nobody_else_has_it_is_told(city: SmallCity) -> None:
    report(city, guest())
    Department.objects.filter(code="desk").update(is_dispatch_desk=False)
    with pytest.raises(NoDispatchDesk):
        changed(city, replaced=the_rule(city, "roads-west").pk)


def test_a_rule_of_a_group_and_one_of_everything_see_theirs(city: SmallCity) -> None:
    for service, answers in (("pothole", {}), ("streetlight", {"pole_id": "1"}), ("heating", {})):
        report(city, guest(), service, attributes=answers)
    group = rule(city, "desk", save=False, group="Streets", rank=1)
    assert {moved.service for moved in changed(city, by=group).moved} == {"Pothole", "Street light out"}
    everything = rule(city, "desk", save=False, rank=1)
    assert changed(city, by=everything).looked_at == 3


def test_a_rule_that_begins_later_is_seen_on_its_first_day(city: SmallCity) -> None:
    report(city, guest())
    first = today_in(city.jurisdiction) + timedelta(days=9)
    later = rule(city, "parks", save=False, service="pothole", rank=1, valid_from=first)
    change = changed(city, by=later)
    assert change.on == first
    assert len(change.moved) == 1
    assert changed(city, by=later, on=first - timedelta(days=1)).moved == ()
    # One that is over changes nothing.
    over = rule(city, "parks", save=False, service="pothole", rank=1, valid_to=today_in(city.jurisdiction))
    assert changed(city, by=over, on=first).moved == ()


def test_the_owner_of_a_thing_keeps_it_and_its_kind_counts(city: SmallCity) -> None:
    asks_for(city, "optional")
    report(city, guest(), asset=light(city, "1", owner="parks").id)
    free = report(city, guest(), asset=light(city, "2").id)
    report(city, guest())
    change = changed(city, by=rule(city, "desk", save=False, service="pothole", asset_kind="street_light"))
    assert [moved.number for moved in change.moved] == [free.number]
    assert change.stay == 2


def test_several_answers_of_a_request_are_looked_at(city: SmallCity) -> None:
    values = [{"key": key, "name": key} for key in ("a", "b")]
    Attribute.objects.create(
        service=city.services["graffiti"],
        order=1,
        code="where",
        datatype=Datatype.MULTIVALUELIST,
        description="?",
        values=values,
    )
    Service.objects.filter(code="graffiti").update(photo="optional")
    report(city, guest(), "graffiti", attributes={"where": ["a", "b"]})
    city.services["graffiti"] = Service.objects.get(code="graffiti")
    change = changed(city, by=rule(city, "parks", save=False, service="graffiti", attribute="where", value="b"))
    assert len(change.moved) == 1


def test_requests_of_every_status_and_of_a_service_that_is_gone_are_looked_at(city: SmallCity) -> None:
    for status in Status:
        force(report(city, guest()), status)
    Service.objects.filter(code="pothole").update(active=False)
    assert changed(city, by=rule(city, "desk", save=False, rank=1)).looked_at == len(Status)


def test_another_citys_requests_are_left_out(city: SmallCity) -> None:
    other = small_city("elsewhere", (-90.0, 40.0))
    report(other, guest())
    assert changed(city, by=rule(city, "desk", save=False, rank=1)).looked_at == 0


def test_a_preview_alerts_nobody_and_changes_no_rule_that_is_kept(city: SmallCity) -> None:
    report(city, guest())
    broken = rule(city, "parks", save=False, service="pothole", rank=1)
    broken.attribute, broken.value = "gone", "x"
    before = alerts()
    [moved] = changed(city, by=broken).moved
    assert moved.reason.startswith("the new rule cannot be read (Pothole has no attribute gone)")
    assert alerts() == before
    same_as_submitted(tried(city), report(city, guest()))


def test_a_thousand_requests_take_four_statements_and_two_seconds(city: SmallCity) -> None:
    wards = {"west": "West Ward", "east": "East Ward"}
    ServiceRequest.objects.bulk_create(
        request_row(
            city,
            location=at(city.point_in(ward)),
            areas=[{"kind": "ward", "code": ward, "name": wards[ward]}],
            attributes={"position": "curb"} if number % 10 == 0 else {},
        )
        for number in range(600)
        for ward in wards
    )
    new = rule(city, "desk", save=False, service="pothole", area="west", attribute="position", value="lane", rank=1)
    everything = rule(city, "desk", save=False, area="west", rank=2)
    changed(city, by=new)
    for by in (new, everything):
        started = perf_counter()
        with CaptureQueriesContext(
            connection,
        ) as statements:
            change = changed(city, by=by)
        assert perf_counter() - started < 2
        # The jurisdiction with its version, the requests, and the new rule's questions; never one more for a request.
        assert len(statements) <= 4
        assert all(statement["sql"].lstrip().startswith("SELECT") for statement in statements)
        assert change.looked_at == 1000
    assert (len(change.moved), change.stay) == (500, 500)
    assert change.flows == (
        Flow("Roads – West Yard", "Dispatch Desk", 450),
        Flow("Parks Department", "Dispatch Desk", 50),
    )
