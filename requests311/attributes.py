"""Checks a resident's answers against the service's own questions (datatypes of Open311 GeoReport v2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from requests311.catalogue import Offer
from requests311.errors import InputError, Invalid
from requests311.models import Attribute, Datatype

STRING_LENGTH = 300
TEXT_LENGTH = 4000


class _Wrong(Exception):
    """(code, detail) of a value that its datatype refuses."""


def check_answers(offer: Offer, answers: Mapping[str, Any], *, partly: bool = False) -> dict[str, Any]:
    """The answers, cleaned and in the service's order; raises Invalid with a pointer for each wrong one.

    Given `partly`, answers that the service requires may be missing.
    """
    errors: list[InputError] = []
    clean: dict[str, Any] = {}
    known = {attribute.code for attribute in offer.attributes}
    for code in answers:
        if code not in known:
            detail = f"{offer.service.name} has no attribute {code!r}."
            errors.append(InputError(_pointer(code), "unknown_attribute", detail))
    for attribute in offer.attributes:
        error = _check_one(attribute, answers, clean)
        if error and not (partly and error.code == "required"):
            errors.append(error)
    if errors:
        raise Invalid(errors=errors)
    return clean


def _check_one(attribute: Attribute, answers: Mapping[str, Any], clean: dict[str, Any]) -> InputError | None:
    answer = answers.get(attribute.code)
    given = answer is not None and answer not in ("", [])
    if not _is_asked(attribute, clean):
        if given:
            detail = f"{attribute.code} is not asked with these answers."
            return InputError(_pointer(attribute.code), "not_asked", detail)
        return None
    if not given:
        if attribute.required:
            return InputError(_pointer(attribute.code), "required", f"{attribute.code} is required.")
        return None
    try:
        clean[attribute.code] = _CHECKS[Datatype(attribute.datatype)](attribute, answer)
    except _Wrong as wrong:
        code, detail = wrong.args
        return InputError(_pointer(attribute.code), code, detail)
    return None


def _is_asked(attribute: Attribute, clean: Mapping[str, Any]) -> bool:
    if not attribute.depends_on:
        return True
    answer = clean.get(attribute.depends_on["attribute"])
    wanted = attribute.depends_on["value"]
    return wanted in answer if isinstance(answer, list) else answer == wanted


def _string(limit: int) -> Any:
    def check(attribute: Attribute, answer: Any) -> str:
        if not isinstance(answer, str):
            raise _Wrong("wrong_type", f"{attribute.code} must be a string.")
        if "\0" in answer:
            raise _Wrong("wrong_type", f"{attribute.code} holds a null character, which no text has.")
        if len(answer) > limit:
            raise _Wrong("too_long", f"{attribute.code} has more than {limit} characters.")
        return answer

    return check


def _number(attribute: Attribute, answer: Any) -> int | float:
    if isinstance(answer, bool) or not isinstance(answer, int | float) or answer != answer:
        raise _Wrong("wrong_type", f"{attribute.code} must be a number.")
    if abs(answer) > 1e15:
        raise _Wrong("out_of_range", f"{attribute.code} is beyond ±10^15.")
    # One phone writes 3 and another 3.0; to a routing rule they are one answer.
    return int(answer) if answer == int(answer) else answer


def _datetime(attribute: Attribute, answer: Any) -> str:
    try:
        moment = datetime.fromisoformat(answer)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise _Wrong("wrong_type", f"{attribute.code} must be an ISO 8601 time with a zone.")
    return moment.isoformat()


def _single(attribute: Attribute, answer: Any) -> str:
    keys = [value["key"] for value in attribute.values]
    if not isinstance(answer, str) or answer not in keys:
        raise _Wrong("unknown_value", f"{attribute.code} must be one of {', '.join(keys)}.")
    return answer


def _multi(attribute: Attribute, answer: Any) -> list[str]:
    if not isinstance(answer, list):
        raise _Wrong("wrong_type", f"{attribute.code} must be a list.")
    chosen = {_single(attribute, item) for item in answer}
    return [value["key"] for value in attribute.values if value["key"] in chosen]


_CHECKS = {
    Datatype.STRING: _string(STRING_LENGTH),
    Datatype.TEXT: _string(TEXT_LENGTH),
    Datatype.NUMBER: _number,
    Datatype.DATETIME: _datetime,
    Datatype.SINGLEVALUELIST: _single,
    Datatype.MULTIVALUELIST: _multi,
}


def _pointer(code: str) -> str:
    return f"/attributes/{code.replace('~', '~0').replace('/', '~1')}"
