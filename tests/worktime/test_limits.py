"""When the daily limit is reached, to the microsecond."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worktime.zones import instants
from worktime.days import Stretch, day_of, parts_of
from worktime.limits import Allowance, is_too_long, limit_reached_at
from worktime.sums import ZERO, worked_by_day

ZURICH = ZoneInfo("Europe/Zurich")
SPLIT, WHOLE = "split_at_midnight", "start_day"
EIGHT = timedelta(hours=8)
FIRST = date(2026, 3, 28)
LATER = datetime(2026, 4, 1, tzinfo=UTC)


def at(day: int, hour: float) -> datetime:
    midnight = datetime(2026, 3, day, tzinfo=ZURICH)
    return (midnight + timedelta(hours=hour)).astimezone(UTC)


def reached(
    start: datetime,
    *,
    rule: str = SPLIT,
    daily: timedelta = EIGHT,
    overtime: dict[date, timedelta] | None = None,
    worked: dict[date, timedelta] | None = None,
    until: datetime = LATER,
) -> datetime | None:
    return limit_reached_at(
        Stretch(start, None, ZURICH),
        rule=rule,
        allowance=Allowance(daily, overtime or {}),
        worked=worked or {},
        until=until,
    )


def test_it_works() -> None:
    assert reached(at(27, 8)) == at(27, 16)
    assert reached(at(27, 8), until=at(27, 16)) == at(27, 16)
    assert reached(at(27, 8), until=at(27, 15.99)) is None


def test_what_was_worked_before_counts() -> None:
    assert reached(at(28, 13), worked={FIRST: timedelta(hours=4)}) == at(28, 17)
    assert reached(at(28, 13), worked={FIRST: timedelta(hours=9)}) == at(28, 13)


def test_overtime_extends_its_day_only() -> None:
    assert reached(at(28, 8), overtime={FIRST: timedelta(hours=2)}) == at(28, 18)
    assert reached(at(27, 8), overtime={FIRST: timedelta(hours=2)}) == at(27, 16)


def test_a_night_shift_has_two_limits() -> None:
    """Four hours on the 28th; clocks skip an hour on the 29th, so eight hours end at 9:00."""
    assert reached(at(28, 20)) == datetime(2026, 3, 29, 9, tzinfo=ZURICH)
    assert reached(at(28, 20), rule=WHOLE) == datetime(2026, 3, 29, 5, tzinfo=ZURICH)


def test_a_limit_used_up_at_midnight_was_kept() -> None:
    assert reached(at(27, 16)) == at(28, 8)


def test_no_hours_at_all() -> None:
    assert reached(at(27, 16), daily=ZERO) == at(27, 16)
    assert reached(at(28, 16), daily=ZERO, overtime={FIRST: timedelta(hours=24)}) == at(29, 0)


def test_a_limit_that_no_day_reaches() -> None:
    assert reached(at(1, 0), daily=timedelta(hours=25)) is None


def test_sixteen_hours_are_too_long() -> None:
    assert not is_too_long(at(27, 0), at(27, 16))
    assert is_too_long(at(27, 0), at(27, 16) + timedelta(microseconds=1))


@pytest.mark.parametrize("rule", [SPLIT, WHOLE])
@settings(deadline=None, max_examples=80)
@given(data=st.data(), daily=st.integers(0, 24 * 4))
def test_the_instant_is_exact(rule: str, data: st.DataObject, daily: int) -> None:
    """Up to it every day keeps its limit; a moment later one does not."""
    zone = ZoneInfo(data.draw(st.sampled_from(["Europe/Zurich", "America/Havana", "Asia/Kolkata"])))
    start = data.draw(instants(zone))
    until = start + timedelta(days=3)
    day = day_of(start, zone)
    allowance = Allowance(timedelta(minutes=15 * daily), {day: timedelta(hours=1)})
    before = {day: timedelta(hours=data.draw(st.integers(0, 5)))}
    moment = limit_reached_at(
        Stretch(start, None, zone), rule=rule, allowance=allowance, worked=before, until=until
    )

    def kept(end: datetime) -> bool:
        parts = parts_of([Stretch(start, end, zone)], start=start, end=until, now=until, rule=rule)
        return all(
            worked + before.get(each, ZERO) <= allowance.limit(each)
            for each, worked in worked_by_day(parts).items()
        )

    assert kept(moment or until) or moment == start
    assert moment is None or not kept(moment + timedelta(microseconds=1))
