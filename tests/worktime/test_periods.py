"""?week=, ?fortnight= and ?month= name days of the calendar."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from worktime.periods import InvalidPeriod, asked_period, parse_period, week_of


@pytest.mark.parametrize(
    ("kind", "text", "first", "last"),
    [
        ("week", "2026-W13", date(2026, 3, 23), date(2026, 3, 29)),
        ("week", "2026-W01", date(2025, 12, 29), date(2026, 1, 4)),
        ("week", "2026-W53", date(2026, 12, 28), date(2027, 1, 3)),
        ("fortnight", "2026-03-1", date(2026, 3, 1), date(2026, 3, 15)),
        ("fortnight", "2026-02-2", date(2026, 2, 16), date(2026, 2, 28)),
        ("fortnight", "2028-02-2", date(2028, 2, 16), date(2028, 2, 29)),
        ("month", "2026-03", date(2026, 3, 1), date(2026, 3, 31)),
        ("month", "9998-12", date(9998, 12, 1), date(9998, 12, 31)),
    ],
)
def test_it_works(kind: str, text: str, first: date, last: date) -> None:
    period = parse_period(kind, text)
    assert (period.first_day, period.last_day) == (first, last)
    assert list(period.days())[-1] == last
    assert period.bounds(ZoneInfo("Pacific/Kiritimati"))[0] < period.bounds(UTC_ZONE)[0]


UTC_ZONE = ZoneInfo("UTC")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("week", "2026-W54"),
        ("week", "2027-W53"),
        ("week", "2026-W00"),
        ("week", "2026-13"),
        ("week", "0001-W01"),
        ("week", "9999-W52"),
        ("week", "2026-W1"),
        ("week", " 2026-W13"),
        ("week", "2026-W13\n"),
        ("week", "٢٠٢٦-W13"),
        ("fortnight", "2026-03-3"),
        ("fortnight", "2026-13-1"),
        ("month", "2026-00"),
        ("month", "0000-01"),
        ("month", ""),
    ],
)
def test_nonsense_is_refused(kind: str, text: str) -> None:
    with pytest.raises(InvalidPeriod) as caught:
        parse_period(kind, text)
    assert caught.value.kind == kind


def test_the_bounds_are_midnights_of_the_zone() -> None:
    start, end = parse_period("month", "2026-03").bounds(ZoneInfo("Europe/Zurich"))
    assert start == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert end == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_a_query_names_at_most_one() -> None:
    assert asked_period({"limit": "5"}) is None
    assert asked_period({"month": "2026-03"}) == parse_period("month", "2026-03")
    with pytest.raises(InvalidPeriod):
        asked_period({"month": "2026-03", "week": "2026-W13"})


def test_the_week_of_a_day() -> None:
    assert week_of(date(2027, 1, 3)).name == "2026-W53"
