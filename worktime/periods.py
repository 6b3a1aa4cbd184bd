"""Periods of the calendar: ISO weeks, half months, months. Pure: no Django in here."""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from worktime.days import ONE_DAY, day_start

# Midnights of these years are instants in every zone, and nobody's records are older.
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998

FORMS: Final = {
    "week": re.compile(r"([0-9]{4})-W([0-9]{2})"),
    "fortnight": re.compile(r"([0-9]{4})-([0-9]{2})-([12])"),
    "month": re.compile(r"([0-9]{4})-([0-9]{2})"),
}
EXAMPLES: Final = {"week": "2026-W13", "fortnight": "2026-03-1 or 2026-03-2", "month": "2026-03"}


class InvalidPeriod(ValueError):
    """What `kind` was given names no period; the message says what would."""

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Period:
    """The days first_day to last_day; `kind` is week, fortnight or month."""

    kind: str
    name: str
    first_day: date
    last_day: date

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return [start, end) as instants, at the midnights of a zone."""
        return day_start(self.first_day, zone), day_start(self.last_day + ONE_DAY, zone)

    def days(self) -> Iterator[date]:
        """Yield the days, in order."""
        for number in range((self.last_day - self.first_day).days + 1):
            yield self.first_day + timedelta(days=number)


def parse_period(kind: str, text: str) -> Period:
    """Return the period that `?kind=text` names; raise InvalidPeriod.

    A fortnight is the 1st to the 15th of a month (-1), or the 16th to its end (-2).
    """
    wrong = InvalidPeriod(kind, f"Give a {kind} such as {EXAMPLES[kind]}.")
    match = FORMS[kind].fullmatch(text)
    if match is None:
        raise wrong
    year, number, *half = map(int, match.groups())
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise wrong
    try:
        if kind == "week":
            first = date.fromisocalendar(year, number, 1)
            return Period(kind, text, first, first + timedelta(days=6))
        first, last = date(year, number, 1), date(year, number, monthrange(year, number)[1])
    except ValueError as error:
        raise wrong from error
    if half == [1]:
        last = first.replace(day=15)
    elif half == [2]:
        first = first.replace(day=16)
    return Period(kind, text, first, last)


def week_of(day: date) -> Period:
    """Return the ISO week that holds a day."""
    year, number, _ = day.isocalendar()
    return parse_period("week", f"{year}-W{number:02}")


def asked_period(query: Mapping[str, str]) -> Period | None:
    """Return the one period that a query names, None where it names none; raise InvalidPeriod."""
    kinds = [kind for kind in FORMS if kind in query]
    if len(kinds) > 1:
        raise InvalidPeriod(kinds[1], f"Give one of {', '.join(kinds)}.")
    return parse_period(kinds[0], query[kinds[0]]) if kinds else None
