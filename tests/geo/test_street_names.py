"""Many ways to write one address are one when compared."""

import pytest

from geo.street_names import Reading, core, folded, folded_number, readings


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("12 Main Street", "12 main st"),
        ("12 MAIN ST.", "12 main st"),
        ("North Máin Avenue", "n main av"),
        ("Hauptstraße 5", "haupt st 5"),
        ("Hauptstr. 5", "haupt st 5"),
        ("E 42nd St", "e 42 st"),
        ("O'Hara Blvd", "ohara bd"),
        ("O’Hara Boulevard", "ohara bd"),
        ("Østergade", "ostergade"),
        ("Łódzka", "lodzka"),
        ("Ｍain　Ｓt", "main st"),
        ("улица Ленина", "улица ленина"),
        ("under_score", "under score"),
        ("--- .,", ""),
        ("", ""),
    ],
)
def test_folded(written: str, expected: str) -> None:
    assert folded(written) == expected
    assert folded(expected) == expected, "what is folded stays as it is"


def test_the_core_is_what_tells_a_street_from_others() -> None:
    assert core("N Willow Street") == "willow"
    assert core("Avenue B") == "b"
    assert core("North Street") == "n st"
    assert core("...") == ""


def test_house_numbers() -> None:
    assert [folded_number(number) for number in ("12", "12 A", "12-34", "12/2", "½", "")] == [
        "12", "12a", "12-34", "12/2", "12", ""
    ]  # fmt: skip


def test_a_number_in_front_is_a_house_number_first() -> None:
    assert readings("12 Main Street") == [
        Reading("12", "main st", "main"),
        Reading("", "12 main st", "12 main"),
    ]


def test_a_number_at_the_end_may_be_one_too() -> None:
    assert [way.number for way in readings("Hauptstr. 12")] == ["12", ""]
    assert [way.number for way in readings("12 Main St 66002")] == ["12", "66002", ""]


def test_a_number_without_a_name_is_the_name() -> None:
    """Or it were house 42 of every street."""
    assert readings("42nd Street") == [Reading("", "42 st", "42")]
    assert readings("12 42nd Street")[0] == Reading("12", "42 st", "42")
    assert readings("?!") == []
