"""Due times, against a reference that is slow and plain."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests311.deadlines import due_at, is_working_day
from requests311.models import DueUnit, Jurisdiction, Service

ZONES = ["America/New_York", "America/Chicago", "UTC", "Asia/Kolkata", "America/Havana", "America/Nuuk", "Asia/Beirut"]


def city(zone: str = "America/New_York", **fields: object) -> Jurisdiction:
    return Jurisdiction(**{"time_zone": zone, "holidays_country": "US", "holidays_subdivision": "NY", **fields})


def promise(after: int | None, unit: DueUnit) -> Service:
    return Service(due_after=after, due_unit=unit)


def last_second(day: date, zone: ZoneInfo) -> datetime:
    """Found by walking through all of UTC that may be this day there."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=40)
    step = timedelta(minutes=15)
    while moment.astimezone(zone).date() > day:
        moment -= step
    while (moment + timedelta(seconds=1)).astimezone(zone).date() <= day:
        moment += timedelta(seconds=1)
    return moment


def reference(after: int, zone: ZoneInfo, off: set[date], submitted_at: datetime) -> datetime:
    """All days from the report on, those off taken out; a report on a day off counts from before the next one."""
    first = submitted_at.astimezone(zone).date()
    days = [first + timedelta(days=number) for number in range(200)]
    working = [day for day in days if day.isoweekday() <= 5 and day not in off]
    count = after if working[0] == first else max(after, 1) - 1
    return last_second(working[count], zone)


# hypothesis wants the bounds without a zone.
moments = st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.integers(0, 40), st.sampled_from(ZONES), moments, st.sets(st.integers(0, 60), max_size=8))
def test_working_days(after: int, zone: str, moment: datetime, closed: set[int]) -> None:
    closures = {moment.date() + timedelta(days=number) for number in closed}
    jurisdiction = city(zone, closure_days=sorted(closures))
    off = closures | set(holidays.country_holidays("US", subdiv="NY", years=range(2024, 2030)))
    expected = reference(after, ZoneInfo(zone), off, moment)
    assert due_at(promise(after, DueUnit.WORKING_DAYS), jurisdiction, submitted_at=moment) == expected


@given(st.integers(0, 400), st.sampled_from(ZONES), moments)
def test_calendar_days(after: int, zone: str, moment: datetime) -> None:
    day = moment.astimezone(ZoneInfo(zone)).date() + timedelta(days=after)
    expected = last_second(day, ZoneInfo(zone))
    assert due_at(promise(after, DueUnit.CALENDAR_DAYS), city(zone), submitted_at=moment) == expected


@given(st.integers(0, 1000), st.sampled_from(ZONES), moments)
def test_hours_are_elapsed_hours(after: int, zone: str, moment: datetime) -> None:
    """Whatever zone the moment is written in: adding to a local time would add hours of the clock."""
    due = due_at(promise(after, DueUnit.HOURS), city(zone), submitted_at=moment.astimezone(ZoneInfo(zone)))
    assert due is not None
    assert due - moment == timedelta(hours=after)


@pytest.mark.parametrize("unit", list(DueUnit))
def test_no_promise(unit: DueUnit) -> None:
    assert due_at(promise(None, unit), city(), submitted_at=datetime(2026, 1, 1, tzinfo=UTC)) is None


def local(text: str, zone: str = "America/New_York") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("submitted", "after", "due"),
    [
        ("2026-11-16 09:00", 1, "2026-11-17 23:59:59"),  # Monday
        ("2026-11-20 09:00", 1, "2026-11-23 23:59:59"),  # Friday, over the weekend
        ("2026-11-21 09:00", 1, "2026-11-23 23:59:59"),  # Saturday: Monday is the first day
        ("2026-11-21 09:00", 0, "2026-11-23 23:59:59"),
        ("2026-11-20 23:59", 0, "2026-11-20 23:59:59"),
        ("2026-11-25 09:00", 1, "2026-11-27 23:59:59"),  # over Thanksgiving
        ("2026-12-31 09:00", 1, "2027-01-04 23:59:59"),  # over New Year and a weekend
        ("2027-12-30 09:00", 1, "2028-01-03 23:59:59"),  # New Year's Day 2028 is kept on 31 December 2027
        ("2026-07-02 09:00", 1, "2026-07-06 23:59:59"),  # 4 July is a Saturday, kept on the Friday
        ("2026-10-30 09:00", 1, "2026-11-02 23:59:59"),  # the clocks go back on the Sunday
        ("2026-03-06 09:00", 1, "2026-03-09 23:59:59"),  # and forward
    ],
)
def test_days_of_a_calendar(submitted: str, after: int, due: str) -> None:
    found = due_at(promise(after, DueUnit.WORKING_DAYS), city(), submitted_at=local(submitted))
    assert found == local(due)


def test_the_citys_own_week_and_no_country() -> None:
    sunday_to_thursday = city(working_days=[7, 1, 2, 3, 4], holidays_country="", holidays_subdivision="")
    assert is_working_day(date(2026, 11, 22), sunday_to_thursday)
    assert not is_working_day(date(2026, 11, 20), sunday_to_thursday)
    assert is_working_day(date(2026, 12, 25), city(holidays_country="", holidays_subdivision=""))
    assert not is_working_day(date(2026, 12, 25), city())


def test_a_subdivisions_holiday_is_its_own() -> None:
    lincoln = date(2026, 2, 12)
    assert not is_working_day(lincoln, city())
    assert is_working_day(lincoln, city(holidays_subdivision="TX"))


def test_the_day_is_the_citys_not_londons() -> None:
    """A report of 20:00 on Friday in New York comes when it is Saturday in UTC."""
    due = due_at(promise(0, DueUnit.WORKING_DAYS), city(), submitted_at=datetime(2026, 11, 21, 1, tzinfo=UTC))
    assert due == local("2026-11-20 23:59:59")


def test_the_hour_that_comes_twice_before_midnight() -> None:
    """In Nuuk the clocks go back at midnight: Saturday's 23:59:59 comes twice, and the second is the last."""
    due = due_at(
        promise(0, DueUnit.CALENDAR_DAYS), city("America/Nuuk"), submitted_at=datetime(2026, 10, 24, 12, tzinfo=UTC)
    )
    assert due == datetime(2026, 10, 25, 1, 59, 59, tzinfo=UTC)
