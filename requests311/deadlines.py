"""Working calendar → due times. Pure: no database, no clock; every answer is in UTC.

Every unit has its counting time:

- `hours`: all time, elapsed, whatever the clocks do meanwhile;
- `working_hours`: from `opens_at` to before `closes_at` of the local wall clock, on working days;
- `working_days`: the whole of the local days that are working days;
- `calendar_days`: the whole of every local day.

A working day is one of the week's working days that is neither a closure day nor a public holiday. A wall-clock time
that comes twice counts twice, and one that is left out counts not at all.

Without pauses, hours of either kind are due when so much time has been counted (at the end of a stretch, not at the
start of the next one). Days are due at the last second of a local day. Working days count from the day after, or from
the first working day where the clock starts on a day off.

With pauses, the budget is the time counted between the start and that due time. It is used up by counting time that
is not paused; days are then rounded up to the last second of their local day.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count, islice
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

import holidays

from requests311.models import DueUnit, Jurisdiction, Service

#: So long without any counting time, and there will be none.
IDLE_YEARS = 10

_DAYS = (DueUnit.WORKING_DAYS, DueUnit.CALENDAR_DAYS)
_FOR_EVER = datetime.max.replace(tzinfo=UTC)
_NOTHING = timedelta()
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Calendar:
    """When a city works. Weekdays are ISO (Monday is 1), opening times local, holidays those of ISO 3166-1 and -2."""

    zone: ZoneInfo
    working_days: frozenset[int]
    opens_at: time
    closes_at: time
    closure_days: frozenset[date] = frozenset()
    country: str = ""
    subdivision: str = ""

    @classmethod
    def of(cls, jurisdiction: Jurisdiction) -> Self:
        return cls(
            zone=ZoneInfo(jurisdiction.time_zone),
            working_days=frozenset(jurisdiction.working_days),
            opens_at=jurisdiction.opens_at,
            closes_at=jurisdiction.closes_at,
            closure_days=frozenset(jurisdiction.closure_days),
            country=jurisdiction.holidays_country,
            subdivision=jurisdiction.holidays_subdivision,
        )

    def is_working_day(self, day: date) -> bool:
        return (
            day.isoweekday() in self.working_days
            and day not in self.closure_days
            and day not in _public_holidays(self.country, self.subdivision, day.year)
        )


@dataclass(frozen=True)
class Target:
    amount: int
    unit: DueUnit


@dataclass(frozen=True)
class Pause:
    """The clock stands still from `begin` to before `end`; None: it still does."""

    begin: datetime
    end: datetime | None


def due(
    target: Target, calendar: Calendar, *, since: datetime, pauses: Sequence[Pause] = (), now: datetime | None = None
) -> datetime:
    """When the target's time is used up.

    Pauses may overlap and come in any order. One without an end lasts to `now`, and without `now` is left out.
    Raises ValueError where the calendar has no counting time in ten years.
    """
    since = since.astimezone(UTC)
    unpaused = _unpaused(target, calendar, since)
    stops = _stops(pauses, now)
    if not stops:
        return unpaused
    budget = _budget(target, calendar, since, unpaused)
    if budget <= _NOTHING:
        return unpaused
    end = _used_up(budget, target.unit, calendar, since, stops)
    # The day that holds the last moment counted: an `end` at midnight is not the next day's, which may be a day off.
    return _last_second(end - datetime.resolution, target.unit, calendar) if target.unit in _DAYS else end


def reached(
    target: Target,
    calendar: Calendar,
    *,
    since: datetime,
    percent: int,
    pauses: Sequence[Pause] = (),
    now: datetime | None = None,
) -> datetime:
    """The first moment at which so many percent (also over 100) of the target's time are used up; never rounded to
    a day's end. Pauses and errors as with `due`."""
    since = since.astimezone(UTC)
    budget = _budget(target, calendar, since, _unpaused(target, calendar, since))
    # Rounded up to a microsecond: at the moment that is told, it has been reached.
    share = -(-budget * percent // 100)
    return _used_up(share, target.unit, calendar, since, _stops(pauses, now))


def due_at(
    service: Service,
    jurisdiction: Jurisdiction,
    *,
    submitted_at: datetime,
    pauses: Sequence[Pause] = (),
    now: datetime | None = None,
) -> datetime | None:
    """When the jurisdiction promises to have answered; None where the service promises nothing."""
    if service.due_after is None:
        return None
    target = Target(service.due_after, DueUnit(service.due_unit))
    return due(target, Calendar.of(jurisdiction), since=submitted_at, pauses=pauses, now=now)


def first_response_due_at(
    service: Service,
    jurisdiction: Jurisdiction,
    *,
    submitted_at: datetime,
    pauses: Sequence[Pause] = (),
    now: datetime | None = None,
) -> datetime | None:
    """When somebody should have taken the report up; None where the service does not say."""
    if service.first_response_after is None:
        return None
    target = Target(service.first_response_after, DueUnit(service.first_response_unit))
    return due(target, Calendar.of(jurisdiction), since=submitted_at, pauses=pauses, now=now)


def is_working_day(day: date, jurisdiction: Jurisdiction) -> bool:
    return Calendar.of(jurisdiction).is_working_day(day)


# --- Using time up; every moment from here on is in UTC -------------------------------------------


class _Stretch(NamedTuple):
    """Time without a gap, to before `end`."""

    begin: datetime
    end: datetime


def _unpaused(target: Target, calendar: Calendar, since: datetime) -> datetime:
    if target.unit not in _DAYS:
        return _used_up(timedelta(hours=target.amount), target.unit, calendar, since, [])
    days = _stretches(target.unit, calendar, since)
    first = next(days)
    further = target.amount if first.begin <= since else max(target.amount, 1) - 1
    last = next(islice(days, further - 1, None)) if further else first
    return last.end - _SECOND


def _budget(target: Target, calendar: Calendar, since: datetime, unpaused: datetime) -> timedelta:
    """The time counted from `since` to `unpaused`; nothing where the day's last second has begun."""
    if target.unit not in _DAYS:
        return timedelta(hours=target.amount)
    budget = _NOTHING
    for begin, end in _stretches(target.unit, calendar, since):
        if begin >= unpaused:
            break
        budget += min(end, unpaused) - max(begin, since)
        if end >= unpaused:
            break
    return budget


def _used_up(
    budget: timedelta, unit: DueUnit, calendar: Calendar, since: datetime, stops: Sequence[_Stretch]
) -> datetime:
    if budget <= _NOTHING:
        return since
    left = budget
    for begin, end in _running(_stretches(unit, calendar, since), since, stops):
        if end - begin >= left:
            return begin + left
        left -= end - begin
    raise OverflowError("due after the last moment that can be written")


def _running(stretches: Iterator[_Stretch], since: datetime, stops: Sequence[_Stretch]) -> Iterator[_Stretch]:
    """What is left of the stretches from `since` on, without the stops (in order, apart from each other)."""
    passed = 0
    for stretch in stretches:
        begin, end = max(stretch.begin, since), stretch.end
        while passed < len(stops) and stops[passed].end <= begin:
            passed += 1
        for stop in islice(stops, passed, None):
            if stop.begin >= end:
                break
            if stop.begin > begin:
                yield _Stretch(begin, stop.begin)
            begin = stop.end
        if begin < end:
            yield _Stretch(begin, end)


def _stops(pauses: Sequence[Pause], now: datetime | None) -> list[_Stretch]:
    """The pauses in order, those that touch made one; those that do not last left out."""
    spans = sorted(
        # In UTC before they are compared: within one zone Python compares what the clocks on the wall say.
        (pause.begin.astimezone(UTC), end.astimezone(UTC))
        for pause in pauses
        if (end := pause.end or now) is not None
    )
    merged: list[_Stretch] = []
    for begin, end in spans:
        if merged and begin <= merged[-1].end:
            merged[-1] = _Stretch(merged[-1].begin, max(end, merged[-1].end))
        elif begin < end:
            merged.append(_Stretch(begin, end))
    return merged


def _last_second(moment: datetime, unit: DueUnit, calendar: Calendar) -> datetime:
    """Of the local day of `moment`, or of the next one that counts."""
    return next(_stretches(unit, calendar, moment)).end - _SECOND


# --- Counting time --------------------------------------------------------------------------------


def _stretches(unit: DueUnit, calendar: Calendar, since: datetime) -> Iterator[_Stretch]:
    """The counting time that has not ended at `since`, in order, without end; of the days, each is one stretch."""
    if unit == DueUnit.HOURS:
        yield _Stretch(since, _FOR_EVER)
        return
    idle = 0
    for year in count(since.astimezone(calendar.zone).year):
        found = _stretches_of(unit, calendar, year)
        idle = 0 if found else idle + 1
        if idle > IDLE_YEARS:
            raise ValueError(f"the calendar has no {unit.label.lower()} from {year - IDLE_YEARS} to {year}")
        yield from islice(found, bisect_right(found, since, key=_end), None)


def _end(stretch: _Stretch) -> datetime:
    return stretch.end


# A year at a time: about a millisecond once, and then a due time is a few look-ups.
@lru_cache(maxsize=512)
def _stretches_of(unit: DueUnit, calendar: Calendar, year: int) -> tuple[_Stretch, ...]:
    """Of the local days of a year."""
    first = date(year, 1, 1).toordinal()
    days = map(date.fromordinal, range(first, date(year, 12, 31).toordinal() + 1))
    if unit == DueUnit.CALENDAR_DAYS:
        return tuple(_whole(day, calendar.zone) for day in days)
    working = filter(calendar.is_working_day, days)
    if unit == DueUnit.WORKING_DAYS:
        return tuple(_whole(day, calendar.zone) for day in working)
    return tuple(stretch for day in working for stretch in _open(day, calendar))


def _open(day: date, calendar: Calendar) -> Iterator[_Stretch]:
    """Where the wall clock shows opening hours: once, or around a change of the clocks perhaps twice or never."""
    opens, closes = (
        datetime.combine(day, at.replace(tzinfo=None), tzinfo=UTC) for at in (calendar.opens_at, calendar.closes_at)
    )
    for begin, end in _by_offset(_whole(day, calendar.zone), calendar.zone):
        offset = _offset(begin, calendar.zone)
        stretch = _Stretch(max(begin, opens - offset), min(end, closes - offset))
        if stretch.begin < stretch.end:
            yield stretch


def _by_offset(day: _Stretch, zone: ZoneInfo) -> Iterator[_Stretch]:
    """The day, cut where its clocks change, to the second."""
    offset = _offset(day.begin, zone)
    before, after = day.begin, day.end - _SECOND
    if before >= after or _offset(after, zone) == offset:
        yield day
        return
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    yield _Stretch(day.begin, after)
    yield _Stretch(after, day.end)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None  # a ZoneInfo always has one
    return offset


def _whole(day: date, zone: ZoneInfo) -> _Stretch:
    # To the next midnight: where the clocks change around it, 23:59:59 comes twice or never.
    return _Stretch(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # In UTC, since Python never finds a local time that comes twice equal to anything.
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


@lru_cache(maxsize=256)
def _public_holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    if not country:
        return frozenset()
    return frozenset(holidays.country_holidays(country, subdiv=subdivision or None, years=year))
