"""POST /api/worktime/start/: one running record, decided by the database."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from organizations.models import Branch, BranchAssignment, Organization
from tests.conftest import Api
from tests.race import race
from worktime.models import WorkTime

START = "/api/worktime/start/"


def fields(response: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in response.json()["errors"]}


def test_it_works(api: type[Api], alice: User, hamburg: Branch) -> None:
    response = api(alice).post_json(START, {"notes": "early"})
    assert response.status_code == 201
    body = response.json()
    record = WorkTime.objects.get()
    assert body == {
        "id": record.id,
        "user": {"id": alice.id, "username": "alice", "first_name": "", "last_name": ""},
        "branch": {"id": hamburg.id, "name": "Hamburg"},
        "started_at": record.started_at.isoformat().replace("+00:00", "Z"),
        "ended_at": None,
        "duration_seconds": None,
        "time_zone": "Europe/Berlin",
        "notes": "early",
        "source": "live",
        "edited_by": None,
        "runs_too_long": False,
    }
    assert abs(datetime.now(UTC) - record.started_at) < timedelta(minutes=1)


def test_again_is_refused_with_the_running_record(api: type[Api], alice: User) -> None:
    client = api(alice)
    first = client.post_json(START).json()
    again = client.post_json(START)
    assert again.status_code == 409
    assert again["Content-Type"] == "application/problem+json"
    assert again.json()["code"] == "already_clocked_in"
    assert again.json()["worktime"] == first
    assert WorkTime.objects.count() == 1


def test_another_organisations_running_record_is_not_shown(
    api: type[Api], alice: User, charlie: User
) -> None:
    elsewhere = charlie.branch_assignments.get().branch
    WorkTime.objects.create(
        user=alice,
        organization=elsewhere.organization,
        branch=elsewhere,
        started_at=datetime.now(UTC) - timedelta(hours=1),
        time_zone="UTC",
    )
    response = api(alice).post_json(START)
    assert response.status_code == 409
    assert response.json()["code"] == "already_clocked_in"
    assert "worktime" not in response.json()


def test_a_back_dated_start_must_not_overlap(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json(START)
    stopped = client.post_json("/api/worktime/stop/").json()
    early = datetime.now(UTC) - timedelta(hours=2)
    response = client.post_json(START, {"started_at": early.isoformat()})
    assert response.status_code == 409
    assert response.json()["code"] == "worktime_overlaps"
    assert response.json()["worktime"]["id"] == stopped["id"]


def test_right_after_a_record_is_no_overlap(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json(START)
    stopped = client.post_json("/api/worktime/stop/").json()
    assert client.post_json(START, {"started_at": stopped["ended_at"]}).status_code == 201


def test_a_start_slightly_ahead_is_taken_as_now(api: type[Api], alice: User) -> None:
    ahead = datetime.now(UTC) + timedelta(seconds=50)
    assert api(alice).post_json(START, {"started_at": ahead.isoformat()}).status_code == 201
    assert WorkTime.objects.get().started_at < ahead


@pytest.mark.parametrize(
    ("offset", "code"),
    [(timedelta(seconds=75), "future"), (-timedelta(hours=24, seconds=15), "too_old")],
)
def test_too_far_from_now(api: type[Api], alice: User, offset: timedelta, code: str) -> None:
    started_at = (datetime.now(UTC) + offset).isoformat()
    response = api(alice).post_json(START, {"started_at": started_at})
    assert response.status_code == 400
    assert fields(response) == {"started_at": code}
    assert not WorkTime.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"started_at": "2026-03-29T08:00:00"}, "started_at"),
        ({"started_at": "0001-01-01T00:00:00+14:00"}, "started_at"),
        ({"started_at": "9999-12-31T23:59:59-14:00"}, "started_at"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": 5}, "started_at"),
        ({"branch": "x"}, "branch"),
        ({"branch": 0}, "branch"),
        ({"branch": 10**30}, "branch"),
        ({"branch": 2**63 - 1}, "branch"),
        ({"branch": 1.5}, "branch"),
        ({"branch": []}, "branch"),
        ({"notes": "a\x00b"}, "notes"),
        ({"notes": "n" * 2001}, "notes"),
        ({"notes": {"a": 1}}, "notes"),
        (["notes"], ""),
    ],
)
def test_nonsense_names_the_field(api: type[Api], alice: User, body: Any, field: str) -> None:
    response = api(alice).post_json(START, json.dumps(body))
    assert response.status_code == 400, response.content
    assert response["Content-Type"] == "application/problem+json"
    assert set(fields(response)) == {field}
    assert not WorkTime.objects.exists()


def test_a_branch_may_be_chosen(api: type[Api], alice: User, nordwind: Organization) -> None:
    zurich = Branch.objects.create(organization=nordwind, name="Zürich", time_zone="Europe/Zurich")
    BranchAssignment.objects.create(user=alice, branch=zurich)
    body = api(alice).post_json(START, {"branch": zurich.id}).json()
    assert (body["branch"]["id"], body["time_zone"]) == (zurich.id, "Europe/Zurich")


def test_a_branch_must_be_assigned_active_and_of_the_organisation(
    api: type[Api], alice: User, charlie: User, nordwind: Organization
) -> None:
    unassigned = Branch.objects.create(organization=nordwind, name="Kiel")
    closed = Branch.objects.create(organization=nordwind, name="Bremen", is_active=False)
    BranchAssignment.objects.create(user=alice, branch=closed)
    foreign = charlie.branch_assignments.get().branch
    BranchAssignment.objects.create(user=alice, branch=foreign)
    client = api(alice)
    for branch in (unassigned, closed, foreign):
        response = client.post_json(START, {"branch": branch.id})
        assert response.status_code == 400
        assert fields(response) == {"branch": "does_not_exist"}


def test_without_any_branch(api: type[Api], alice: User) -> None:
    BranchAssignment.objects.filter(user=alice).delete()
    response = api(alice).post_json(START)
    assert (response.status_code, response.json()["code"]) == (409, "branch_required")


def test_bank_details_may_be_required(api: type[Api], alice: User, nordwind: Organization) -> None:
    nordwind.require_bank_details = True
    nordwind.save()
    client = api(alice)
    response = client.post_json(START)
    assert (response.status_code, response.json()["code"]) == (403, "bank_details_missing")
    User.objects.filter(pk=alice.pk).update(bank_details="CH93 0076 2011 6238 5295 7")
    assert client.post_json(START).status_code == 201


def test_without_a_role(api: type[Api], alice: User) -> None:
    alice.role_assignments.update(is_active_role=False)
    response = api(alice).post_json(START)
    assert (response.status_code, response.json()["code"]) == (403, "permission_denied")


def test_a_role_that_only_reads(api: type[Api], alice: User) -> None:
    role = alice.role_assignments.get().role
    role.permissions.filter(entity="worktime").update(access_level="all_read")
    assert api(alice).post_json(START).status_code == 403


def test_a_deactivated_organisation(api: type[Api], alice: User, nordwind: Organization) -> None:
    nordwind.is_active = False
    nordwind.save()
    assert api(alice).post_json(START).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_make_one_record(api: type[Api], alice: User) -> None:
    """The database decides the race, not a look-up."""
    clients = [api(alice) for _ in range(50)]
    answers = race(50, lambda number: clients[number].post_json(START))
    assert answers == {(201, ""): 1, (409, "already_clocked_in"): 49}
    assert WorkTime.objects.count() == 1


def test_query_count(
    api: type[Api], alice: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = api(alice)
    with django_assert_num_queries(14):
        assert client.post_json(START).status_code == 201
