"""Local days: where they begin, which one an instant belongs to, records cut at midnight.

A day is [local midnight, next local midnight), so it has 23 or 25 hours where clocks change, and
none where a zone skipped it. Pure: no Django in here. Instants are aware datetimes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

ONE_DAY: Final = timedelta(days=1)
ONE_SECOND: Final = timedelta(seconds=1)
START_DAY: Final = "start_day"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Work in [started_at, ended_at); without an end it is running."""

    started_at: datetime
    ended_at: datetime | None
    zone: ZoneInfo

    def end(self, now: datetime) -> datetime:
        """Return the end, of a running one `now` (or its start, by a clock that is behind)."""
        return self.ended_at or max(now, self.started_at)


@dataclass(frozen=True, slots=True)
class Part:
    """What one stretch counts on one day."""

    day: date
    started_at: datetime
    ended_at: datetime
    is_running: bool

    @property
    def duration(self) -> timedelta:
        """Return the difference of the instants."""
        return self.ended_at - self.started_at


@lru_cache(maxsize=8192)
def day_start(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant (UTC) that the zone's calendar calls `day` or a later day."""
    midnight = datetime.combine(day, time(), zone)
    first = midnight.astimezone(UTC)
    other = midnight.replace(fold=1).astimezone(UTC)
    if other >= first:
        return first  # one midnight, or the first of two
    # Clocks skip this midnight, somewhere between these two: the day begins where they jump to.
    before, after = other, first
    while after - before > ONE_SECOND:
        middle = before + (after - before) // ONE_SECOND // 2 * ONE_SECOND
        if middle.astimezone(zone).date() < day:
            before = middle
        else:
            after = middle
    return after


def day_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day whose [start, next start) holds the instant.

    Not always its calendar date: clocks that go back across midnight show the day before again.
    """
    day = instant.astimezone(zone).date()
    while day_start(day + ONE_DAY, zone) <= instant:
        day += ONE_DAY
    return day


def cut_at_midnights(
    start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[date, datetime, datetime]]:
    """Yield (day, start, end) for each day that [start, end) has a moment of."""
    if start >= end:
        return
    day = day_of(start, zone)
    while start < end:
        following = day_start(day + ONE_DAY, zone)
        if following > start:
            yield day, start, min(following, end)
            start = following
        day += ONE_DAY


def parts_of(
    stretches: Iterable[Stretch], *, start: datetime, end: datetime, now: datetime, rule: str
) -> list[Part]:
    """Return what the stretches count in the period [start, end), in their order.

    With split_at_midnight that is the part inside the period, cut at the midnights of the
    record's zone; with start_day the whole of each stretch that starts inside, on its start day.
    """
    parts = []
    for stretch in stretches:
        begin, finish = stretch.started_at, stretch.end(now)
        is_running = stretch.ended_at is None
        if rule != START_DAY:
            parts += [
                Part(*cut, is_running)
                for cut in cut_at_midnights(max(begin, start), min(finish, end), stretch.zone)
            ]
        elif start <= begin < end:
            parts.append(Part(day_of(begin, stretch.zone), begin, finish, is_running))
    return parts
