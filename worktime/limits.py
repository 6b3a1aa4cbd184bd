"""The daily limit: normal working hours and that day's approved overtime. Pure: no Django."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from worktime.days import ONE_DAY, START_DAY, Stretch, day_of, day_start
from worktime.sums import ZERO

TOO_LONG: Final = timedelta(hours=16)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How long a person may work each day: `daily`, and `overtime` beyond it on some days."""

    daily: timedelta
    overtime: Mapping[date, timedelta]

    def limit(self, day: date) -> timedelta:
        """Return the limit of a day."""
        return self.daily + self.overtime.get(day, ZERO)


def limit_reached_at(
    running: Stretch,
    *,
    rule: str,
    allowance: Allowance,
    worked: Mapping[date, timedelta],
    until: datetime,
) -> datetime | None:
    """Return the exact instant at which a running stretch used up a day's limit.

    `worked` is what the person's other records count on each day. None where it has not happened
    by `until`. A limit that is used up at midnight sharp was kept.
    """
    start, day = running.started_at, day_of(running.started_at, running.zone)
    while start <= until:
        left = max(ZERO, allowance.limit(day) - worked.get(day, ZERO))
        following = day_start(day + ONE_DAY, running.zone)
        if rule == START_DAY or start + left < following:
            return start + left if start + left <= until else None
        start, day = following, day + ONE_DAY
    return None


def is_too_long(started_at: datetime, now: datetime) -> bool:
    """Return whether a record that runs since `started_at` was probably forgotten."""
    return now - started_at > TOO_LONG
