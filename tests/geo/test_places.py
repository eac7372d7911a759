"""A point → who answers there: neighbours, towns within counties, borders, and nobody."""

from typing import Any

import pytest
from django.contrib.gis.geos import MultiPolygon, Point, Polygon
from django.db import connection

from geo.loading import save_area
from geo.models import Area
from requests311.errors import OutsideEveryJurisdiction, ServiceNotOffered
from requests311.models import Department, Jurisdiction, Service
from requests311.places import locate, offer_at, offers_at
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.geo.shapes import both_sides, jagged_border, points_on
from tests.requests311.reporting import at, refused, report

pytestmark = pytest.mark.django_db


def government(code: str, boundary: MultiPolygon, parent: Jurisdiction | None = None) -> Jurisdiction:
    area, _ = save_area(parent=None, kind=Area.JURISDICTION, code=code, name=code.title(), boundary=boundary)
    made = Jurisdiction.objects.create(
        code=code, name=code.title(), parent=parent, boundary=area, time_zone="UTC", languages=["en"]
    )
    Department.objects.create(jurisdiction=made, code="desk", name="Desk", is_dispatch_desk=True)
    return made


def square(west: float, south: float, east: float, north: float) -> MultiPolygon:
    return MultiPolygon(Polygon.from_bbox((west, south, east, north)), srid=4326)


def offered(point: Point) -> dict[str, str]:
    """Service → the jurisdiction that offers it there."""
    return {offer.service.code: catalogue.jurisdiction.code for catalogue, offer in offers_at(locate(point))}


class TestOneCity:
    def test_its_areas(self) -> None:
        city = small_city()
        place = locate(at(city.point_in("west")))
        assert place.jurisdictions == (city.jurisdiction,)
        assert [area.id for area in place.areas[city.jurisdiction.pk]] == [city.areas["west"].pk]
        assert place.area_ids(city.jurisdiction) == {city.areas["boundary"].pk, city.areas["west"].pk}

    def test_one_statement(self, django_assert_num_queries: Any) -> None:
        city = small_city()
        point = at(city.point_in("west"))
        with django_assert_num_queries(1):
            locate(point)

    def test_the_border_of_two_wards_is_the_lower_codes(self) -> None:
        city = small_city()
        for _ in range(3):
            [area] = locate(at(city.border_point())).areas[city.jurisdiction.pk]
            assert area.code == "east"
        assert report_at(city, city.border_point()) == "roads-east"

    @pytest.mark.parametrize("seed", range(2))
    def test_an_odd_border_too(self, seed: int) -> None:
        border = jagged_border(seed, x=-100.0, south=39.9, north=40.1, vertices=200)
        city = government("odd", square(-100.2, 39.9, -99.8, 40.1))
        west, east = both_sides(border, west=-100.2, east=-99.8)
        for code, shape in (("b", west), ("a", east)):
            save_area(parent=city.boundary, kind="ward", code=code, name=code, boundary=shape)
        for point in points_on(border, seed, 40)[-60:]:
            assert [area.code for area in locate(point).areas[city.pk]] == ["a"]

    def test_a_point_in_no_ward(self) -> None:
        city = government("bare", square(0, 0, 1, 1))
        assert locate(Point(0.5, 0.5, srid=4326)).areas == {city.pk: ()}

    def test_its_corner_is_inside(self) -> None:
        city = small_city()
        assert locate(Point(*city.origin, srid=4326)).jurisdictions == (city.jurisdiction,)


def report_at(city: SmallCity, place: tuple[float, float]) -> str:
    from requests311.actions.submit import submit

    return submit(by=guest(), service="pothole", location=at(place)).request.department.code


class TestNeighbours:
    def test_they_see_nothing_of_each_other(self) -> None:
        one, other = small_city("one"), small_city("other", origin=(-99.5, 40.0))
        Service.objects.filter(jurisdiction=other.jurisdiction, code="graffiti").update(code="theirs")
        assert "theirs" not in offered(at(one.point_in("east")))
        assert "graffiti" not in offered(at(other.point_in("west")))
        assert set(offered(at(one.point_in("west"))).values()) == {"one"}
        made = report(other, guest())
        assert (made.jurisdiction, made.department.jurisdiction) == (other.jurisdiction, other.jurisdiction)
        assert locate(at(one.point_in("west"))).jurisdictions == (one.jurisdiction,)

    @pytest.mark.parametrize("larger", ["west", "east"])
    def test_their_border_is_the_smaller_ones(self, larger: str) -> None:
        border = jagged_border(5, x=0.0, south=0.0, north=1.0, vertices=300)
        west, east = both_sides(border, west=-2.0 if larger == "west" else -1.0, east=2.0 if larger == "east" else 1.0)
        cities = {"west": government("west", west), "east": government("east", east)}
        smaller = cities["east" if larger == "west" else "west"]
        for point in points_on(border, 5, 60)[-80:]:
            # The other one is no ancestor: it does not answer there at all.
            assert locate(point).jurisdictions == (smaller,)

    def test_of_two_of_one_size_the_lower_code(self) -> None:
        first = government("a", square(0, 0, 1, 1))
        government("b", square(1, 0, 2, 1))
        Area.objects.update(square_metres=1)
        assert locate(Point(1, 0.5, srid=4326)).jurisdictions == (first,)


class TestTownInCounty:
    @pytest.fixture
    def county(self) -> Jurisdiction:
        made = government("county", square(0, 0, 4, 4))
        for code in ("pothole", "health"):
            Service.objects.create(jurisdiction=made, code=code, name=code)
        return made

    @pytest.fixture
    def town(self, county: Jurisdiction) -> Jurisdiction:
        made = government("town", square(1, 1, 2, 2), county)
        for code in ("pothole", "parking"):
            Service.objects.create(jurisdiction=made, code=code, name=code)
        return made

    inside, beside = Point(1.5, 1.5, srid=4326), Point(3.5, 3.5, srid=4326)

    def test_the_innermost_answers_first(self, county: Jurisdiction, town: Jurisdiction) -> None:
        assert locate(self.inside).jurisdictions == (town, county)
        assert locate(self.beside).jurisdictions == (county,)

    def test_the_towns_service_wins_and_the_countys_remains(self, county: Jurisdiction, town: Jurisdiction) -> None:
        assert offered(self.inside) == {"pothole": "town", "parking": "town", "health": "county"}
        assert offered(self.beside) == {"pothole": "county", "health": "county"}
        catalogue, offer = offer_at(locate(self.inside), "pothole")
        assert (catalogue.jurisdiction, offer.service.jurisdiction_id) == (town, town.pk)

    def test_a_service_that_the_town_switches_off_is_the_countys(
        self, county: Jurisdiction, town: Jurisdiction
    ) -> None:
        Service.objects.filter(jurisdiction=town, code="pothole").update(active=False)
        assert offered(self.inside)["pothole"] == "county"

    def test_the_towns_are_not_offered_beside_it(self, county: Jurisdiction, town: Jurisdiction) -> None:
        with refused(ServiceNotOffered):
            offer_at(locate(self.beside), "parking")

    def test_a_town_that_is_not_the_countys_is_alone(self, county: Jurisdiction, town: Jurisdiction) -> None:
        Jurisdiction.objects.filter(pk=town.pk).update(parent=None)
        assert locate(self.inside).jurisdictions == (town,)

    def test_the_towns_border_is_the_towns(self, county: Jurisdiction, town: Jurisdiction) -> None:
        assert locate(Point(2, 1.5, srid=4326)).jurisdictions == (town, county)

    def test_each_answers_with_its_own_areas(self, county: Jurisdiction, town: Jurisdiction) -> None:
        for government_, code in ((county, "north"), (town, "old-town")):
            boundary = government_.boundary.boundary
            save_area(parent=government_.boundary, kind="ward", code=code, name=code, boundary=boundary)
        place = locate(self.inside)
        assert {j.code: [area.code for area in place.areas[j.pk]] for j in place.jurisdictions} == {
            "town": ["old-town"],
            "county": ["north"],
        }

    def test_a_circle_of_parents_ends(self, county: Jurisdiction, town: Jurisdiction) -> None:
        Jurisdiction.objects.filter(pk=county.pk).update(parent=town)
        assert locate(self.inside).jurisdictions == (town, county)


class TestOutside:
    @pytest.mark.parametrize(("east", "north"), [(-0.05, 0.1), (0.25, 0.1), (0.1, 0.3), (0.1, -2.0), (-30.0, 20.0)])
    def test_the_nearest_with_its_true_distance(self, east: float, north: float) -> None:
        city = small_city()
        small_city("antipodes", origin=(80.0, -40.0))
        point = Point(city.origin[0] + east, city.origin[1] + north, srid=4326)
        with pytest.raises(OutsideEveryJurisdiction) as info:
            locate(point)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT ST_Distance(boundary::geography, %s::geography) FROM geo_area WHERE id = %s",
                [point.ewkt, city.areas["boundary"].pk],
            )
            [truth] = cursor.fetchone()
        nearest: Any = info.value.extra["nearest"]
        assert nearest["jurisdiction"] == "Smallville"
        assert nearest["distance"] == pytest.approx(truth, rel=0.01)
        assert f"Smallville, {nearest['distance']} metres away" in info.value.detail
        [error] = info.value.errors
        assert (error.pointer, error.code) == ("/location", "outside_every_jurisdiction")

    def test_a_degree_of_latitude_is_111_kilometres(self) -> None:
        """The truth itself, by hand: from 39° to the southern edge at 40°."""
        small_city()
        with pytest.raises(OutsideEveryJurisdiction) as info:
            locate(Point(-99.9, 39.0, srid=4326))
        nearest: Any = info.value.extra["nearest"]
        assert nearest["distance"] == pytest.approx(111_030, rel=0.01)

    def test_a_boundary_without_a_jurisdiction_answers_for_nothing(self) -> None:
        save_area(parent=None, kind=Area.JURISDICTION, code="draft", name="Draft", boundary=square(0, 0, 1, 1))
        with pytest.raises(OutsideEveryJurisdiction):
            locate(Point(0.5, 0.5, srid=4326))
