"""The number that people read out: what it catches, what it forgives, what it does not tell."""

import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests311 import numbers
from requests311.numbers import ALPHABET

LETTERS = st.sampled_from(ALPHABET)
codes = st.lists(LETTERS, min_size=7, max_size=7).map("".join)


def made_from(code: str) -> str:
    """The number that `make` gives where it draws this code."""
    draws = iter(code)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "choice", lambda _: next(draws))
        return numbers.make()


@given(codes)
def test_a_number_is_its_own_normal_form(code: str) -> None:
    number = made_from(code)
    assert number.replace("-", "")[:7] == code
    assert numbers.normalise(number) == number


@given(codes)
def test_every_single_wrong_character_is_caught(code: str) -> None:
    number = made_from(code)
    for place, right in enumerate(number):
        if right != "-":
            for wrong in set(ALPHABET) - {right}:
                assert numbers.normalise(number[:place] + wrong + number[place + 1 :]) is None


@given(codes)
def test_handwriting_is_forgiven(code: str) -> None:
    number = made_from(code)
    for written in (
        number.lower(),
        number.replace("-", ""),
        number.replace("-", " "),
        f" {number} ",
        number.replace("1", "I").replace("0", "O"),
        number.replace("1", "l").replace("0", "o"),
    ):
        assert numbers.normalise(written) == number


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_number_or_none(text: str) -> None:
    found = numbers.normalise(text)
    assert found is None or numbers.normalise(found) == found


@pytest.mark.parametrize(
    "text", ["", "-", "7K3F", "7K3F-9QTD-0", "0" * 9, "7K3F-9QT\0", "UUUU-UUUU", "１１１１-１１１１"]
)
def test_what_is_no_number(text: str) -> None:
    assert numbers.normalise(text) is None


def test_neighbours_in_time_are_not_neighbours_in_number() -> None:
    made = [numbers.make() for _ in range(200)]
    assert len(set(made)) == 200
    assert made != sorted(made)
    assert made != sorted(made, reverse=True)
    # Every place varies: nothing counts up and no part is a date or a place.
    for place in (0, 1, 2, 3, 5, 6, 7):
        assert len({number[place] for number in made}) > 8


def test_the_draw_is_the_operating_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def choice(alphabet: str) -> str:
        seen.append(alphabet)
        return "0"

    monkeypatch.setattr(secrets, "choice", choice)
    assert numbers.make() == "0000-0000"
    assert seen == [ALPHABET] * 7
