"""GET /api/worktime/stats/: sums of a period."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from organizations.models import Branch, Organization
from tests.conftest import Api
from tests.worktime.records import fields, hours_ago, work
from worktime.models import OvertimeApproval

STATS = "/api/worktime/stats/"
HOUR = 3600.0


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def week(alice: User) -> None:
    """Alice's week 13 of 2026, in which clocks change: a day, and a night into that Sunday."""
    User.objects.filter(pk=alice.pk).update(time_zone="Europe/Berlin")
    work(alice, berlin("2026-03-23T08:00+01:00"), berlin("2026-03-23T12:00+01:00"))
    work(alice, berlin("2026-03-23T12:45+01:00"), berlin("2026-03-23T16:45+01:00"))
    work(
        alice,
        berlin("2026-03-28T22:00+01:00"),
        berlin("2026-03-29T06:00+02:00"),
        time_zone="Europe/Berlin",
    )
    work(alice, berlin("2026-03-22T23:00+01:00"), berlin("2026-03-23T01:00+01:00"))


def by_date(body: dict[str, Any], key: str = "worked_seconds") -> dict[str, float]:
    return {day["date"]: day[key] for day in body["days"] if day[key]}


@pytest.mark.usefixtures("week")
def test_it_works(api: type[Api], alice: User) -> None:
    OvertimeApproval.objects.create(
        user=alice,
        organization=alice.role_assignments.get().role.organization,
        date="2026-03-24",
        hours=2,
        approved_by=alice,
    )
    body = api(alice).get(STATS, {"week": "2026-W13"}).json()
    assert body["user"]["username"] == "alice"
    assert body["period"] == {
        "kind": "week",
        "name": "2026-W13",
        "first_day": "2026-03-23",
        "last_day": "2026-03-29",
        "started_at": "2026-03-22T23:00:00Z",
        "ended_at": "2026-03-29T22:00:00Z",
    }
    assert (body["time_zone"], body["day_rule"]) == ("Europe/Berlin", "split_at_midnight")
    # The first hour of Monday is the 22nd in UTC, the zone of that record.
    assert by_date(body) == {
        "2026-03-22": HOUR,
        "2026-03-23": 8 * HOUR,
        "2026-03-28": 2 * HOUR,
        "2026-03-29": 5 * HOUR,
    }
    monday = body["days"][1]
    assert monday["target_seconds"] == monday["limit_seconds"] == 7.6 * HOUR
    assert monday["difference_seconds"] == pytest.approx(0.4 * HOUR)
    assert [gap["seconds"] for gap in monday["breaks"]] == [0.75 * HOUR]
    assert by_date(body, "limit_seconds")["2026-03-24"] == 9.6 * HOUR
    assert body["worked_seconds"] == 16 * HOUR == sum(by_date(body).values())
    assert body["target_seconds"] == 38 * HOUR
    assert body["difference_seconds"] == -22 * HOUR
    assert (body["worked_days"], body["average_seconds"]) == (4, 4 * HOUR)
    assert (body["break_seconds"], body["running_seconds"]) == (0.75 * HOUR, 0)


@pytest.mark.usefixtures("week")
def test_the_start_day_rule(api: type[Api], alice: User, nordwind: Organization) -> None:
    nordwind.day_rule = "start_day"
    nordwind.save()
    body = api(alice).get(STATS, {"week": "2026-W13"}).json()
    assert body["day_rule"] == "start_day"
    assert by_date(body) == {"2026-03-23": 8 * HOUR, "2026-03-28": 7 * HOUR}
    before = api(alice).get(STATS, {"week": "2026-W12"}).json()
    assert by_date(before) == {"2026-03-22": 2 * HOUR}


@pytest.mark.usefixtures("week")
def test_each_period(api: type[Api], alice: User) -> None:
    client = api(alice)
    month = client.get(STATS, {"month": "2026-03"}).json()
    halves = [client.get(STATS, {"fortnight": f"2026-03-{half}"}).json() for half in "12"]
    assert len(month["days"]) == 31
    assert month["worked_seconds"] == 17 * HOUR
    assert [half["worked_seconds"] for half in halves] == [0, 17 * HOUR]
    assert month["target_seconds"] == sum(half["target_seconds"] for half in halves)


def test_this_week_with_what_runs(api: type[Api], alice: User) -> None:
    work(alice, *hours_ago(0.5))
    month = f"{datetime.now(UTC):%Y-%m}"
    body = api(alice).get(STATS, {"month": month}).json()
    # Half an hour, unless the month began meanwhile.
    assert 0 <= body["running_seconds"] <= 0.5 * HOUR + 60
    assert body["running_seconds"] == body["worked_seconds"]
    assert api(alice).get(STATS).json()["period"]["kind"] == "week"


@pytest.mark.usefixtures("week")
def test_the_simple_form(api: type[Api], alice: User) -> None:
    complete = api(alice).get(STATS, {"week": "2026-W13"}).json()
    simple = api(alice).get(STATS, {"week": "2026-W13", "form": "simple"}).json()
    del complete["days"]
    assert simple == complete


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"week": "2026-W54"}, "week"),
        ({"week": "x"}, "week"),
        ({"week": ""}, "week"),
        ({"fortnight": "2026-03-3"}, "fortnight"),
        ({"month": "0001-01"}, "month"),
        ({"month": "9999-12"}, "month"),
        ({"month": "2026-03\x00"}, "month"),
        ({"month": "2026-03", "week": "2026-W13"}, "month"),
        ({"form": "short"}, "form"),
        ({"user": "0"}, "user"),
        ({"user": "x"}, "user"),
    ],
)
def test_nonsense_names_the_parameter(
    api: type[Api], alice: User, query: dict[str, str], field: str
) -> None:
    assert set(fields(api(alice).get(STATS, query))) == {field}


@pytest.mark.usefixtures("week")
def test_whose(api: type[Api], alice: User, bob: User, charlie: User, hamburg: Branch) -> None:
    query = {"week": "2026-W13", "user": str(alice.id)}
    User.objects.filter(pk=bob.pk).update(time_zone="Europe/Berlin")
    assert api(bob).get(STATS, query).json()["worked_seconds"] == 16 * HOUR
    assert api(charlie).get(STATS, query).status_code == 404
    assert api(alice).get(STATS, {"user": str(bob.id)}).status_code == 404
    role = bob.role_assignments.get().role
    role.all_branches = False
    role.save()
    assert api(bob).get(STATS, query).status_code == 404
    role.branches.add(hamburg)
    assert api(bob).get(STATS, query).json()["worked_seconds"] == 16 * HOUR


def test_only_the_active_organisation_counts(api: type[Api], alice: User, charlie: User) -> None:
    elsewhere = charlie.branch_assignments.get().branch
    begin = datetime(2026, 3, 24, 8, tzinfo=UTC)
    work(alice, begin, begin + timedelta(hours=4), branch=elsewhere)
    assert api(alice).get(STATS, {"week": "2026-W13"}).json()["worked_seconds"] == 0


def test_without_a_role(api: type[Api], alice: User) -> None:
    alice.role_assignments.update(is_active_role=False)
    assert api(alice).get(STATS).status_code == 403


@pytest.mark.parametrize("count", [1, 30])
def test_query_count(
    api: type[Api], alice: User, count: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    begin = datetime(2026, 3, 1, 8, tzinfo=UTC)
    for number in range(count):
        work(alice, begin + timedelta(hours=20 * number), begin + timedelta(hours=20 * number + 4))
    client = api(alice)
    with django_assert_num_queries(8):
        assert client.get(STATS, {"month": "2026-03"}).status_code == 200
