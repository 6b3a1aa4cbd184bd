"""Moments that are hard on calendars: any zone, also around changes of its clocks."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

FIRST = datetime(1971, 1, 1, tzinfo=UTC)
DAYS = 365 * 66


@cache
def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Return the noons (UTC) before which, within a day, a zone's offset changed."""
    noons = [datetime(year, 1, 1, 12, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    offsets = [noon.astimezone(zone).utcoffset() for noon in noons]
    return [noons[n] for n in range(1, 366) if offsets[n] != offsets[n - 1]]


@st.composite
def instants(draw: st.DrawFn, zone: ZoneInfo) -> datetime:
    """Any instant, every second time one within two days of a change of the zone's clocks."""
    moment = FIRST + timedelta(days=draw(st.integers(0, DAYS)))
    near = changes(zone, moment.year) if draw(st.booleans()) else []
    if near:
        moment = draw(st.sampled_from(near)) - timedelta(hours=36)
    return moment + timedelta(microseconds=draw(st.integers(0, 72 * 3_600_000_000)))
