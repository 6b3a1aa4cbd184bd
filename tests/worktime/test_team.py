"""/api/team-worktime/: who is at work, stopping someone, overtime."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import AccessLevel, User
from organizations.models import Branch, Organization
from tests.conftest import Api
from tests.worktime.records import fields, hours_ago, now, only_revision, work
from worktime.models import OvertimeApproval, WorkTime, WorkTimeRevision

ACTIVE = "/api/team-worktime/active/"
STOP = "/api/team-worktime/stop/"
OVERTIME = "/api/team-worktime/overtime/"


def usernames(body: dict[str, Any]) -> list[str]:
    return [row["worktime"]["user"]["username"] for row in body["results"]]


def limit_branches(lead: User, *branches: Branch) -> None:
    role = lead.role_assignments.get().role
    role.all_branches = False
    role.save()
    role.branches.set(branches)


def test_who_is_at_work(api: type[Api], alice: User, bob: User, charlie: User) -> None:
    midnight = now().replace(hour=0, minute=0, second=0, microsecond=0)
    record = work(alice, max(midnight, now() - timedelta(hours=1)), None)
    work(alice, midnight - timedelta(hours=20), midnight - timedelta(hours=12))
    work(charlie, *hours_ago(1))
    body = api(bob).get(ACTIVE).json()
    assert usernames(body) == ["alice"]
    row = body["results"][0]
    assert (row["worktime"]["id"], row["worktime"]["branch"]["name"]) == (record.id, "Hamburg")
    today = row["today"]
    assert today["date"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert 0 <= today["worked_seconds"] <= 3700
    assert today["limit_seconds"] == 7.6 * 3600
    assert today["remaining_seconds"] == pytest.approx(7.6 * 3600 - today["worked_seconds"])


def test_todays_earlier_work_and_overtime_count(
    api: type[Api], alice: User, bob: User, nordwind: Organization
) -> None:
    """A zone is taken in which it is noon now, so that no midnight is near."""
    zone = f"Etc/GMT{(now().hour - 12):+d}"
    work(alice, *hours_ago(5, 2), time_zone=zone)
    record = work(alice, *hours_ago(1), time_zone=zone)
    client = api(bob)
    day = client.get(ACTIVE).json()["results"][0]["today"]["date"]
    body = {"user": alice.id, "date": day, "hours": "1.50"}
    response = client.send("PUT", OVERTIME, body)
    assert (response.status_code, response.json()) == (200, body)
    today = client.get(ACTIVE).json()["results"][0]["today"]
    assert today["worked_seconds"] == pytest.approx(4 * 3600, abs=30)
    assert today["limit_seconds"] == 9.1 * 3600
    nordwind.daily_limit = "off"
    nordwind.save()
    today = client.get(ACTIVE).json()["results"][0]["today"]
    assert (today["limit_seconds"], today["remaining_seconds"]) == (None, None)
    assert client.get(ACTIVE).json()["results"][0]["worktime"]["id"] == record.id


def test_a_record_that_was_probably_forgotten(api: type[Api], alice: User, bob: User) -> None:
    work(alice, *hours_ago(16.1))
    work(bob, *hours_ago(15.9))
    rows = api(bob).get(ACTIVE).json()["results"]
    assert [row["worktime"]["runs_too_long"] for row in rows] == [True, False]
    assert api(alice).get("/api/worktime/active/").json()["worktime"]["runs_too_long"] is True
    assert WorkTime.objects.running().count() == 2


def test_a_lead_stops_a_member(api: type[Api], alice: User, bob: User) -> None:
    record = work(alice, *hours_ago(3))
    client, body = api(bob), {"user": alice.id, "reason": "left at four"}
    response = client.post_json(STOP, body)
    assert response.status_code == 200, response.content
    assert (response.json()["id"], response.json()["already_stopped"]) == (record.id, False)
    assert (response.json()["source"], response.json()["edited_by"]["username"]) == ("lead", "bob")
    revision, before, _ = only_revision()
    assert (revision.action, revision.author_id) == ("stopped", bob.id)
    assert (before["ended_at"], revision.reason) == (None, "left at four")
    again = client.post_json(STOP, body).json()
    assert again == {**response.json(), "already_stopped": True}
    assert WorkTimeRevision.objects.count() == 1


def test_who_never_worked_cannot_be_stopped(api: type[Api], alice: User, bob: User) -> None:
    response = api(bob).post_json(STOP, {"user": alice.id})
    assert (response.status_code, response.json()["code"]) == (404, "never_clocked_in")


def test_overtime_is_set_and_withdrawn(api: type[Api], alice: User, bob: User) -> None:
    client = api(bob)
    for hours in ("2", "3.25"):
        body = {"user": alice.id, "date": "2026-03-24", "hours": hours}
        assert client.send("PUT", OVERTIME, body).status_code == 200
    approval = OvertimeApproval.objects.get()
    assert (str(approval.hours), approval.approved_by_id) == ("3.25", bob.id)
    body = {"user": alice.id, "date": "2026-03-24", "hours": 0}
    assert client.send("PUT", OVERTIME, body).json()["hours"] == "0.00"
    assert not OvertimeApproval.objects.exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"hours": -1}, {"hours": "min_value"}),
        ({"hours": 24.5}, {"hours": "max_value"}),
        ({"hours": "NaN"}, {"hours": "invalid"}),
        ({"hours": 1.234}, {"hours": "max_decimal_places"}),
        ({"date": "2026-02-30"}, {"date": "invalid"}),
        ({"date": "0001-01-01"}, {"date": "out_of_range"}),
        ({"date": "9999-12-31"}, {"date": "out_of_range"}),
        ({"user": None}, {"user": "null"}),
    ],
)
def test_nonsense_names_the_field(
    api: type[Api], alice: User, bob: User, change: Any, expected: dict[str, str]
) -> None:
    body = {"user": alice.id, "date": "2026-03-24", "hours": 1, **change}
    assert fields(api(bob).send("PUT", OVERTIME, body)) == expected


def calls(user: User) -> list[tuple[str, str, Any]]:
    overtime = {"user": user.id, "date": "2026-03-24", "hours": 1}
    return [("POST", STOP, {"user": user.id}), ("PUT", OVERTIME, overtime)]


def test_members_may_not(api: type[Api], alice: User, bob: User) -> None:
    work(bob, *hours_ago(1))
    assert api(alice).get(ACTIVE).status_code == 403
    for method, path, body in calls(bob):
        assert api(alice).send(method, path, body).status_code == 403
    assert WorkTime.objects.running().exists()


def test_who_only_reads_may_look(api: type[Api], alice: User, bob: User) -> None:
    permissions = bob.role_assignments.get().role.permissions.filter(entity="worktime")
    permissions.update(access_level=AccessLevel.ALL_READ)
    work(alice, *hours_ago(1))
    assert usernames(api(bob).get(ACTIVE).json()) == ["alice"]
    for method, path, body in calls(alice):
        assert api(bob).send(method, path, body).status_code == 403


def test_strangers_are_not_there(api: type[Api], bob: User, charlie: User) -> None:
    work(charlie, *hours_ago(1))
    assert usernames(api(bob).get(ACTIVE).json()) == []
    for method, path, body in calls(charlie):
        assert api(bob).send(method, path, body).status_code == 404
    assert WorkTime.objects.running().exists()


def test_only_covered_branches(
    api: type[Api], alice: User, bob: User, nordwind: Organization, hamburg: Branch
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    work(alice, *hours_ago(1))
    limit_branches(bob, kiel)
    assert usernames(api(bob).get(ACTIVE).json()) == []
    for method, path, body in calls(alice):
        assert api(bob).send(method, path, body).status_code == 404
    limit_branches(bob, kiel, hamburg)
    assert usernames(api(bob).get(ACTIVE).json()) == ["alice"]
    for method, path, body in calls(alice):
        assert api(bob).send(method, path, body).status_code == 200


def test_a_record_in_an_uncovered_branch_is_not_stopped(
    api: type[Api], alice: User, bob: User, nordwind: Organization, hamburg: Branch
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    work(alice, *hours_ago(1), branch=kiel)
    limit_branches(bob, hamburg)
    assert api(bob).post_json(STOP, {"user": alice.id}).status_code == 404
    assert WorkTime.objects.running().exists()


@pytest.mark.parametrize("count", [1, 20])
def test_query_counts(
    api: type[Api],
    bob: User,
    hire: Callable[..., User],
    nordwind: Organization,
    hamburg: Branch,
    count: int,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    members = [hire(f"member{number}", nordwind, "Member", hamburg) for number in range(count)]
    for member in members:
        work(member, *hours_ago(9, 5))
        work(member, *hours_ago(1))
    client = api(bob)
    with django_assert_num_queries(9):
        assert len(client.get(ACTIVE).json()["results"]) == count
    with django_assert_num_queries(14):
        client.post_json(STOP, {"user": members[0].id})
    with django_assert_num_queries(15):
        client.send("PUT", OVERTIME, {"user": members[0].id, "date": "2026-03-24", "hours": 1})
