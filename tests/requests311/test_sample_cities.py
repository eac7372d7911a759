"""The sample cities themselves, and that neither leaks into the other."""

from datetime import date

import pytest
from django.contrib.gis.geos import Point
from django.db.models import Count

from geo.models import Area
from requests311.attributes import check_answers
from requests311.catalogue import catalogue_of
from requests311.city.loading import load_city
from requests311.city.people import make_people, read_people
from requests311.errors import OutsideEveryJurisdiction
from requests311.models import (
    Attribute,
    Datatype,
    Department,
    EscalationStep,
    Jurisdiction,
    RejectionReason,
    RoutingRule,
    Service,
    Team,
)
from requests311.places import Place, locate, offer_at, offers_at
from requests311.rejections import sentence_of
from requests311.routing import Decision, route
from requests311.statuses import Priority
from tests.factories.cities import SAMPLES, load_nyc, load_riverbend, person, small_city

BROOKLYN = (40.7081, -73.9571)  # South Williamsburg, where the story of script/server takes place
STATEN_ISLAND = (40.5795, -74.1502)
RIVERBEND_NORTH = (38.9084, -106.0)
RIVERBEND_SOUTH = (38.8381, -106.0)

pytestmark = pytest.mark.django_db


def at(where: tuple[float, float]) -> Place:
    latitude, longitude = where
    return locate(Point(longitude, latitude, srid=4326))


def decide(where: tuple[float, float], code: str, **answers: object) -> Decision:
    place = at(where)
    catalogue, offer = offer_at(place, code)
    area_ids = place.area_ids(catalogue.jurisdiction)
    return route(catalogue, offer.service, area_ids=area_ids, answers=answers, on=date(2026, 12, 1))


class TestBothSideBySide:
    """One test, because loading New York takes its 3 s: whoever adds a question adds a method call."""

    def test_new_york_and_riverbend(self) -> None:
        city = load_nyc()
        alone = catalogue_of(city)
        town = load_riverbend()
        self.the_second_city_did_not_move_the_first(city, alone.version)
        self.new_york_is_as_large_as_promised(city)
        self.new_york_speaks_spanish(city)
        self.private_matters_are_private(city)
        self.a_department_has_its_working_day(city)
        self.reasons_are_sentences(city, town)
        self.the_sample_people_are_in_a_team()
        self.every_rule_is_clean()
        self.the_story_goes_to_transportation()
        self.the_most_specific_rule_wins()
        self.services_differ_by_point(city, town)
        self.one_code_is_two_services(city, town)
        self.people_and_departments_are_apart(city, town)
        self.a_second_load_changes_nothing()

    def the_second_city_did_not_move_the_first(self, city: Jurisdiction, version: int) -> None:
        city.refresh_from_db()
        assert city.catalogue_version == version

    def new_york_is_as_large_as_promised(self, city: Jurisdiction) -> None:
        agencies = Department.objects.filter(jurisdiction=city, parent=None, is_dispatch_desk=False)
        assert set(agencies.values_list("code", flat=True)) == {"dot", "dsny", "dep", "dpr", "hpd", "dohmh", "nypd"}
        assert all(agency.units.count() >= 5 for agency in agencies)
        assert Service.objects.filter(jurisdiction=city).count() >= 28
        kinds = city.boundary.parts.values_list("kind").annotate(Count("pk"))
        assert dict(kinds) == {"borough": 5, "community_district": 59, "council_district": 51}
        attributes = Attribute.objects.filter(service__jurisdiction=city)
        assert set(attributes.values_list("datatype", flat=True)) == set(Datatype.values)
        assert attributes.exclude(depends_on=None).count() >= 3

    def new_york_speaks_spanish(self, city: Jurisdiction) -> None:
        for service in Service.objects.filter(jurisdiction=city).prefetch_related("attributes"):
            assert set(service.translations["es"]) == {"name", "description", "group"}, service.code
            for attribute in service.attributes.all():
                spanish = attribute.translations["es"]
                assert spanish["description"], attribute
                assert set(spanish.get("values", {})) == {value["key"] for value in attribute.values}, attribute
                assert bool(attribute.datatype_description) == ("datatype_description" in spanish), attribute

    def private_matters_are_private(self, city: Jurisdiction) -> None:
        private = Service.objects.filter(jurisdiction=city, visibility="private").values_list("code", flat=True)
        assert {"heat_hot_water", "noise_residential", "homeless_assistance", "mold"} <= set(private)

    def a_department_has_its_working_day(self, city: Jurisdiction) -> None:
        told = EscalationStep.objects.filter(jurisdiction=city).values_list("percent", "tells")
        assert list(told) == [(80, "lead"), (100, "manager"), (150, "director")]
        assert catalogue_of(city).steps == tuple(EscalationStep.objects.filter(jurisdiction=city))
        pothole, dumping, signal = (
            Service.objects.get(jurisdiction=city, code=code)
            for code in ("pothole", "illegal_dumping", "traffic_signal")
        )
        assert (pothole.completion_photo, dumping.completion_photo) == (False, True)
        assert (pothole.priority, signal.priority) == (Priority.NORMAL, Priority.URGENT)
        assert "temporary_repair" in pothole.resolutions
        assert Team.objects.filter(department__jurisdiction=city, active=True).count() == 3

    def reasons_are_sentences(self, city: Jurisdiction, town: Jurisdiction) -> None:
        for jurisdiction in (city, town):
            for reason in RejectionReason.objects.filter(jurisdiction=jurisdiction):
                reason.full_clean()
                assert set(reason.translations) == set(jurisdiction.languages[1:]), reason
        reason = RejectionReason.objects.get(jurisdiction=city, code="state_road")
        said = sentence_of(reason, city, text="", responsible=None)
        assert "https://www.dot.ny.gov/" in said.text
        assert said.data["texts"]["es"].startswith("Esta vía pertenece al Estado")

    def the_sample_people_are_in_a_team(self) -> None:
        said = make_people(read_people(SAMPLES / "people.yaml"))
        assert not [line for line in said if " not " in line]
        team = Team.objects.get(code="asphalt-north")
        assert team.lead is not None
        assert team.lead.email == "lead.dot@example.org"
        assert team.members.count() == 3

    def every_rule_is_clean(self) -> None:
        rules = RoutingRule.objects.select_related("service", "department", "area", "jurisdiction")
        for rule in rules.defer("area__boundary"):
            rule.full_clean()

    def the_story_goes_to_transportation(self) -> None:
        _, offer = offer_at(at(BROOKLYN), "pothole")
        assert offer.service.photo == "optional"
        assert check_answers(offer, {}) == {}
        department = decide(BROOKLYN, "pothole").department
        assert department.parent is not None
        assert (department.code, department.parent.code) == ("dot-brooklyn", "dot")

    def the_most_specific_rule_wins(self) -> None:
        assert decide(BROOKLYN, "pothole", road="highway").department.code == "dot-highways"
        assert decide(BROOKLYN, "street_light_out", type="out").department.code == "dot-street-lighting"
        assert decide(BROOKLYN, "street_light_out", type="pole_damaged").department.code == "dot-brooklyn"
        assert decide(BROOKLYN, "missed_collection").department.code == "dsny-bk01"
        assert decide(STATEN_ISLAND, "missed_collection").department.code == "dsny-staten-island"
        assert decide(BROOKLYN, "heat_hot_water", scope="building").department.code == "hpd-emergency-repair"
        desk = decide(BROOKLYN, "homeless_assistance")
        assert desk.department.is_dispatch_desk
        assert desk.rule_id is None

    def services_differ_by_point(self, city: Jurisdiction, town: Jurisdiction) -> None:
        brooklyn, north, south = (
            {(catalogue.jurisdiction, offer.service.code) for catalogue, offer in offers_at(at(where))}
            for where in (BROOKLYN, RIVERBEND_NORTH, RIVERBEND_SOUTH)
        )
        assert {jurisdiction for jurisdiction, _ in brooklyn} == {city}
        assert {jurisdiction for jurisdiction, _ in north | south} == {town}
        assert south - north == {(town, "ditch_blocked")}

    def one_code_is_two_services(self, city: Jurisdiction, town: Jurisdiction) -> None:
        (_, here), (_, there) = offer_at(at(BROOKLYN), "pothole"), offer_at(at(RIVERBEND_NORTH), "pothole")
        assert here.service != there.service
        assert (here.service.due_after, here.service.due_unit) == (3, "working_days")
        assert (there.service.due_after, there.service.due_unit) == (10, "calendar_days")
        assert {a.code for a in here.attributes}.isdisjoint(a.code for a in there.attributes)
        assert decide(RIVERBEND_NORTH, "pothole").department.code == "public-works-north"
        assert decide(RIVERBEND_NORTH, "pothole", surface="gravel").department.code == "public-works-south"
        assert {rule.jurisdiction for rule in catalogue_of(town).rules} == {town}

    def people_and_departments_are_apart(self, city: Jurisdiction, town: Jurisdiction) -> None:
        assert not Department.objects.filter(jurisdiction=town, parent__jurisdiction=city).exists()
        crew = person(role="crew", city=town, department="parks")
        assert [row.jurisdiction for row in crew.memberships.all()] == [town]

    def a_second_load_changes_nothing(self) -> None:
        assert not load_city(SAMPLES / "nyc")
        assert not load_city(SAMPLES / "riverbend")


class TestSmallCity:
    """What tests/factories/cities.py promises to every other test."""

    def test_it_routes_as_its_docstring_says(self) -> None:
        city = small_city()
        for rule in RoutingRule.objects.all():
            rule.full_clean()
        west, east = city.point_in("west"), city.point_in("east")
        assert decide(west, "pothole").department == city.departments["roads-west"]
        assert decide(east, "pothole").department == city.departments["roads-east"]
        assert decide(east, "pothole", position="curb").department == city.departments["parks"]
        assert decide(west, "graffiti").department == city.departments["desk"]
        codes = {ward: {o.service.code for _, o in offers_at(at(city.point_in(ward)))} for ward in ("west", "east")}
        assert codes["west"] - codes["east"] == {"west_only"}
        assert codes["west"] == set(city.services)

    def test_its_border_is_in_both_wards_and_its_outside_in_none(self) -> None:
        city = small_city()
        latitude, longitude = city.border_point()
        found = Area.objects.covering(Point(longitude, latitude, srid=4326), on=date(2026, 11, 21))
        assert set(found) == set(city.areas.values())
        with pytest.raises(OutsideEveryJurisdiction):
            at(city.point_outside())

    def test_two_of_them_stand_side_by_side(self) -> None:
        one, other = small_city(), small_city("elsewhere", (-99.0, 40.0))
        assert at(one.point_in("west")).jurisdictions == (one.jurisdiction,)
        assert at(other.point_in("west")).jurisdictions == (other.jurisdiction,)
        assert person().is_guest
        crew = person(role="crew", city=other, department="roads")
        assert [row.department for row in crew.memberships.all()] == [other.departments["roads"]]
