"""Due times, against a reference that is slow and plain."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests311.deadlines import (
    Calendar,
    Pause,
    Target,
    due,
    due_at,
    first_response_due_at,
    is_working_day,
    reached,
)
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


# --- Working hours --------------------------------------------------------------------------------


def hours(amount: int) -> Target:
    return Target(amount, DueUnit.WORKING_HOURS)


def days(amount: int) -> Target:
    return Target(amount, DueUnit.WORKING_DAYS)


def pause(begin: str, end: str | None) -> Pause:
    return Pause(local(begin), local(end) if end else None)


@pytest.mark.parametrize(
    ("since", "amount", "expected"),
    [
        ("2026-11-16 09:00", 4, "2026-11-16 13:00"),  # Monday
        ("2026-11-16 09:00", 0, "2026-11-16 09:00"),
        ("2026-11-16 06:00", 1, "2026-11-16 09:00"),  # before the city opens
        ("2026-11-16 15:30", 4, "2026-11-17 10:30"),
        ("2026-11-16 08:00", 9, "2026-11-16 17:00"),  # at the end of the day, not the beginning of the next
        ("2026-11-16 17:00", 9, "2026-11-17 17:00"),
        ("2026-11-20 16:00", 4, "2026-11-23 11:00"),  # over a weekend
        ("2026-11-21 12:00", 1, "2026-11-23 09:00"),  # on one
        ("2026-11-25 16:00", 2, "2026-11-27 09:00"),  # over Thanksgiving
        ("2026-11-26 10:00", 1, "2026-11-27 09:00"),  # on it
        ("2026-12-31 16:30", 1, "2027-01-04 08:30"),
    ],
)
def test_working_hours(since: str, amount: int, expected: str) -> None:
    assert due(hours(amount), Calendar.of(city()), since=local(since)) == local(expected)


@pytest.mark.parametrize(
    ("since", "amount", "expected"),
    [
        # 8 March 2026: 02:00 EST is 03:00 EDT, and 02:00 to 03:00 is left out. Open from 01:30 to 04:00: 1 h 30 min.
        ("2026-03-08T06:30:00+00:00", 1, "2026-03-08T07:30:00+00:00"),
        ("2026-03-08T06:30:00+00:00", 2, "2026-03-09T06:00:00+00:00"),  # 30 min of Monday, which opens at 05:30 UTC
        ("2026-03-07T06:30:00+00:00", 2, "2026-03-07T08:30:00+00:00"),  # the day before, 2 h 30 min
        # 1 November 2026: 02:00 EDT is 01:00 EST. Open 01:30 to 02:00 EDT, closed, open 01:30 to 04:00 EST: 3 hours.
        ("2026-11-01T05:00:00+00:00", 1, "2026-11-01T07:00:00+00:00"),
        ("2026-11-01T05:00:00+00:00", 3, "2026-11-01T09:00:00+00:00"),
        ("2026-11-01T05:00:00+00:00", 4, "2026-11-02T07:30:00+00:00"),
    ],
)
def test_opening_hours_while_the_clocks_change(since: str, amount: int, expected: str) -> None:
    calendar = Calendar.of(city(working_days=[1, 2, 3, 4, 5, 6, 7], opens_at=time(1, 30), closes_at=time(4)))
    found = due(hours(amount), calendar, since=datetime.fromisoformat(since))
    assert found == datetime.fromisoformat(expected)


def test_opening_hours_that_the_clock_leaves_out() -> None:
    calendar = Calendar.of(city(working_days=[7], opens_at=time(2), closes_at=time(3)))
    assert due(hours(1), calendar, since=local("2026-03-02 09:00")) == local("2026-03-15 03:00")


def test_opening_hours_that_come_twice_count_twice() -> None:
    calendar = Calendar.of(city(working_days=[7], opens_at=time(1), closes_at=time(2)))
    assert due(hours(2), calendar, since=local("2026-10-26 09:00")) == datetime(2026, 11, 1, 7, tzinfo=UTC)


def test_a_day_has_a_working_day_of_opening_hours_whatever_the_clocks_do() -> None:
    """Over the Sundays on which they change, 9 working hours are 9 hours of opening and not 8 or 10."""
    calendar = Calendar.of(city())
    assert due(hours(9), calendar, since=local("2026-03-06 12:00")) == local("2026-03-09 12:00")
    assert due(hours(9), calendar, since=local("2026-10-30 12:00")) == local("2026-11-02 12:00")


def test_microseconds_are_kept() -> None:
    since = local("2026-11-16 16:59:59.999999")
    assert due(hours(1), Calendar.of(city()), since=since) == local("2026-11-17 08:59:59.999999")


@pytest.mark.parametrize("unit", [DueUnit.WORKING_DAYS, DueUnit.WORKING_HOURS])
def test_a_calendar_without_a_working_day_is_an_error_and_not_a_loop(unit: DueUnit) -> None:
    calendar = replace(Calendar.of(city()), working_days=frozenset())
    with pytest.raises(ValueError, match=rf"no {unit.label.lower()} from 2026 to 2036"):
        due(Target(1, unit), calendar, since=local("2026-11-16 09:00"))
    assert due(Target(1, DueUnit.CALENDAR_DAYS), calendar, since=local("2026-11-16 09:00"))


def test_a_calendar_that_begins_to_work_after_years() -> None:
    closed = {date(2026, 1, 1) + timedelta(days=number) for number in range(365 * 3)}
    calendar = Calendar.of(city(closure_days=sorted(closed)))
    assert due(hours(1), calendar, since=local("2026-11-16 09:00")) == local("2029-01-02 09:00")


# --- Pauses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "pauses", "expected"),
    [
        # Of Friday, 20 November 2026, 15:00: on Monday at 10:00, or the last second of Monday.
        (hours(4), [("2026-11-20 17:00", "2026-11-23 08:00")], "2026-11-23 10:00"),  # while nothing counts
        (days(1), [("2026-11-21 00:00", "2026-11-23 00:00")], "2026-11-23 23:59:59"),
        (hours(4), [("2026-11-20 10:00", "2026-11-20 15:00")], "2026-11-23 10:00"),  # before it began
        (hours(4), [("2026-11-23 10:00", "2026-11-30 15:00")], "2026-11-23 10:00"),  # after it was over
        (hours(4), [("2026-11-20 15:00", "2026-11-20 16:00")], "2026-11-23 11:00"),
        (hours(4), [("2026-11-20 14:00", "2026-11-20 16:00")], "2026-11-23 11:00"),
        (hours(4), [("2026-11-20 16:00", "2026-11-23 09:00")], "2026-11-23 12:00"),  # the city closes meanwhile
        (hours(4), [("2026-11-23 09:00", "2026-11-25 16:30")], "2026-11-27 08:30"),  # and over Thanksgiving
        (hours(4), [("2026-11-20 15:30", "2026-11-20 16:30"), ("2026-11-20 15:00", "2026-11-20 16:00")],
         "2026-11-23 11:30"),
        (hours(4), [("2026-11-20 15:00", "2026-11-20 17:00"), ("2026-11-20 15:30", "2026-11-20 16:00")],
         "2026-11-23 12:00"),
        (hours(4), [("2026-11-20 16:00", "2026-11-20 15:00")], "2026-11-23 10:00"),  # it ends before it begins
        # Days: what is lost of a working day takes another one, up to its end.
        (days(1), [("2026-11-20 15:00", "2026-11-20 16:00")], "2026-11-24 23:59:59"),
        (days(1), [("2026-11-20 15:00", "2026-11-21 15:00")], "2026-11-24 23:59:59"),
        (days(1), [("2026-11-23 00:00", "2026-11-25 00:00")], "2026-11-25 23:59:59"),
        (days(1), [("2026-11-20 15:00", "2026-11-20 15:00:01")], "2026-11-23 23:59:59"),  # the second that was left
        (days(1), [("2026-11-20 15:00", "2026-11-20 15:00:02")], "2026-11-24 23:59:59"),
    ],
)  # fmt: skip
def test_pauses(target: Target, pauses: list[tuple[str, str]], expected: str) -> None:
    found = due(
        target,
        Calendar.of(city()),
        since=local("2026-11-20 15:00"),
        pauses=[pause(*times) for times in pauses],
    )
    assert found == local(expected)


def test_a_second_lost_before_a_weekend_makes_nothing_due_on_it() -> None:
    """Friday's budget is used up at midnight, which is Saturday by the clock."""
    since, second = local("2026-11-20 09:00"), [pause("2026-11-20 10:00", "2026-11-20 10:00:01")]
    assert due(days(0), Calendar.of(city()), since=since, pauses=second) == local("2026-11-20 23:59:59")


def test_a_pause_that_has_not_ended_lasts_till_now() -> None:
    calendar, since = Calendar.of(city()), local("2026-11-16 09:00")
    waiting = [pause("2026-11-16 10:00", None)]
    assert due(hours(4), calendar, since=since, pauses=waiting) == local("2026-11-16 13:00")
    for now, expected in (
        ("2026-11-16 09:30", "2026-11-16 13:00"),
        ("2026-11-16 11:00", "2026-11-16 14:00"),
        ("2026-11-17 10:00", "2026-11-17 13:00"),
    ):
        assert due(hours(4), calendar, since=since, pauses=waiting, now=local(now)) == local(expected)


def test_elapsed_hours_stop_too() -> None:
    since = local("2026-10-31 22:00")  # the clocks go back meanwhile
    target = Target(24, DueUnit.HOURS)
    stop = [pause("2026-11-01 00:00", "2026-11-01 03:00")]  # 4 hours
    assert due(target, Calendar.of(city()), since=since, pauses=stop) == local("2026-11-02 01:00")


def test_pauses_of_a_night_when_an_hour_comes_twice() -> None:
    """Compared by the wall clock this one would end before it begins."""
    zone = ZoneInfo("America/New_York")
    stop = Pause(datetime(2026, 11, 1, 1, 40, tzinfo=zone), datetime(2026, 11, 1, 1, 20, fold=1, tzinfo=zone))
    since = datetime(2026, 11, 1, 5, tzinfo=UTC)
    found = due(Target(2, DueUnit.HOURS), Calendar.of(city()), since=since, pauses=[stop])
    assert found - since == timedelta(hours=2, minutes=40)


# --- Percentages and a service's targets ----------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "percent", "expected"),
    [
        (hours(10), 0, "2026-11-20 15:00"),  # Friday
        (hours(10), 10, "2026-11-20 16:00"),
        (hours(10), 80, "2026-11-23 14:00"),
        (hours(10), 100, "2026-11-23 16:00"),
        (hours(10), 150, "2026-11-24 12:00"),
        (Target(10, DueUnit.HOURS), 80, "2026-11-20 23:00"),
        (Target(10, DueUnit.HOURS), 150, "2026-11-21 06:00"),
        # From Friday 15:00 to the last second of Monday 33 hours count, less that second.
        (days(1), 80, "2026-11-23 17:23:59.200"),
        (days(1), 100, "2026-11-23 23:59:59"),
        (days(1), 150, "2026-11-24 16:29:58.500"),
    ],
)
def test_when_a_percentage_is_reached(target: Target, percent: int, expected: str) -> None:
    calendar, since = Calendar.of(city()), local("2026-11-20 15:00")
    assert reached(target, calendar, since=since, percent=percent) == local(expected)


def test_a_percentage_waits_for_a_pause() -> None:
    stop = [pause("2026-11-23 09:00", "2026-11-23 10:00")]
    since = local("2026-11-20 15:00")
    for percent, expected in ((30, "2026-11-23 09:00"), (40, "2026-11-23 11:00"), (80, "2026-11-23 15:00")):
        found = reached(hours(10), Calendar.of(city()), since=since, percent=percent, pauses=stop)
        assert found == local(expected)


def test_a_percentage_is_never_told_too_early() -> None:
    """One hundredth of what is left of this day is 0.01 microseconds more than what a clock can show."""
    since = local("2026-11-20 23:59:57.999999")
    found = reached(days(0), Calendar.of(city()), since=since, percent=1)
    assert found - since == timedelta(microseconds=10_001)


def test_a_service_has_a_target_for_its_first_response() -> None:
    at = local("2026-11-20 15:00")
    service = Service(due_after=3, first_response_after=4)
    stop = [pause("2026-11-20 15:00", None)]
    now = local("2026-11-20 16:00")
    assert due_at(service, city(), submitted_at=at) == local("2026-11-25 23:59:59")
    assert due_at(service, city(), submitted_at=at, pauses=stop, now=now) == local("2026-11-27 23:59:59")
    assert first_response_due_at(service, city(), submitted_at=at) == local("2026-11-23 10:00")
    assert first_response_due_at(service, city(), submitted_at=at, pauses=stop, now=now) == local("2026-11-23 11:00")
    assert first_response_due_at(Service(due_after=3), city(), submitted_at=at) is None


def test_opening_hours_are_the_citys() -> None:
    early = city(opens_at=time(6), closes_at=time(10))
    service = Service(first_response_after=5)
    assert first_response_due_at(service, early, submitted_at=local("2026-11-16 05:00")) == local("2026-11-17 07:00")
