"""The kinds of value that a city's files hold, each checked as far as one value can be."""

import re
from datetime import time
from typing import Annotated, Any, NamedTuple

import holidays
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db.models import Model
from pydantic import AfterValidator, BeforeValidator, StringConstraints

from requests311.models import DueUnit
from requests311.models.jurisdiction import check_time_zone
from requests311.statuses import Priority

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
#: The usual part of BCP 47: language, script, region, in the customary case.
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_DUE = re.compile(r"([1-9][0-9]{0,3}) (working_day|calendar_day|working_hour|hour)s?")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_PRIORITIES = {priority.name.lower(): priority for priority in Priority}
_check_web_address = URLValidator(schemes=["http", "https"])


class Due(NamedTuple):
    after: int
    unit: DueUnit


def fits(model: type[Model], field: str, *, empty: bool = False) -> StringConstraints:
    """A text no longer than its column, so that what is accepted can be stored."""
    length = model._meta.get_field(field).max_length  # type: ignore[union-attr]  # only given text columns
    return StringConstraints(strip_whitespace=True, min_length=0 if empty else 1, max_length=length)


def _as_text(value: object) -> object:
    """YAML reads 301 as a number; a code is a text. `true` stays what it is and is refused."""
    return str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_slug(text: str) -> str:
    if not re.fullmatch(r"[-a-zA-Z0-9_]+", text):
        raise ValueError(f"{text!r} is not a code: only letters a-z, digits, '-' and '_'")
    return text


def _is_language(tag: str) -> str:
    if not _LANGUAGE_TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is not a BCP 47 language tag such as en, es-419 or zh-Hant")
    return tag


def _is_time_zone(name: str) -> str:
    try:
        check_time_zone(name)
    except ValidationError as error:
        raise ValueError(error.messages[0]) from error
    return name


def _is_email(address: str) -> str:
    try:
        validate_email(address)
    except ValidationError as error:
        raise ValueError(f"{address!r} is not an e-mail address") from error
    return address


def _is_web_address(address: str) -> str:
    try:
        _check_web_address(address)
    except ValidationError as error:
        raise ValueError(f"{address!r} is not a web address such as https://www.example.org/") from error
    return address


def _is_priority(name: object) -> object:
    if not isinstance(name, str) or name not in _PRIORITIES:
        raise ValueError(f"{name!r} is not a priority: {', '.join(_PRIORITIES)}")
    return _PRIORITIES[name]


def _is_weekday(name: str) -> str:
    if name not in WEEKDAYS:
        raise ValueError(f"{name!r} is not a weekday: {', '.join(WEEKDAYS)}")
    return name


def _is_due(text: object) -> object:
    match = _DUE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            f"{text!r} is not a time such as '3 working_days', '10 calendar_days', '24 hours' or '4 working_hours'"
        )
    return Due(after=int(match[1]), unit=DueUnit(f"{match[2]}s"))


def _is_time_of_day(text: object) -> object:
    if not isinstance(text, str) or not _TIME_OF_DAY.fullmatch(text):
        raise ValueError(f"{text!r} is not a time of day such as '08:00' or '17:30'")
    return time.fromisoformat(text)


def _no_twins(values: list[Any]) -> list[Any]:
    twin = next((value for place, value in enumerate(values) if value in values[:place]), None)
    if twin is not None:
        raise ValueError(f"{twin} is in the list twice")
    return values


def why_no_holidays(country: str, subdivision: str) -> str:
    """Empty, or why the `holidays` package has no calendar for ISO 3166-1 country and 3166-2 subdivision."""
    known = holidays.list_supported_countries()
    if len(country) != 2 or country not in known:
        return f"no public holidays are known for country {country!r} (ISO 3166-1, two capital letters)"
    if subdivision and subdivision not in known[country]:
        return f"no public holidays are known for subdivision {subdivision!r} of {country} (ISO 3166-2)"
    return ""


Text = Annotated[str, BeforeValidator(_as_text)]
Slug = Annotated[str, BeforeValidator(_as_text), AfterValidator(_is_slug)]
Language = Annotated[str, AfterValidator(_is_language)]
TimeZone = Annotated[str, AfterValidator(_is_time_zone)]
Email = Annotated[str, AfterValidator(_is_email)]
WebAddress = Annotated[str, AfterValidator(_is_web_address)]
PriorityName = Annotated[Priority, BeforeValidator(_is_priority)]
Weekday = Annotated[str, AfterValidator(_is_weekday)]
DueTime = Annotated[Due, BeforeValidator(_is_due)]
TimeOfDay = Annotated[time, BeforeValidator(_is_time_of_day)]
NoTwins = AfterValidator(_no_twins)
