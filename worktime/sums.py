"""Sums of a period: what was worked each day, against which target, with which breaks.

Pure: no Django in here. The one implementation for statistics, limits, exports and the admin.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from worktime.days import Part
from worktime.periods import Period

ZERO: Final = timedelta()
SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Break:
    """The time between two records of one day."""

    started_at: datetime
    ended_at: datetime

    @property
    def duration(self) -> timedelta:
        """Return the difference of the instants."""
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class DaySum:
    """One day; `difference` is worked - target, None for a day that has not begun."""

    day: date
    worked: timedelta
    target: timedelta
    limit: timedelta
    running: timedelta
    breaks: list[Break]

    difference: timedelta | None = field(default=None)


@dataclass(frozen=True, slots=True)
class PeriodSum:
    """A whole period; `average` is per day with work, `difference` over the days that began."""

    days: list[DaySum]
    worked: timedelta
    target: timedelta
    difference: timedelta
    running: timedelta
    breaks: timedelta
    worked_days: int
    average: timedelta


def hours(value: Decimal) -> timedelta:
    """Return decimal hours as a duration."""
    return timedelta(seconds=float(value * 3600))


def target_of(day: date, daily: timedelta) -> timedelta:
    """Return what a day asks for: the normal hours from Monday to Friday."""
    return daily if day.weekday() < SATURDAY else ZERO


def worked_by_day(parts: Iterable[Part]) -> dict[date, timedelta]:
    """Return what the parts add up to, for each day that has any."""
    sums: dict[date, timedelta] = defaultdict(timedelta)
    for part in parts:
        sums[part.day] += part.duration
    return dict(sums)


def breaks_between(parts: Iterable[Part]) -> list[Break]:
    """Return the gaps between the parts of one day."""
    ordered = sorted(parts, key=lambda part: part.started_at)
    return [
        Break(before.ended_at, after.started_at)
        for before, after in pairwise(ordered)
        if before.ended_at < after.started_at
    ]


def sum_period(
    parts: Iterable[Part],
    *,
    period: Period,
    today: date,
    daily: timedelta,
    overtime: Mapping[date, timedelta],
) -> PeriodSum:
    """Return the sums of the parts that lie in a period.

    `daily` is a person's normal working time, `overtime` what was approved beyond it. A record of
    another zone may lie on a day just outside the period's dates: that day is listed too, without
    a target, so that the days always add up to the total.
    """
    by_day: dict[date, list[Part]] = {day: [] for day in period.days()}
    for part in parts:
        by_day.setdefault(part.day, []).append(part)
    days = []
    for day, those in sorted(by_day.items()):
        worked = sum((part.duration for part in those), ZERO)
        own = period.first_day <= day <= period.last_day
        target = target_of(day, daily) if own else ZERO
        days.append(
            DaySum(
                day=day,
                worked=worked,
                target=target,
                limit=daily + overtime.get(day, ZERO),
                running=sum((part.duration for part in those if part.is_running), ZERO),
                breaks=breaks_between(those),
                difference=worked - target if day <= today or worked else None,
            )
        )
    total = sum((each.worked for each in days), ZERO)
    worked_days = sum(each.worked > ZERO for each in days)
    return PeriodSum(
        days=days,
        worked=total,
        target=sum((each.target for each in days), ZERO),
        difference=sum((each.difference for each in days if each.difference is not None), ZERO),
        running=sum((each.running for each in days), ZERO),
        breaks=sum((gap.duration for each in days for gap in each.breaks), ZERO),
        worked_days=worked_days,
        average=total / worked_days if worked_days else ZERO,
    )
