"""The demo's records: half a year, and a year of nights with both in which clocks change."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from config.management import demodata
from worktime.models import WorkTime


@pytest.mark.django_db
def test_the_demos_records() -> None:
    said: list[str] = []
    demodata.create(said.append)
    demodata.create(said.append)
    assert said[1] == "Demo data is there already."
    first, last = (
        WorkTime.objects.filter(ended_at__isnull=False)
        .exclude(user__username="zoe")
        .order_by(order)
        .values_list("started_at", flat=True)[0]
        for order in ("started_at", "-started_at")
    )
    assert timedelta(days=175) < last - first < timedelta(days=184)
    nights = WorkTime.objects.filter(user__username="zoe")
    assert nights.filter(started_at__week_day=7).count() > 50
    assert {_change(night) for night in nights} == {timedelta(hours=n) for n in (-1, 0, 1)}
    assert WorkTime.objects.running().count() == 6


def _change(record: WorkTime) -> timedelta:
    """Return by how much clocks change during a record."""
    zone = ZoneInfo(record.time_zone)
    before, after = (
        moment.astimezone(zone).utcoffset() or timedelta()
        for moment in (record.started_at, record.ended_at or record.started_at)
    )
    return after - before
