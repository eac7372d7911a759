"""What clients write in a query or a form: an empty argument is none, a date may come without a zone."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.http import HttpRequest, QueryDict

from api.open311.refusals import Refused
from requests311.models import Jurisdiction

Number = TypeVar("Number", int, float)

#: A comma list has no more entries than one answer has requests.
LIST_AT_MOST = 1000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
#: A plus sign that a client forgot to encode arrives as a space.
_LOST_PLUS = re.compile(r" (\d{2}:?\d{2})$")


class Parameters:
    """The arguments of one request, of the jurisdiction in whose time zone it writes."""

    def __init__(self, given: QueryDict, jurisdiction: Jurisdiction) -> None:
        self._given = given
        self._zone = ZoneInfo(jurisdiction.time_zone)

    def text(self, name: str, *, at_most: int = 300) -> str:
        """Without space around it; "" where it is absent or empty."""
        return text(self._given, name, at_most=at_most)

    def texts(self, name: str, *, at_most: int = LIST_AT_MOST, width: int = 100) -> list[str]:
        """The entries of a comma list, which may also come repeated; each once, in the order given."""
        parts = [part.strip() for value in self._given.getlist(name) for part in checked(name, value).split(",")]
        found = list(dict.fromkeys(part for part in parts if part))
        if len(found) > at_most:
            raise Refused(400, f"{name} has {len(found)} entries, and {at_most} are the most")
        if any(len(part) > width for part in found):
            raise Refused(400, f"{name} has an entry of more than {width} characters")
        return found

    def moment(self, name: str, *, end_of_day: bool = False) -> datetime | None:
        """W3C date and time (ISO 8601); without a zone that of the jurisdiction, without a time the day's begin."""
        value = self.text(name, at_most=40)
        if not value:
            return None
        try:
            if _DATE.fullmatch(value):
                hour = time.max if end_of_day else time.min
                found = datetime.combine(date.fromisoformat(value), hour)
            else:
                found = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", value))
            if found.tzinfo is None:
                found = found.replace(tzinfo=self._zone)
            found = found.astimezone(UTC)
            if not 1900 <= found.year <= 9000:
                raise ValueError("no date of a request")
        except (ValueError, OverflowError) as error:
            detail = f"{name} is not a W3C date such as 2026-11-27T08:30:00Z"
            raise Refused(400, detail) from error
        return found

    def number(self, name: str, *, least: float, most: float) -> float | None:
        value = self.text(name, at_most=40)
        if not value:
            return None
        try:
            found = float(value)
        except ValueError:
            found = math.nan
        if not least <= found <= most:
            raise Refused(400, f"{name} must be a number from {least:g} to {most:g}")
        return found

    def whole(self, name: str, *, least: int, most: int, default: int) -> int:
        value = self.text(name, at_most=40)
        if not value:
            return default
        if not (value.isascii() and value.isdigit()) or not least <= int(value) <= most:
            raise Refused(400, f"{name} must be a whole number from {least} to {most}")
        return int(value)

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in {"", "true", "false", "1", "0"}:
            raise Refused(400, f"{name} must be true or false")
        return value in {"true", "1"}

    def position(self) -> tuple[float, float] | None:
        """(longitude, latitude) in WGS 84 of `lat` and `long`, which come together."""
        latitude = self.number("lat", least=-90, most=90)
        longitude = self.number("long", least=-180, most=180)
        if (latitude is None) != (longitude is None):
            raise Refused(400, "lat and long required: one of them alone says no place")
        return None if latitude is None or longitude is None else (longitude, latitude)

    def items(self) -> Mapping[str, list[str]]:
        return {name: self._given.getlist(name) for name in self._given}


def text(given: QueryDict, name: str, *, at_most: int = 300) -> str:
    found = checked(name, given.get(name) or "").strip()
    if len(found) > at_most:
        raise Refused(400, f"{name} has more than {at_most} characters")
    return found


def checked(name: str, value: str) -> str:
    """Refuses what no database keeps."""
    if "\0" in value:
        raise Refused(400, f"{name} holds a null character, which no text has")
    return value.encode(errors="replace").decode()


def jurisdiction_named(request: HttpRequest) -> Jurisdiction:
    """The one of `jurisdiction_id`, which may be left out where only one is served."""
    given = request.POST if request.method == "POST" else request.GET
    # In the query too: a client that posts a form may have it in its endpoint's address.
    code = text(given, "jurisdiction_id") or text(request.GET, "jurisdiction_id")
    if code:
        found = Jurisdiction.objects.filter(code=code).first()
        if found is None:
            raise Refused(404, f"jurisdiction_id {code} was not found")
        return found
    served = list(Jurisdiction.objects.filter(sandbox=False).order_by("code")[:20])
    if len(served) == 1:
        return served[0]
    if not served:
        raise Refused(404, "no jurisdiction is served here yet")
    raise Refused(400, f"jurisdiction_id required: one of {', '.join(j.code for j in served)}")
