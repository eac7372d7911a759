"""Working calendar → due times."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from requests311.models import DueUnit, Jurisdiction, Service


def due_at(service: Service, jurisdiction: Jurisdiction, *, submitted_at: datetime) -> datetime | None:
    """When the jurisdiction promises to have answered; None where the service promises nothing.

    Working days count from the day after submission, or from the first working day where the report came
    on a day off, and end at the last second of the local day. Calendar days end the same way. Hours are
    elapsed hours, whatever the clocks do meanwhile.
    """
    if service.due_after is None:
        return None
    if service.due_unit == DueUnit.HOURS:
        return submitted_at.astimezone(UTC) + timedelta(hours=service.due_after)
    zone = ZoneInfo(jurisdiction.time_zone)
    day = submitted_at.astimezone(zone).date()
    if service.due_unit == DueUnit.CALENDAR_DAYS:
        return _end_of(day + timedelta(days=service.due_after), zone)
    left = service.due_after
    while left or not is_working_day(day, jurisdiction):
        day += timedelta(days=1)
        if left and is_working_day(day, jurisdiction):
            left -= 1
    return _end_of(day, zone)


def is_working_day(day: date, jurisdiction: Jurisdiction) -> bool:
    return (
        day.isoweekday() in jurisdiction.working_days
        and day not in jurisdiction.closure_days
        and day not in _public_holidays(jurisdiction.holidays_country, jurisdiction.holidays_subdivision, day.year)
    )


@lru_cache(maxsize=256)
def _public_holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    if not country:
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    # Counted back from the next midnight: where the clocks change around it, 23:59:59 comes twice or never.
    tomorrow = day + timedelta(days=1)
    midnight = datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone)
    # In UTC, since Python never finds a local time that comes twice equal to anything.
    return midnight.astimezone(UTC) - timedelta(seconds=1)
