"""The city's own addresses: nearest first by metres, and by what a person types. All of it through the indexes."""

import json
from math import cos, radians
from typing import Any

import pytest
from django.contrib.gis.geos import Point
from django.db import connection

from geo.geocoding import own
from geo.geocoding.own import nearest, search
from geo.models import Address, Street
from geo.street_names import readings
from tests.factories.addresses import Line, has_addresses
from tests.factories.cities import small_city

pytestmark = pytest.mark.django_db

HERE = Point(-99.95, 40.1, srid=4326)
#: Degrees of 100 metres at 40.1° north.
EAST, NORTH = 100 / (111_320 * cos(radians(40.1))), 100 / 111_040


@pytest.fixture(autouse=True)
def city() -> None:
    small_city()


def found(text: str, near: Point | None = None, limit: int = 5) -> list[str]:
    return [result["label"].split(",")[0] for result in json.loads(search(text, near=near, limit=limit).json)]


class TestNearest:
    def test_first_by_metres_and_not_by_degrees(self) -> None:
        # 100 m to the east are more degrees than 110 m to the north.
        has_addresses(
            "smallville",
            Line("1", "East St", HERE.x + EAST, HERE.y),
            Line("2", "North St", HERE.x, HERE.y + 1.1 * NORTH),
            Line("3", "Far St", HERE.x + 4.9 * EAST, HERE.y),
            Line("4", "Too Far St", HERE.x + 5.1 * EAST, HERE.y),
        )
        for limit in (1, 2, 20):
            results = json.loads(nearest(HERE, limit=limit).json)
            assert [result["number"] for result in results] == ["1", "2", "3"][:limit]
        assert [result["distance"] for result in results] == pytest.approx([100, 110, 490], rel=0.003)

    def test_what_it_says(self) -> None:
        has_addresses("smallville", Line("12", "Main Street", unit="B"))
        [result] = json.loads(nearest(HERE, limit=5).json)
        assert result == {
            "label": "12 Main Street B, Smallville, KS 66002", "number": "12", "street": "Main Street", "unit": "B",
            "city": "Smallville", "region": "KS", "postcode": "66002",
            "location": {"latitude": 40.1, "longitude": -99.95}, "distance": 0.0, "source": "city",
        }  # fmt: skip

    @pytest.mark.parametrize("place", [HERE, Point(0, 90, srid=4326), Point(180, -90, srid=4326)])
    def test_nothing_near_is_nothing(self, place: Point) -> None:
        assert nearest(place, limit=5) == own.Found("[]", good=False)
        has_addresses("smallville", Line("1", "Far St", -90.0, 30.0))
        assert nearest(place, limit=5) == own.Found("[]", good=False)


class TestSearch:
    @pytest.fixture(autouse=True)
    def addresses(self, city: None) -> None:
        numbers = ("1", "2", "12", "12A", "14", "120", "121")
        has_addresses(
            "smallville",
            *(Line(number, "Main Street", -99.95 + 0.001 * n) for n, number in enumerate(numbers)),
            *(Line(number, "Maple Avenue", -99.94 + 0.001 * n) for n, number in enumerate(("1", "12", "30"))),
            Line("5", "Washington Boulevard"),
            Line("60", "E 42nd St"),
            Line("12", "Calle Cañón"),
            Line("8", "Hauptstraße"),
            Line("7", "Oak St", -99.99, 40.1, city="Westend", postcode="66001"),
            Line("7", "Oak St", -99.81, 40.1, city="Eastend", postcode="66003"),
        )

    @pytest.mark.parametrize(
        ("typed", "first"),
        [
            ("12 Main Street", "12 Main Street"),
            ("12 main st", "12 Main Street"),
            ("12 MAIN ST., SMALLVILLE, KS 66002", "12 Main Street"),
            ("Main St 12", "12 Main Street"),
            ("12a main", "12A Main Street"),
            ("12 mai", "12 Main Street"),
            ("12 ma", "12 Main Street"),
            ("12 mapl", "12 Maple Avenue"),
            ("12 mapel ave", "12 Maple Avenue"),
            ("5 wahsington blvd", "5 Washington Boulevard"),
            ("5 washngton", "5 Washington Boulevard"),
            ("washingtn", "5 Washington Boulevard"),
            ("60 e 42 st", "60 E 42nd St"),
            ("42nd street", "60 E 42nd St"),
            ("calle canon 12", "12 Calle Cañón"),
            ("hauptstr. 8", "8 Hauptstraße"),
            ("Hauptstrasse", "8 Hauptstraße"),
        ],
    )
    def test_what_was_meant_comes_first(self, typed: str, first: str) -> None:
        assert found(typed)[0] == first
        assert search(typed, near=None, limit=5).good

    def test_the_exact_number_before_longer_ones(self) -> None:
        assert found("12 Main Street", limit=4) == [
            "12 Main Street", "120 Main Street", "121 Main Street", "12A Main Street"
        ]  # fmt: skip

    def test_a_street_alone_gives_its_addresses_the_nearest_first(self) -> None:
        assert found("main street", near=Point(-99.946, 40.1, srid=4326), limit=3)[0] == "14 Main Street"

    def test_a_number_that_is_not_there_gives_the_street(self) -> None:
        assert set(found("999 main street", limit=3)) <= {f"{n} Main Street" for n in (1, 2, 12, 14, 120, 121, "12A")}

    def test_of_equals_the_nearer(self) -> None:
        def cities(**more: Any) -> list[str]:
            return [result["city"] for result in json.loads(search("7 oak st", limit=5, **more).json)]

        assert cities(near=Point(-99.82, 40.1, srid=4326)) == ["Eastend", "Westend"]
        assert cities(near=Point(-99.98, 40.1, srid=4326)) == ["Westend", "Eastend"]
        assert sorted(cities(near=None)) == ["Eastend", "Westend"]

    def test_the_city_that_was_typed_before_the_nearer(self) -> None:
        near = Point(-99.82, 40.1, srid=4326)
        assert json.loads(search("7 oak st westend", near=near, limit=5).json)[0]["city"] == "Westend"
        assert json.loads(search("7 oak st 66001", near=near, limit=5).json)[0]["city"] == "Westend"

    @pytest.mark.parametrize("typed", ["xyzzyx qwrt", "###", "12", "1" * 200, "%", "\\", "'; DROP TABLE x --", "☃☃"])
    def test_nonsense_is_no_good_answer(self, typed: str) -> None:
        assert not search(typed, near=None, limit=5).good
        assert Address.objects.exists()

    def test_distance_only_to_a_place(self) -> None:
        for near, distance in ((None, None), (HERE, 0.0)):
            assert json.loads(search("1 main street", near=near, limit=1).json)[0]["distance"] == distance


def test_all_goes_through_the_indexes(django_assert_num_queries: Any) -> None:
    lines = (
        Line(
            str(n % 40), f"{'abcdefghijklmnop'[n // 400]}o{n // 40}x Street", -99.95 + n % 97 * 1e-3, 40 + n % 89 * 2e-3
        )
        for n in range(3000)
    )
    has_addresses("smallville", *lines)
    assert (Address.objects.count(), Street.objects.count()) == (3000, 75)
    ways = readings("12 aox street")
    typed = {
        "numbers": [way.number for way in ways],
        "rests": [way.rest for way in ways],
        "cores": [way.core for way in ways],
        "least": own.LEAST_FIT,
    }
    with connection.cursor() as cursor:
        # Seventy-five streets are a page or two: which index can be used is what counts with thirty thousand.
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = explained(own._NEAREST, longitude=HERE.x, latitude=HERE.y, radius=500, limit=5)
    assert "Seq Scan" not in plan
    assert plan.count("using geo_address_place") + plan.count("on geo_address_place") == 2
    assert "Order By: (place <-> " in plan
    for longitude, latitude in ((None, None), (HERE.x, HERE.y)):
        plan = explained(own._SEARCH, **typed, longitude=longitude, latitude=latitude, limit=5)
        assert "Seq Scan" not in plan
        assert "Index Scan using street_core on geo_street" in plan
        assert "Order By: (core <->> " in plan
        assert plan.count("address_number") == 2
    with django_assert_num_queries(1):
        search("12 aox street", near=None, limit=5)
    with django_assert_num_queries(1):
        nearest(HERE, limit=5)


def explained(sql: str, **parameters: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {sql}", parameters)
        return "\n".join(line for (line,) in cursor.fetchall())
