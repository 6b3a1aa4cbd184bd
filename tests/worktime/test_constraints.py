"""The database keeps one running record and no overlap, whoever writes."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from accounts.models import User
from organizations.models import Branch
from worktime.models import NO_OVERLAP, ONE_RUNNING, WorkTime

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def record(user: User, branch: Branch, begin: float, end: float | None) -> WorkTime:
    return WorkTime.objects.create(
        user=user,
        organization=branch.organization,
        branch=branch,
        started_at=NINE + timedelta(hours=begin),
        ended_at=None if end is None else NINE + timedelta(hours=end),
        time_zone="UTC",
    )


def test_adjacent_records_are_legal(alice: User, hamburg: Branch) -> None:
    record(alice, hamburg, 0, 4)
    record(alice, hamburg, 4, 8)
    record(alice, hamburg, 8, None)
    assert WorkTime.objects.count() == 3


def test_others_may_work_at_the_same_time(alice: User, bob: User, hamburg: Branch) -> None:
    record(alice, hamburg, 0, None)
    record(bob, hamburg, 0, None)
    assert WorkTime.objects.running().count() == 2


@pytest.mark.parametrize(
    ("begin", "end", "constraint"),
    [
        (3, 5, NO_OVERLAP),
        (1, 2, NO_OVERLAP),
        (-1, 9, NO_OVERLAP),
        (-1, None, ONE_RUNNING),
        (9, None, ONE_RUNNING),
        (4, 4, "worktime_ends_after_start"),
        (5, 4.5, "worktime_ends_after_start"),
    ],
)
def test_the_database_refuses(
    alice: User, hamburg: Branch, begin: float, end: float | None, constraint: str
) -> None:
    record(alice, hamburg, 0, 4)
    record(alice, hamburg, 8, None)
    with pytest.raises(IntegrityError, match=constraint):
        record(alice, hamburg, begin, end)
