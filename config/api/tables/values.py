"""What the values of day and time columns stand for. Pure: no database, no clock.

Everything is half-open: a day is [midnight, next midnight), an instant is one microsecond long,
which is the resolution of PostgreSQL and of Python. So one set of comparisons does for all.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

EARLIEST: Final = date(1900, 1, 1)
LATEST: Final = date(2199, 12, 31)
DAY: Final = timedelta(days=1)

DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME: Final = r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
OFFSET: Final = r"(Z|[+-][0-9]{2}:[0-9]{2})"
SHIFTED_TODAY: Final = r"@today[+-][0-9]{1,4}"


@dataclass(frozen=True, slots=True)
class Days:
    """The days from `first` up to, but not including, `end`."""

    first: date
    end: date


@dataclass(frozen=True, slots=True)
class Relative:
    """Days that depend on when and where one asks, such as `@this_week` or `@today-7`."""

    name: str
    shift: int = 0

    def days(self, today: date) -> Days:
        """Return the days, given which day it is."""
        return PERIODS[self.name](today + self.shift * DAY)


Moment = Days | Relative | datetime


def _one(day: date) -> Days:
    return Days(day, day + DAY)


def _week(day: date) -> Days:
    monday = day - day.weekday() * DAY
    return Days(monday, monday + 7 * DAY)


def _fortnight(day: date) -> Days:
    if day.day < 16:
        return Days(day.replace(day=1), day.replace(day=16))
    return Days(day.replace(day=16), _month(day).end)


def _month(day: date) -> Days:
    first = day.replace(day=1)
    return Days(first, (first + 31 * DAY).replace(day=1))


def _last_month(day: date) -> Days:
    return _month(day.replace(day=1) - DAY)


def _year(day: date) -> Days:
    return Days(date(day.year, 1, 1), date(day.year + 1, 1, 1))


PERIODS: Final[dict[str, Callable[[date], Days]]] = {
    "@today": _one,
    "@yesterday": lambda day: _one(day - DAY),
    "@tomorrow": lambda day: _one(day + DAY),
    "@this_week": _week,
    "@last_week": lambda day: _week(day - 7 * DAY),
    "@this_fortnight": _fortnight,
    "@this_month": _month,
    "@last_month": _last_month,
    "@this_year": _year,
}


def parse_relative(text: str) -> Relative | None:
    """Return what a relative value stands for; None where it is none."""
    if text in PERIODS:
        return Relative(text)
    if re.fullmatch(SHIFTED_TODAY, text):
        return Relative("@today", int(text.removeprefix("@today")))
    return None


def parse_day(text: str) -> Days | None:
    """Return the day that an ISO date names; None where it is none between 1900 and 2199."""
    if not re.fullmatch(DATE, text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return _one(day) if EARLIEST <= day <= LATEST else None


def parse_instant(text: str) -> datetime | None:
    """Return the instant (UTC) of an ISO date and time *with its offset*; else None."""
    if not re.fullmatch(f"{DATE}T{TIME}{OFFSET}", text):
        return None
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if EARLIEST <= instant.date() <= LATEST else None


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the instant (UTC) at which a day begins in a zone.

    Where clocks are put forward at midnight, that is the moment of the change.
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def span(moment: Moment, today: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants [start, end) of a moment."""
    if isinstance(moment, datetime):
        return moment, moment + timedelta(microseconds=1)
    days = moment.days(today) if isinstance(moment, Relative) else moment
    return midnight(days.first, zone), midnight(days.end, zone)
