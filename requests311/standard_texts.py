"""The placeholders of a standard text: which there are, whether a text is sound, and what becomes of it.

A placeholder is a name in braces and nothing else. What people write never reaches `str.format`, which would let
"{number.__class__}" walk through our objects: one regular expression finds the names, and a table says their values.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from django.utils import formats, translation

if TYPE_CHECKING:
    from requests311.models.service_request import ServiceRequest

#: As much as a move takes; a filled text is clipped to it.
LONGEST = 4000
#: Stands where the request has no value, so that whoever picks the text sees that something is missing.
GAP = "…"

#: Name → what it becomes, for the documentation and for the people who write texts.
PLACEHOLDERS: dict[str, str] = {
    "number": "the number that people read out: 7K3F-9QTD",
    "service": "the name of the service, in the language of the text as far as it is translated",
    "department": "the name of the department that has the request",
    "department_phone": "its telephone number",
    "department_email": "its e-mail address",
    "jurisdiction": "the name of the jurisdiction",
    "address": "where it is, as the request says it",
    "submitted": "the day it was reported, as people of the language write it",
    "due": "the day until which it is promised, likewise",
}

#: BCP 47: language, script, region, in the customary case.
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")

_BRACES = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z_]+")
#: A text of 4,000 characters has room for 2,000 mistakes; nobody reads more than a few.
_PROBLEMS_AT_MOST = 10


class Problem(NamedTuple):
    """What is wrong with a text: a stable code, and the same for a person."""

    code: str
    detail: str


def check(text: str) -> list[Problem]:
    """What is wrong with a text, at most ten problems; none for a sound one.

    Codes: `blank`, `unknown_placeholder`, `malformed_placeholder`, `unbalanced_brace`.
    """
    if not text.strip():
        return [Problem("blank", "A text says something.")]
    problems = [problem for name in dict.fromkeys(_BRACES.findall(text)) if (problem := _problem_of(name))]
    if re.search(r"[{}]", _BRACES.sub("", text)):
        detail = "A brace has no partner. Braces stand around the name of a placeholder only, one pair each: {number}."
        problems.append(Problem("unbalanced_brace", detail))
    return problems[:_PROBLEMS_AT_MOST]


def fill(text: str, request: "ServiceRequest", language: str) -> str:
    """The text as it reads for this request, at most LONGEST characters.

    `language` is the BCP 47 tag of the text. Needs service, department and jurisdiction at hand. What the request
    does not have becomes GAP. A value is never looked through for placeholders itself.
    """
    values = _values(request, language)
    filled = _BRACES.sub(lambda found: _value(found, values), text)
    return filled if len(filled) <= LONGEST else filled[: LONGEST - len(GAP)].rstrip() + GAP


def missing(text: str, request: "ServiceRequest") -> list[str]:
    """The placeholders of the text that this request has no value for, in the order of the text."""
    values = _values(request, "")
    return [name for name in dict.fromkeys(_BRACES.findall(text)) if values.get(name) == ""]


def _problem_of(name: str) -> Problem | None:
    known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
    if name in PLACEHOLDERS:
        return None
    shown = name if len(name) <= 40 else f"{name[:40]}{GAP}"
    if _NAME.fullmatch(name):
        return Problem("unknown_placeholder", f"{{{shown}}} is no placeholder; known are {known}.")
    detail = f"{{{shown}}} is no placeholder: a name stands alone in its braces; known are {known}."
    return Problem("malformed_placeholder", detail)


def _value(found: "re.Match[str]", values: Mapping[str, str]) -> str:
    value = values.get(found[1])
    # Not one of ours, from a row that was written past the check: left as it is.
    return found[0] if value is None else value or GAP


def _values(request: "ServiceRequest", language: str) -> dict[str, str]:
    department, zone = request.department, ZoneInfo(request.jurisdiction.time_zone)
    return {
        "number": request.number,
        "service": _translated(request.service.translations, language) or request.service.name,
        "department": department.name,
        "department_phone": department.phone,
        "department_email": department.email,
        "jurisdiction": request.jurisdiction.name,
        "address": request.address,
        "submitted": _day(request.submitted_at, zone, language),
        "due": _day(request.due_at, zone, language),
    }


def _translated(translations: Mapping[str, Mapping[str, str]], language: str) -> str:
    """The name in the language or in what it is a kind of ("es-MX", "es"); empty where there is none."""
    by_lower = {tag.lower(): words.get("name", "") for tag, words in translations.items()}
    parts = language.lower().split("-")
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((by_lower[tag] for tag in tags if by_lower.get(tag)), "")


def _day(moment: datetime | None, zone: ZoneInfo, language: str) -> str:
    if moment is None:
        return ""
    with translation.override(language.lower() or None):
        return formats.date_format(moment.astimezone(zone).date(), "DATE_FORMAT")
