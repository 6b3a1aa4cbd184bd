"""manage.py autostop: safe to run twice, and on several machines at once."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from config.db.errors import DatabaseUnavailable
from organizations.models import Branch, Organization
from tests.race import at_once
from tests.worktime.records import hours_ago, now, work
from worktime.management.commands import autostop
from worktime.models import WorkTime, WorkTimeRevision
from worktime.services.limits import records_beyond_limit, stop_at_limit


@pytest.fixture
def overdue(
    nordwind: Organization, hamburg: Branch, hire: Callable[..., User]
) -> dict[int, WorkTime]:
    """Thirty running records that used up two hours, by id."""
    nordwind.daily_limit = "enforce"
    nordwind.save()
    # None of the 36 seconds that they may work lies on either side of midnight.
    ago = 3 if now().hour < 2 else 1
    records = {}
    for number in range(30):
        member = hire(f"member{number}", nordwind, "Member", hamburg)
        User.objects.filter(pk=member.pk).update(normal_working_hours="0.01")
        record = work(member, *hours_ago(ago + number / 100))
        records[record.id] = record
    return records


def assert_each_stopped_once(records: dict[int, WorkTime]) -> None:
    assert not WorkTime.objects.running().exists()
    for record in WorkTime.objects.all():
        assert record.ended_at == records[record.id].started_at + timedelta(seconds=36)
    ids = WorkTimeRevision.objects.values_list("worktime_id", flat=True)
    assert sorted(ids) == sorted(records)


def test_it_works(overdue: dict[int, WorkTime]) -> None:
    said = io.StringIO()
    call_command("autostop", stdout=said)
    assert_each_stopped_once(overdue)
    assert said.getvalue().endswith("Stopped 30 records.\n")
    said = io.StringIO()
    call_command("autostop", stdout=said)
    assert said.getvalue() == "Stopped 0 records.\n"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 86_401])
def test_watching_takes_reasonable_times(db: None, seconds: float) -> None:
    with pytest.raises(CommandError):
        call_command("autostop", watch=seconds)


def test_watching_goes_on_after_an_outage(
    overdue: dict[int, WorkTime], monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []

    def away() -> list[int]:
        raise DatabaseUnavailable("away")

    def nap(seconds: float) -> None:
        naps.append(seconds)
        monkeypatch.setattr(autostop, "records_beyond_limit", records_beyond_limit)
        if len(naps) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(autostop, "records_beyond_limit", away)
    monkeypatch.setattr(autostop, "sleep", nap)
    errors = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        call_command("autostop", watch=5.0, stdout=io.StringIO(), stderr=errors)
    assert errors.getvalue() == "The database cannot serve this now: away\n"
    assert naps == [5.0, 5.0]
    assert_each_stopped_once(overdue)


@pytest.mark.django_db(transaction=True)
def test_three_processes_at_once(overdue: dict[int, WorkTime]) -> None:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = {
        **os.environ,
        "STECHUHR_DEV": "",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
    }
    processes = [
        subprocess.Popen(
            [sys.executable, settings.BASE_DIR / "manage.py", "autostop"],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert_each_stopped_once(overdue)
    assert sum(output.count(": stopped at") for output in outputs) == 30


@pytest.mark.django_db(transaction=True)
def test_threads_at_the_same_records(overdue: dict[int, WorkTime]) -> None:
    """As three processes, but certainly at the same time."""
    runs = at_once(6, lambda _: [pk for pk in overdue if stop_at_limit(worktime_id=pk)])
    stopped = [pk for run in runs for pk in run]
    call_command("autostop", stdout=io.StringIO())
    assert_each_stopped_once(overdue)
    assert len(stopped) == len(set(stopped))
