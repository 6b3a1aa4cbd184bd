"""The daily limit where it is enforced: at the start, by one's own hand, and by autostop."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from organizations.models import Branch, Organization
from tests.conftest import Api
from tests.worktime.records import hours_ago, now, work
from worktime.models import OvertimeApproval, WorkTime, WorkTimeRevision
from worktime.services.limits import records_beyond_limit, stop_at_limit

START = "/api/worktime/start/"
LIST = "/api/worktime/"


@pytest.fixture
def zone(hamburg: Branch) -> str:
    """The branch's zone, one in which it is noon now."""
    hamburg.time_zone = f"Etc/GMT{(now().hour - 12):+d}"
    hamburg.save()
    return hamburg.time_zone


@pytest.fixture(autouse=True)
def _enforced(nordwind: Organization, alice: User) -> None:
    nordwind.daily_limit = "enforce"
    nordwind.save()
    User.objects.filter(pk=alice.pk).update(normal_working_hours="4.00")


def approve(user: User, organization: Organization, zone: str, hours: int) -> None:
    OvertimeApproval.objects.create(
        user=user,
        organization=organization,
        date=now().astimezone(ZoneInfo(zone)).date(),
        hours=hours,
        approved_by=user,
    )


def test_a_start_beyond_it_is_refused(
    api: type[Api], alice: User, nordwind: Organization, zone: str
) -> None:
    work(alice, *hours_ago(5, 1), time_zone=zone)
    response = api(alice).post_json(START)
    assert (response.status_code, response.json()["code"]) == (403, "daily_limit_reached")
    assert response.json()["limit_seconds"] == response.json()["worked_seconds"] == 4 * 3600
    assert WorkTime.objects.count() == 1
    approve(alice, nordwind, zone, 1)
    assert api(alice).post_json(START).status_code == 201


def test_yesterdays_work_does_not_count(api: type[Api], alice: User, zone: str) -> None:
    work(alice, *hours_ago(30, 20), time_zone=zone)
    assert api(alice).post_json(START).status_code == 201


def test_without_it_one_may_start(
    api: type[Api], alice: User, nordwind: Organization, zone: str
) -> None:
    nordwind.daily_limit = "warn"
    nordwind.save()
    work(alice, *hours_ago(5, 1), time_zone=zone)
    assert api(alice).post_json(START).status_code == 201


def test_a_running_record_is_named_first(api: type[Api], alice: User, zone: str) -> None:
    work(alice, *hours_ago(6), time_zone=zone)
    assert api(alice).post_json(START).json()["code"] == "already_clocked_in"


def test_another_organisations_work_does_not_count(
    api: type[Api], alice: User, charlie: User, zone: str
) -> None:
    elsewhere = charlie.branch_assignments.get().branch
    work(alice, *hours_ago(5, 1), time_zone=zone, branch=elsewhere)
    assert api(alice).post_json(START).status_code == 201


def test_ones_own_hand_cannot_go_beyond_it(
    api: type[Api], alice: User, bob: User, hamburg: Branch, zone: str
) -> None:
    begin, end = hours_ago(5, 0.5)
    assert end is not None
    body: dict[str, Any] = {"started_at": begin.isoformat(), "ended_at": end.isoformat()}
    response = api(alice).post_json(LIST, body)
    assert (response.status_code, response.json()["code"]) == (403, "daily_limit_reached")
    record = work(alice, begin, begin + timedelta(hours=4), time_zone=zone)
    change = {"ended_at": end.isoformat(), "reason": "longer"}
    assert api(alice).send("PATCH", f"{LIST}{record.id}/", change).status_code == 403
    assert not WorkTimeRevision.objects.exists()
    # A lead may.
    assert api(bob).send("PATCH", f"{LIST}{record.id}/", change).status_code == 200


def test_what_takes_no_more_of_a_day_may_be_changed(api: type[Api], alice: User, zone: str) -> None:
    """Also where the day is beyond its limit already."""
    begin, end = hours_ago(8, 2)
    record = work(alice, begin, end, time_zone=zone)
    path, reason = f"{LIST}{record.id}/", {"reason": "x"}
    client = api(alice)
    assert client.send("PATCH", path, {"notes": "long", **reason}).status_code == 200
    later = (begin + timedelta(minutes=30)).isoformat()
    assert client.send("PATCH", path, {"started_at": later, **reason}).status_code == 200
    response = client.send("PATCH", path, {"started_at": begin.isoformat(), **reason})
    assert response.json()["code"] == "daily_limit_reached"


def test_autostop_ends_at_the_exact_instant(alice: User, zone: str) -> None:
    earlier = work(alice, *hours_ago(8, 7), time_zone=zone)
    assert earlier.ended_at is not None
    record = work(alice, *hours_ago(6), time_zone=zone)
    assert records_beyond_limit() == [record.id]
    stopped = stop_at_limit(worktime_id=record.id)
    assert stopped is not None
    record.refresh_from_db()
    left = timedelta(hours=4) - (earlier.ended_at - earlier.started_at)
    assert record.ended_at == record.started_at + left
    assert record.source == "auto_stop"
    revision = WorkTimeRevision.objects.get()
    assert (revision.action, revision.author_id) == ("auto_stopped", None)
    assert records_beyond_limit() == []
    assert stop_at_limit(worktime_id=record.id) is None
    assert WorkTimeRevision.objects.count() == 1


def test_autostop_leaves_the_rest_alone(
    alice: User, bob: User, charlie: User, nordwind: Organization, zone: str
) -> None:
    within = work(alice, *hours_ago(3), time_zone=zone)
    other = work(charlie, *hours_ago(23), time_zone=zone)  # their organisation only warns
    User.objects.filter(pk=bob.pk).update(normal_working_hours="2.00")
    approve(bob, nordwind, zone, 5)
    extended = work(bob, *hours_ago(6), time_zone=zone)
    assert records_beyond_limit() == []
    for record in (within, other, extended):
        assert stop_at_limit(worktime_id=record.id) is None
    assert WorkTime.objects.running().count() == 3


def test_a_limit_used_up_at_once(alice: User, zone: str) -> None:
    User.objects.filter(pk=alice.pk).update(normal_working_hours=0)
    record = work(alice, *hours_ago(1), time_zone=zone)
    assert stop_at_limit(worktime_id=record.id) is not None
    record.refresh_from_db()
    assert record.ended_at == record.started_at + timedelta(microseconds=1)


def test_autostop_after_days(alice: User) -> None:
    """Nobody looked for three days: it ends on the day it began."""
    begin = datetime(2026, 3, 2, 8, tzinfo=UTC)
    record = work(alice, begin, None)
    assert records_beyond_limit() == [record.id]
    stop_at_limit(worktime_id=record.id)
    record.refresh_from_db()
    assert record.ended_at == begin + timedelta(hours=4)


@pytest.mark.parametrize("count", [1, 10])
def test_query_counts(
    api: type[Api],
    alice: User,
    nordwind: Organization,
    hamburg: Branch,
    hire: Callable[..., User],
    count: int,
    zone: str,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    for number in range(count):
        member = hire(f"member{number}", nordwind, "Member", hamburg)
        work(member, *hours_ago(9), time_zone=zone)
    with django_assert_num_queries(4):
        assert len(records_beyond_limit()) == count
    client = api(alice)
    with django_assert_num_queries(16):
        assert client.post_json(START).status_code == 201
