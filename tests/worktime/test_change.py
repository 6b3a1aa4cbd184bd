"""PATCH and DELETE /api/worktime/{id}/, and what they leave behind."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from accounts.models import AccessLevel, User
from organizations.models import Branch, BranchAssignment, Organization
from tests.conftest import Api
from tests.worktime.records import fields, hours_ago, now, only_revision, work
from worktime.models import WorkTime, WorkTimeRevision


@pytest.fixture
def record(alice: User) -> WorkTime:
    """Alice's, finished."""
    return work(alice, *hours_ago(5, 1))


def path(record: WorkTime) -> str:
    return f"/api/worktime/{record.id}/"


def test_it_works(api: type[Api], alice: User, record: WorkTime) -> None:
    end = record.started_at + timedelta(hours=2)
    body = {"ended_at": end.isoformat(), "notes": "short day", "reason": "went home"}
    response = api(alice).send("PATCH", path(record), body)
    assert response.status_code == 200, response.content
    assert (response.json()["duration_seconds"], response.json()["notes"]) == (7200, "short day")
    assert response.json()["edited_by"] is None
    assert response.json() == api(alice).get(path(record)).json()
    revision, before, after = only_revision()
    assert (revision.action, revision.reason) == ("changed", "went home")
    assert before["notes"] == ""
    assert before["ended_at"] == record.ended_at.isoformat()  # type: ignore[union-attr]
    assert after["ended_at"] == end.isoformat()


def test_a_leads_change_says_so(api: type[Api], alice: User, bob: User, record: WorkTime) -> None:
    body = {"notes": "corrected", "reason": "typo"}
    assert api(bob).send("PATCH", path(record), body).status_code == 200
    assert api(alice).get(path(record)).json()["edited_by"]["username"] == "bob"
    revision = api(alice).get(f"{path(record)}revisions/").json()["results"][0]
    assert (revision["author"]["username"], revision["reason"]) == ("bob", "typo")


def test_a_finished_record_needs_a_reason(api: type[Api], alice: User, record: WorkTime) -> None:
    client = api(alice)
    for body in ({"notes": "x"}, {"notes": "x", "reason": " "}):
        assert fields(client.send("PATCH", path(record), body)) == {"reason": "required"}
    assert fields(client.send("DELETE", path(record))) == {"reason": "required"}
    assert not WorkTimeRevision.objects.exists()


def test_a_running_record_needs_none(api: type[Api], alice: User) -> None:
    running = work(alice, *hours_ago(2))
    assert api(alice).send("PATCH", path(running), {"notes": "x"}).status_code == 200
    end = (now() - timedelta(hours=1)).isoformat()
    body = api(alice).send("PATCH", path(running), {"ended_at": end}).json()
    assert 3590 < body["duration_seconds"] < 3610
    assert WorkTimeRevision.objects.count() == 2


def test_what_changes_nothing_leaves_no_revision(
    api: type[Api], alice: User, record: WorkTime
) -> None:
    body = {"started_at": record.started_at.isoformat(), "reason": "again"}
    assert api(alice).send("PATCH", path(record), body).status_code == 200
    assert api(alice).send("PATCH", path(record), {}).status_code == 200
    assert not WorkTimeRevision.objects.exists()


def test_an_overlap_names_the_record(api: type[Api], alice: User, record: WorkTime) -> None:
    earlier = work(alice, *hours_ago(8, 6))
    body = {"started_at": (earlier.started_at + timedelta(hours=1)).isoformat(), "reason": "x"}
    response = api(alice).send("PATCH", path(record), body)
    assert (response.status_code, response.json()["code"]) == (409, "worktime_overlaps")
    assert response.json()["worktime"]["id"] == earlier.id


def test_a_record_out_of_sight_is_not_shown(
    api: type[Api], alice: User, charlie: User, record: WorkTime
) -> None:
    elsewhere = charlie.branch_assignments.get().branch
    earlier = work(alice, *hours_ago(8, 6), branch=elsewhere)
    body = {"started_at": earlier.started_at.isoformat(), "reason": "x"}
    response = api(alice).send("PATCH", path(record), body)
    assert response.status_code == 409
    assert "worktime" not in response.json()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ended_at": None}, {"ended_at": "null"}),
        ({"started_at": "2026-03-29T08:00:00"}, {"started_at": "naive"}),
        ({"ended_at": "9999-12-31T23:59:59Z"}, {"ended_at": "future"}),
        ({"started_at": "0001-01-01T00:00:00Z"}, {"started_at": "too_old"}),
        ({"started_at": "2026-03-02T08:00:00Z\x00"}, {"started_at": "invalid"}),
        ({"started_at": "2026-03-02\x0008:00Z"}, {"started_at": "invalid"}),
        ({"ended_at": "1971-01-01T00:00:00Z"}, {"ended_at": "before_start"}),
        ({"branch": 2**62}, {"branch": "does_not_exist"}),
        ({"notes": "n" * 2001}, {"notes": "max_length"}),
    ],
)
def test_nonsense_names_the_field(
    api: type[Api], alice: User, record: WorkTime, body: Any, expected: dict[str, str]
) -> None:
    response = api(alice).send("PATCH", path(record), {**body, "reason": "x"})
    assert fields(response) == expected


def test_another_branch_brings_its_zone(
    api: type[Api], alice: User, record: WorkTime, nordwind: Organization, charlie: User
) -> None:
    zurich = Branch.objects.create(organization=nordwind, name="Zürich", time_zone="Europe/Zurich")
    client, body = api(alice), {"branch": zurich.id, "reason": "was there"}
    assert fields(client.send("PATCH", path(record), body)) == {"branch": "does_not_exist"}
    BranchAssignment.objects.create(user=alice, branch=zurich)
    assert client.send("PATCH", path(record), body).json()["time_zone"] == "Europe/Zurich"
    foreign = charlie.branch_assignments.get().branch
    BranchAssignment.objects.create(user=alice, branch=foreign)
    response = client.send("PATCH", path(record), {**body, "branch": foreign.id})
    assert fields(response) == {"branch": "does_not_exist"}


def test_a_deleted_record_stays_readable_to_auditors(
    api: type[Api], alice: User, bob: User, charlie: User, record: WorkTime
) -> None:
    response = api(alice).send("DELETE", f"{path(record)}?reason=twice")
    assert (response.status_code, response.content) == (204, b"")
    assert api(alice).get(path(record)).status_code == 404
    assert api(alice).send("DELETE", f"{path(record)}?reason=twice").status_code == 404
    revisions = api(bob).get(f"{path(record)}revisions/").json()["results"]
    assert [row["action"] for row in revisions] == ["deleted"]
    assert revisions[0]["before"]["started_at"] == record.started_at.isoformat()
    assert (revisions[0]["after"], revisions[0]["reason"]) == (None, "twice")
    assert api(charlie).get(f"{path(record)}revisions/").status_code == 404


def test_what_others_may(
    api: type[Api], bob: User, charlie: User, hire: Callable[..., User], record: WorkTime
) -> None:
    """Another organisation's and another member's record is not there; who only reads may not."""
    stranger, member = charlie, hire("dora", record.organization, "Member", record.branch)
    for user in (stranger, member):
        client = api(user)
        assert client.get(path(record)).status_code == 404
        assert client.get(f"{path(record)}revisions/").status_code == 404
        body = {"notes": "x", "reason": "x"}
        assert client.send("PATCH", path(record), body).status_code == 404
        assert client.send("DELETE", f"{path(record)}?reason=x").status_code == 404
    permission = bob.role_assignments.get().role.permissions.filter(entity="worktime")
    permission.update(access_level=AccessLevel.ALL_READ)
    assert api(bob).get(path(record)).status_code == 200
    assert api(bob).send("PATCH", path(record), {"notes": "x"}).status_code == 403
    role = bob.role_assignments.get().role
    permission.update(access_level=AccessLevel.ALL_BOTH)
    role.all_branches = False
    role.save()
    assert api(bob).send("PATCH", path(record), {"notes": "x"}).status_code == 404


def test_an_unknown_record(api: type[Api], alice: User) -> None:
    for number in (0, 2**31, 10**30):
        assert api(alice).get(f"/api/worktime/{number}/").status_code == 404
        assert api(alice).send("PATCH", f"/api/worktime/{number}/", {}).status_code == 404
        assert api(alice).get(f"/api/worktime/{number}/revisions/").status_code == 404


def test_a_record_without_revisions(api: type[Api], alice: User, record: WorkTime) -> None:
    assert api(alice).get(f"{path(record)}revisions/").json()["results"] == []


def test_revisions_are_append_only(api: type[Api], alice: User, record: WorkTime) -> None:
    api(alice).send("PATCH", path(record), {"notes": "x", "reason": "x"})
    revision = WorkTimeRevision.objects.get()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        WorkTimeRevision.objects.update(reason="y")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        revision.delete()


def test_query_counts(
    api: type[Api], alice: User, record: WorkTime, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = api(alice)
    with django_assert_num_queries(5):
        client.get(path(record))
    with django_assert_num_queries(7):
        client.get(f"{path(record)}revisions/")
    with django_assert_num_queries(15):
        client.send("PATCH", path(record), {"notes": "x", "reason": "x"})
    with django_assert_num_queries(13):
        assert client.send("DELETE", f"{path(record)}?reason=x").status_code == 204
