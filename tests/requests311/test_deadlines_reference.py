"""The deadline engine, against a clock that is watched minute by minute."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from random import Random
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from requests311.deadlines import Calendar, Pause, Target, due, reached
from requests311.models import DueUnit

MINUTE = timedelta(minutes=1)
DAY_UNITS = (DueUnit.WORKING_DAYS, DueUnit.CALENDAR_DAYS)
HOUR_UNITS = (DueUnit.WORKING_HOURS, DueUnit.HOURS)

#: Around a change of the clocks forward, one back, and a time without one that has holidays.
MOMENTS = {
    "America/New_York": ["2026-03-06", "2026-10-30", "2026-12-23"],
    "Europe/Amsterdam": ["2026-03-27", "2026-10-23", "2026-12-30"],
    "Australia/Lord_Howe": ["2026-10-02", "2026-04-03", "2026-12-24"],  # by half an hour
    "America/Santiago": ["2026-09-04", "2026-04-03", "2026-12-30"],  # at midnight, both
    "Asia/Beirut": ["2026-03-27", "2026-10-23", "2026-12-30"],  # at midnight, both
    "Asia/Kolkata": ["2026-01-24", "2026-12-30"],
    "UTC": ["2026-02-26", "2026-12-30"],
}
#: Some close within an hour that is left out or comes twice, one opens in it, one is open nearly always.
HOURS = ["08:00-17:00", "00:00-23:59", "00:30-09:00", "01:30-02:15", "01:45-12:00", "02:30-10:07", "22:00-23:30"]


@dataclass(frozen=True)
class Question:
    target: Target
    calendar: Calendar
    since: datetime
    pauses: tuple[Pause, ...]
    now: datetime | None


@st.composite
def questions(draw: st.DrawFn, *, paused: bool = True, units: tuple[DueUnit, ...] = tuple(DueUnit)) -> Question:
    unit = draw(st.sampled_from(units))
    zone = draw(st.sampled_from(sorted(MOMENTS)))
    start = datetime.fromisoformat(draw(st.sampled_from(MOMENTS[zone]))).replace(tzinfo=UTC)
    since = start + draw(st.integers(0, 4 * 24 * 60)) * MINUTE
    opens, closes = draw(st.sampled_from(HOURS)).split("-")
    calendar = Calendar(
        zone=ZoneInfo(zone),
        working_days=draw(st.frozensets(st.integers(1, 7), min_size=3)),
        opens_at=time.fromisoformat(opens),
        closes_at=time.fromisoformat(closes),
        closure_days=frozenset(
            start.date() + timedelta(days=number) for number in draw(st.sets(st.integers(0, 8), max_size=3))
        ),
        country=draw(st.sampled_from(["", "US"])),
    )
    target = Target(draw(st.integers(0, 3 if unit in DAY_UNITS else 12)), unit)
    if not paused:
        return Question(target, calendar, since, (), None)
    return Question(target, calendar, since, draw(pauses_around(since)), draw(st.none() | moments_around(since)))


def moments_around(since: datetime) -> st.SearchStrategy[datetime]:
    """A day before to five days after, mostly soon after; written in some zone."""
    minutes = st.integers(-60, 600) | st.integers(-1440, 7200)
    zones = st.sampled_from([UTC, ZoneInfo("America/New_York")])
    return st.builds(lambda number, zone: (since + number * MINUTE).astimezone(zone), minutes, zones)


@st.composite
def pauses_around(draw: st.DrawFn, since: datetime) -> tuple[Pause, ...]:
    found = []
    for begin in draw(st.lists(moments_around(since), max_size=4)):
        length = draw(st.none() | st.integers(0, 300) | st.integers(0, 4000))
        end = None if length is None else (begin.astimezone(UTC) + length * MINUTE).astimezone(begin.tzinfo)
        found.append(Pause(begin, end))
    return tuple(found)


# --- The reference --------------------------------------------------------------------------------


@cache
def local(zone: ZoneInfo, minute: datetime) -> datetime:
    return minute.astimezone(zone)


@cache
def public_holidays(country: str, year: int) -> set[date]:
    return set(holidays.country_holidays(country, years=year)) if country else set()


def is_working_day(calendar: Calendar, moment: datetime) -> bool:
    day = moment.date()
    return (
        day.isoweekday() in calendar.working_days
        and day not in calendar.closure_days
        and day not in public_holidays(calendar.country, day.year)
    )


def counts(asked: Question, minute: datetime) -> bool:
    there = local(asked.calendar.zone, minute)
    if asked.target.unit in (DueUnit.HOURS, DueUnit.CALENDAR_DAYS):
        return True
    if asked.target.unit == DueUnit.WORKING_HOURS and not (
        asked.calendar.opens_at <= there.time() < asked.calendar.closes_at
    ):
        return False
    return is_working_day(asked.calendar, there)


def is_paused(asked: Question, minute: datetime) -> bool:
    return any(
        (end := pause.end or asked.now) is not None and pause.begin.astimezone(UTC) <= minute < end.astimezone(UTC)
        for pause in asked.pauses
    )


def minutes(since: datetime) -> Iterator[datetime]:
    while True:
        yield since
        since += MINUTE


def budget(asked: Question) -> int:
    """Seconds. Days: up to the last second of the last one, the first being a day that counts, begun or not."""
    if asked.target.unit in HOUR_UNITS:
        return asked.target.amount * 3600
    days: list[date] = []
    seconds = 0
    wanted = asked.target.amount + 1
    for minute in minutes(asked.since):
        day = local(asked.calendar.zone, minute).date()
        if counts(asked, minute):
            if not days and day != local(asked.calendar.zone, asked.since).date():
                wanted = max(asked.target.amount, 1)
            if day not in days:
                days.append(day)
            if len(days) <= wanted:
                seconds += 60
        if len(days) > wanted:
            break
    return seconds - 1


def when_used_up(asked: Question, seconds: Fraction) -> datetime:
    left = seconds
    for minute in minutes(asked.since):
        if left <= 0:
            return minute
        if counts(asked, minute) and not is_paused(asked, minute):
            if left <= 60:
                return minute + timedelta(microseconds=int(left * 1_000_000))
            left -= 60
    raise AssertionError


def expected_due(asked: Question) -> datetime:
    end = when_used_up(asked, Fraction(budget(asked)))
    if asked.target.unit in HOUR_UNITS:
        return end
    # A budget of whole days lacks one second, so it ends within a minute and never at midnight.
    minute = end.replace(second=0, microsecond=0)
    day = local(asked.calendar.zone, minute).date()
    return next(m for m in minutes(minute) if local(asked.calendar.zone, m).date() != day) - timedelta(seconds=1)


def found_due(asked: Question) -> datetime:
    return due(asked.target, asked.calendar, since=asked.since, pauses=asked.pauses, now=asked.now)


@settings(max_examples=35)
@given(questions(paused=False))
def test_without_pauses(asked: Question) -> None:
    assert found_due(asked) == expected_due(asked)


@pytest.mark.parametrize("unit", list(DueUnit))
def test_with_pauses(unit: DueUnit) -> None:
    @settings(max_examples=25)
    @given(questions(units=(unit,)))
    def check(asked: Question) -> None:
        assert found_due(asked) == expected_due(asked)

    check()


@settings(max_examples=35)
@given(questions(), st.sampled_from([0, 1, 33, 50, 80, 100, 107, 150, 200]))
def test_percent(asked: Question, percent: int) -> None:
    found = reached(
        asked.target, asked.calendar, since=asked.since, percent=percent, pauses=asked.pauses, now=asked.now
    )
    assert found == when_used_up(asked, Fraction(budget(asked) * percent, 100))


# --- What must hold whatever the answer is --------------------------------------------------------


@settings(max_examples=50)
@given(questions(paused=False), st.integers(0, 3 * 24 * 60))
def test_who_starts_later_is_not_due_earlier(asked: Question, later: int) -> None:
    after = due(asked.target, asked.calendar, since=asked.since + later * MINUTE)
    assert after >= found_due(asked)


@settings(max_examples=50)
@given(questions(units=HOUR_UNITS), st.integers(0, 3 * 24 * 60))
def test_of_hours_with_the_same_pauses_too(asked: Question, later: int) -> None:
    """Not of days: who came before a pause gets the day for it, who came after does not."""
    since = asked.since + later * MINUTE
    after = due(asked.target, asked.calendar, since=since, pauses=asked.pauses, now=asked.now)
    assert after >= found_due(asked)


@settings(max_examples=50)
@given(questions(), st.data())
def test_one_pause_more_is_not_due_earlier(asked: Question, data: st.DataObject) -> None:
    more = asked.pauses + data.draw(pauses_around(asked.since))
    after = due(asked.target, asked.calendar, since=asked.since, pauses=more, now=asked.now)
    assert after >= found_due(asked)


@settings(max_examples=50)
@given(questions(), st.randoms(use_true_random=False))
def test_the_order_of_pauses_and_twins_do_not_matter(asked: Question, chance: Random) -> None:
    shuffled = [*asked.pauses, *asked.pauses]
    chance.shuffle(shuffled)
    again = due(asked.target, asked.calendar, since=asked.since, pauses=shuffled, now=asked.now)
    assert again == found_due(asked)


@settings(max_examples=50)
@given(questions(), st.integers(1, 200), st.integers(0, 100))
def test_a_higher_percentage_is_not_reached_earlier(asked: Question, percent: int, more: int) -> None:
    low, high = (
        reached(asked.target, asked.calendar, since=asked.since, percent=number, pauses=asked.pauses, now=asked.now)
        for number in (percent, percent + more)
    )
    assert low <= high
    if percent == 100:
        assert low <= found_due(asked)
