"""The demo's records: half a year, with nights in which clocks change."""

from datetime import timedelta

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
        .order_by(order)
        .values_list("started_at", flat=True)[0]
        for order in ("started_at", "-started_at")
    )
    assert timedelta(days=175) < last - first < timedelta(days=184)
    nights = WorkTime.objects.filter(user__username="zoe")
    assert nights.filter(started_at__week_day=7).count() > 20
    assert WorkTime.objects.running().count() == 6
