"""Days are right in every zone, across midnight and where clocks change."""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import validate_time_zone
from config.db.zones import shared_time_zones
from tests.worktime.zones import instants
from worktime.days import ONE_DAY, Stretch, cut_at_midnights, day_of, day_start, parts_of
from worktime.sums import ZERO, worked_by_day

ZURICH = ZoneInfo("Europe/Zurich")
BOGOTA = ZoneInfo("America/Bogota")
KOLKATA = ZoneInfo("Asia/Kolkata")
RULES = ("split_at_midnight", "start_day")
LONG_AGO, FAR_AHEAD = datetime(1960, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def zones(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> list[str]:
    """The names that Python and the database share."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        return sorted(shared_time_zones())


def hours(duration: timedelta) -> float:
    return duration / timedelta(hours=1)


@pytest.mark.parametrize(
    ("start", "worked"),
    [
        ("2026-01-31", 4),
        ("2026-02-28", 4),
        ("2026-12-31", 4),
        ("2026-04-30", 4),
        ("2026-06-15", 4),
        ("2026-03-28", 3),
        ("2026-10-24", 5),
    ],
)
def test_a_night_shift_from_22_to_2(start: str, worked: int) -> None:
    """Where clocks change, 2:00 is the moment of the later offset (fold=1)."""
    day = date.fromisoformat(start)
    following = day + ONE_DAY
    begin = datetime.combine(day, time(22), ZURICH)
    end = datetime.combine(following, time(2, fold=1), ZURICH)
    shift = Stretch(begin.astimezone(UTC), end.astimezone(UTC), ZURICH)
    split, whole = (
        worked_by_day(parts_of([shift], start=LONG_AGO, end=FAR_AHEAD, now=FAR_AHEAD, rule=rule))
        for rule in RULES
    )
    assert {key: hours(value) for key, value in split.items()} == {day: 2, following: worked - 2}
    assert {key: hours(value) for key, value in whole.items()} == {day: worked}


@pytest.mark.parametrize(
    ("begin", "end", "worked"),
    [
        ("2026-03-28T22:00+01:00", "2026-03-29T03:00+02:00", 4),
        ("2026-03-29T00:00+01:00", "2026-03-29T04:00+02:00", 3),
        ("2026-10-25T00:00+02:00", "2026-10-25T04:00+01:00", 5),
        ("2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", 1),
    ],
)
def test_the_duration_is_the_difference_of_the_instants(begin: str, end: str, worked: int) -> None:
    shift = Stretch(datetime.fromisoformat(begin), datetime.fromisoformat(end), ZURICH)
    assert hours(shift.end(FAR_AHEAD) - shift.started_at) == worked


def test_the_same_instant_is_another_day_elsewhere() -> None:
    instant = datetime(2026, 5, 5, 20, tzinfo=UTC)
    assert day_of(instant, BOGOTA) == date(2026, 5, 5)
    assert day_of(instant, KOLKATA) == date(2026, 5, 6)


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Zurich", date(2026, 3, 29), 23),
        ("Europe/Zurich", date(2026, 10, 25), 25),
        ("Europe/Zurich", date(2026, 7, 1), 24),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # no midnight
        ("America/Havana", date(2026, 11, 1), 25),  # two midnights
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("America/St_Johns", date(2006, 10, 29), 25),  # back across midnight
        ("America/Toronto", date(1919, 3, 31), 23.5),  # 23:30 to 00:30
        ("America/Toronto", date(1919, 3, 30), 23.5),
        ("Pacific/Apia", date(2011, 12, 30), 0),  # skipped
        ("Pacific/Apia", date(2011, 12, 31), 24),
    ],
)
def test_the_length_of_a_day(zone: str, day: date, length: float) -> None:
    there = ZoneInfo(zone)
    assert hours(day_start(day + ONE_DAY, there) - day_start(day, there)) == length


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_every_instant_belongs_to_one_day(zones: list[str], data: st.DataObject) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(zones)))
    instant = data.draw(instants(zone))
    day = day_of(instant, zone)
    assert day_start(day, zone) <= instant < day_start(day + ONE_DAY, zone)


@settings(deadline=None, max_examples=120)
@given(data=st.data(), rule=st.sampled_from(RULES))
def test_sums_lose_and_invent_nothing(zones: list[str], data: st.DataObject, rule: str) -> None:
    """split_at_midnight: the days add up to exactly what lies inside a period. start_day: the
    sums over a partition of all time add up to the whole. Finished and running."""
    zone = ZoneInfo(data.draw(st.sampled_from(zones)))
    moments = sorted(data.draw(st.lists(instants(zone), min_size=3, max_size=8, unique=True)))
    edges = [LONG_AGO, *sorted(data.draw(st.lists(instants(zone), max_size=4))), FAR_AHEAD]
    now = moments[-1]
    stretches = [Stretch(a, b, zone) for a, b in zip(moments[::2], moments[1::2], strict=False)]
    if data.draw(st.booleans()):
        stretches[-1] = Stretch(stretches[-1].started_at, None, zone)
    total = ZERO
    for start, end in pairwise(edges):
        parts = parts_of(stretches, start=start, end=end, now=now, rule=rule)
        worked = sum(worked_by_day(parts).values(), ZERO)
        total += worked
        if rule == "split_at_midnight":
            inside = (min(each.end(now), end) - max(each.started_at, start) for each in stretches)
            assert worked == sum((part for part in inside if part > ZERO), ZERO)
    assert total == sum((each.end(now) - each.started_at for each in stretches), ZERO)


@settings(deadline=None, max_examples=120)
@given(data=st.data())
def test_cuts_follow_each_other(zones: list[str], data: st.DataObject) -> None:
    zone = ZoneInfo(data.draw(st.sampled_from(zones)))
    start, end = sorted((data.draw(instants(zone)), data.draw(instants(zone))))
    end = min(end, start + timedelta(days=40))
    cuts = list(cut_at_midnights(start, end, zone))
    assert [cut[1] for cut in cuts[1:]] == [cut[2] for cut in cuts[:-1]]
    assert [cut[0] for cut in cuts] == sorted({day_of(cut[1], zone) for cut in cuts})
    assert not cuts or (cuts[0][1], cuts[-1][2]) == (start, end)


def test_zones_are_those_that_python_and_the_database_know(db: None) -> None:
    validate_time_zone("Europe/Zurich")
    for name in ("Nowhere/City", "localtime", "posix/Europe/Zurich", "europe/zurich", ""):
        with pytest.raises(ValidationError):
            validate_time_zone(name)
    assert len(shared_time_zones()) > 400
    assert shared_time_zones() <= zoneinfo.available_timezones()
