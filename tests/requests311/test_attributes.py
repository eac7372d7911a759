"""A resident's answers against the questions of the service."""

from typing import Any

import pytest

from requests311.attributes import STRING_LENGTH, TEXT_LENGTH, check_answers
from requests311.catalogue import Offer
from requests311.errors import Invalid
from requests311.models import Attribute, Datatype, Service
from tests.requests311.reporting import pointers

VALUES = [{"key": "lane", "name": "In a lane"}, {"key": "curb", "name": "At the kerb"}, {"key": "a/b~c", "name": "?"}]


def question(code: str, datatype: Datatype = Datatype.STRING, **fields: Any) -> Attribute:
    if datatype in (Datatype.SINGLEVALUELIST, Datatype.MULTIVALUELIST):
        fields.setdefault("values", VALUES)
    return Attribute(code=code, datatype=datatype, **fields)


def offer(*questions: Attribute) -> Offer:
    return Offer(service=Service(name="Pothole"), attributes=questions, area_ids=frozenset())


def refusals(answers: dict[str, Any], *questions: Attribute) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as info:
        check_answers(offer(*questions), answers)
    return pointers(info)


ACCEPTED: list[tuple[Datatype, Any, Any]] = [
    (Datatype.STRING, "11 Main St", "11 Main St"),
    (Datatype.STRING, "é" * STRING_LENGTH, "é" * STRING_LENGTH),
    (Datatype.TEXT, "two\nlines", "two\nlines"),
    (Datatype.TEXT, "x" * TEXT_LENGTH, "x" * TEXT_LENGTH),
    (Datatype.NUMBER, 0, 0),
    (Datatype.NUMBER, -2.5, -2.5),
    (Datatype.NUMBER, 10**15, 10**15),
    (Datatype.DATETIME, "2026-11-21T10:00:00Z", "2026-11-21T10:00:00+00:00"),
    (Datatype.DATETIME, "2026-11-21T10:00:00-05:00", "2026-11-21T10:00:00-05:00"),
    (Datatype.SINGLEVALUELIST, "lane", "lane"),
    (Datatype.MULTIVALUELIST, ["lane"], ["lane"]),
    # In the order of the question, each once.
    (Datatype.MULTIVALUELIST, ["curb", "lane", "curb"], ["lane", "curb"]),
]


@pytest.mark.parametrize(("datatype", "answer", "kept"), ACCEPTED)
def test_an_answer_that_is_taken(datatype: Datatype, answer: Any, kept: Any) -> None:
    assert check_answers(offer(question("q", datatype)), {"q": answer}) == {"q": kept}


REFUSED: list[tuple[Datatype, Any, str]] = [
    (Datatype.STRING, 5, "wrong_type"),
    (Datatype.STRING, ["a"], "wrong_type"),
    (Datatype.STRING, {"a": 1}, "wrong_type"),
    (Datatype.STRING, False, "wrong_type"),
    (Datatype.STRING, "a\0b", "wrong_type"),
    (Datatype.STRING, "x" * (STRING_LENGTH + 1), "too_long"),
    (Datatype.TEXT, 5, "wrong_type"),
    (Datatype.TEXT, "a\0b", "wrong_type"),
    (Datatype.TEXT, "x" * (TEXT_LENGTH + 1), "too_long"),
    (Datatype.NUMBER, "5", "wrong_type"),
    (Datatype.NUMBER, True, "wrong_type"),
    (Datatype.NUMBER, False, "wrong_type"),
    (Datatype.NUMBER, float("nan"), "wrong_type"),
    (Datatype.NUMBER, float("inf"), "out_of_range"),
    (Datatype.NUMBER, float("-inf"), "out_of_range"),
    (Datatype.NUMBER, 1.1e15, "out_of_range"),
    (Datatype.NUMBER, -(10**15) - 1, "out_of_range"),
    # Beyond every float: isfinite() of it would raise OverflowError.
    (Datatype.NUMBER, 10**400, "out_of_range"),
    (Datatype.NUMBER, [1], "wrong_type"),
    (Datatype.DATETIME, "yesterday", "wrong_type"),
    (Datatype.DATETIME, "2026-11-21T10:00:00", "wrong_type"),
    (Datatype.DATETIME, "2026-11-21", "wrong_type"),
    (Datatype.DATETIME, "2026-02-30T10:00:00Z", "wrong_type"),
    (Datatype.DATETIME, 1763719200, "wrong_type"),
    (Datatype.DATETIME, ["2026-11-21T10:00:00Z"], "wrong_type"),
    (Datatype.SINGLEVALUELIST, "In a lane", "unknown_value"),
    (Datatype.SINGLEVALUELIST, "LANE", "unknown_value"),
    (Datatype.SINGLEVALUELIST, ["lane"], "unknown_value"),
    (Datatype.SINGLEVALUELIST, 1, "unknown_value"),
    (Datatype.SINGLEVALUELIST, {"key": "lane"}, "unknown_value"),
    (Datatype.MULTIVALUELIST, "lane", "wrong_type"),
    (Datatype.MULTIVALUELIST, {"lane": True}, "wrong_type"),
    (Datatype.MULTIVALUELIST, ["lane", "sky"], "unknown_value"),
    (Datatype.MULTIVALUELIST, [["lane"]], "unknown_value"),
    (Datatype.MULTIVALUELIST, [None], "unknown_value"),
]


@pytest.mark.parametrize(("datatype", "answer", "code"), REFUSED)
def test_an_answer_that_is_refused(datatype: Datatype, answer: Any, code: str) -> None:
    assert refusals({"q": answer}, question("q", datatype)) == [("/attributes/q", code)]


@pytest.mark.parametrize("nothing", [{}, {"q": None}, {"q": ""}, {"q": []}])
@pytest.mark.parametrize("datatype", list(Datatype))
def test_nothing_is_an_answer_only_where_none_is_required(datatype: Datatype, nothing: dict[str, Any]) -> None:
    assert check_answers(offer(question("q", datatype)), nothing) == {}
    assert refusals(nothing, question("q", datatype, required=True)) == [("/attributes/q", "required")]


@pytest.mark.parametrize("answer", [0, 0.0])
def test_zero_is_an_answer(answer: float) -> None:
    assert check_answers(offer(question("q", Datatype.NUMBER, required=True)), {"q": answer}) == {"q": 0}


def test_whole_numbers_are_one_answer_however_a_phone_writes_them() -> None:
    answer = check_answers(offer(question("q", Datatype.NUMBER)), {"q": 3.0})["q"]
    assert str(answer) == "3"


def test_an_unknown_attribute_is_pointed_at() -> None:
    assert refusals({"a/b~c": 1}, question("q")) == [("/attributes/a~1b~0c", "unknown_attribute")]


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = refusals({"x": 1, "n": "1"}, question("n", Datatype.NUMBER), question("r", required=True))
    assert wrong == [
        ("/attributes/x", "unknown_attribute"),
        ("/attributes/n", "wrong_type"),
        ("/attributes/r", "required"),
    ]


def test_answers_are_kept_in_the_order_of_the_questions() -> None:
    clean = check_answers(offer(question("a"), question("b")), {"b": "2", "a": "1"})
    assert list(clean) == ["a", "b"]


class TestDependsOn:
    position = question("position", Datatype.SINGLEVALUELIST)
    several = question("several", Datatype.MULTIVALUELIST)

    def lane(self, on: str) -> Attribute:
        return question("lane", Datatype.NUMBER, required=True, depends_on={"attribute": on, "value": "lane"})

    def test_it_is_asked_where_the_other_was_answered_so(self) -> None:
        both = {"position": "lane", "lane": 2}
        assert check_answers(offer(self.position, self.lane("position")), both) == both
        assert refusals({"position": "lane"}, self.position, self.lane("position")) == [
            ("/attributes/lane", "required")
        ]

    @pytest.mark.parametrize("answers", [{}, {"position": "curb"}])
    def test_it_is_not_required_where_it_is_not_asked(self, answers: dict[str, Any]) -> None:
        assert check_answers(offer(self.position, self.lane("position")), answers) == answers

    @pytest.mark.parametrize("answers", [{}, {"position": "curb"}])
    def test_an_answer_that_was_not_asked_for_is_refused(self, answers: dict[str, Any]) -> None:
        wrong = refusals({**answers, "lane": 2}, self.position, self.lane("position"))
        assert wrong == [("/attributes/lane", "not_asked")]

    def test_one_of_several_values_is_enough(self) -> None:
        both = {"several": ["lane", "curb"], "lane": 1}
        assert check_answers(offer(self.several, self.lane("several")), both) == both
        wrong = refusals({"several": ["curb"], "lane": 1}, self.several, self.lane("several"))
        assert wrong == [("/attributes/lane", "not_asked")]
