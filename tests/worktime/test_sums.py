"""Sums of a period: worked, target, difference, breaks, average, running."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from worktime.days import Part, Stretch, parts_of
from worktime.periods import parse_period
from worktime.sums import PeriodSum, breaks_between, hours, sum_period

WEEK = parse_period("week", "2026-W13")
ZURICH = ZoneInfo("Europe/Zurich")
DAILY = hours(Decimal("7.60"))
MONDAY = date(2026, 3, 23)


def at(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{day}T{clock}").replace(tzinfo=ZURICH).astimezone(UTC)


def sums(*stretches: Stretch, now: datetime, today: date) -> PeriodSum:
    start, end = WEEK.bounds(ZURICH)
    parts = parts_of(stretches, start=start, end=end, now=now, rule="split_at_midnight")
    return sum_period(
        parts, period=WEEK, today=today, daily=DAILY, overtime={MONDAY: timedelta(hours=1)}
    )


def test_it_works() -> None:
    total = sums(
        Stretch(at(23, "08:00"), at(23, "12:00"), ZURICH),
        Stretch(at(23, "12:30"), at(23, "17:00"), ZURICH),
        Stretch(at(24, "08:00"), None, ZURICH),
        now=at(24, "10:00"),
        today=date(2026, 3, 24),
    )
    monday, tuesday, wednesday, *_, sunday = total.days
    assert monday.worked == timedelta(hours=8.5)
    assert monday.difference == timedelta(hours=0.9)
    assert monday.limit == timedelta(hours=8.6)
    assert [gap.duration for gap in monday.breaks] == [timedelta(minutes=30)]
    assert (tuesday.worked, tuesday.running) == (timedelta(hours=2), timedelta(hours=2))
    assert (wednesday.target, wednesday.difference) == (DAILY, None)
    assert sunday.target == timedelta()
    assert total.worked == timedelta(hours=10.5)
    assert total.running == timedelta(hours=2)
    assert total.target == 5 * DAILY
    assert total.difference == timedelta(hours=10.5) - 2 * DAILY
    assert (total.worked_days, total.average) == (2, timedelta(hours=5.25))
    assert total.breaks == timedelta(minutes=30)


def test_an_empty_period() -> None:
    total = sums(now=at(24, "10:00"), today=date(2026, 3, 22))
    assert len(total.days) == 7
    assert (total.worked, total.average, total.difference) == (timedelta(),) * 3


def test_a_record_of_another_zone_may_lie_on_a_day_outside() -> None:
    bogota = Stretch(at(23, "01:00"), at(23, "03:00"), ZoneInfo("America/Bogota"))
    total = sums(bogota, now=at(24, "10:00"), today=date(2026, 3, 24))
    assert total.days[0].day == date(2026, 3, 22)
    assert (total.days[0].worked, total.days[0].target) == (timedelta(hours=2), timedelta())
    assert sum((day.worked for day in total.days), timedelta()) == total.worked


def test_adjacent_records_leave_no_break() -> None:
    parts = [
        Part(MONDAY, at(23, "12:00"), at(23, "13:00"), False),
        Part(MONDAY, at(23, "09:00"), at(23, "12:00"), False),
    ]
    assert breaks_between(parts) == []
