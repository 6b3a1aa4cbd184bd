"""POST /api/worktime/: work recorded after the fact."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import User
from organizations.models import Branch, Organization
from tests.conftest import Api
from tests.worktime.records import fields, hours_ago, now, only_revision, work
from worktime.models import WorkTime, WorkTimeRevision

LIST = "/api/worktime/"


def times(begin: float = 5, end: float = 1) -> dict[str, Any]:
    started_at, ended_at = hours_ago(begin, end)
    assert ended_at is not None
    return {"started_at": started_at.isoformat(), "ended_at": ended_at.isoformat()}


def test_it_works(api: type[Api], alice: User, hamburg: Branch) -> None:
    response = api(alice).post_json(LIST, {**times(), "notes": "forgot"})
    assert response.status_code == 201, response.content
    body = response.json()
    assert (body["source"], body["duration_seconds"]) == ("manual", 4 * 3600)
    assert (body["branch"]["id"], body["time_zone"]) == (hamburg.id, "Europe/Berlin")
    assert body["edited_by"] is None
    revision, _, after = only_revision()
    assert (revision.worktime_id, revision.action) == (body["id"], "created")
    assert (revision.author_id, revision.before) == (alice.id, None)
    assert after["notes"] == "forgot"


def test_a_lead_may_for_a_member(api: type[Api], alice: User, bob: User, hamburg: Branch) -> None:
    response = api(bob).post_json(LIST, {**times(), "user": alice.id, "branch": hamburg.id})
    assert response.status_code == 201
    body = response.json()
    assert (body["user"]["id"], body["source"]) == (alice.id, "lead")
    assert body["edited_by"]["username"] == "bob"
    assert api(alice).get(f"{LIST}{body['id']}/").json() == body


def test_a_lead_names_the_branch(api: type[Api], alice: User, bob: User) -> None:
    response = api(bob).post_json(LIST, {**times(), "user": alice.id})
    assert (response.status_code, response.json()["code"]) == (409, "branch_required")


def test_a_member_may_not_for_others(
    api: type[Api], alice: User, bob: User, charlie: User, hamburg: Branch
) -> None:
    for other in (bob, charlie):
        body = {**times(), "user": other.id, "branch": hamburg.id}
        assert api(alice).post_json(LIST, body).status_code == 404
    assert not WorkTime.objects.exists()


def test_a_lead_may_not_for_strangers_and_uncovered_branches(
    api: type[Api], alice: User, bob: User, charlie: User, nordwind: Organization, hamburg: Branch
) -> None:
    client = api(bob)
    body = {**times(), "user": charlie.id, "branch": hamburg.id}
    assert client.post_json(LIST, body).status_code == 404
    role = bob.role_assignments.get().role
    role.all_branches = False
    role.save()
    role.branches.add(Branch.objects.create(organization=nordwind, name="Kiel"))
    body = {**times(), "user": alice.id, "branch": hamburg.id}
    assert client.post_json(LIST, body).status_code == 404


def test_an_overlap_names_the_record(api: type[Api], alice: User) -> None:
    client = api(alice)
    first = client.post_json(LIST, times(5, 3)).json()
    response = client.post_json(LIST, times(4, 1))
    assert (response.status_code, response.json()["code"]) == (409, "worktime_overlaps")
    assert response.json()["worktime"] == first
    assert WorkTimeRevision.objects.count() == 1


def test_beside_another_is_no_overlap(api: type[Api], alice: User) -> None:
    client = api(alice)
    first = client.post_json(LIST, times(5, 3)).json()
    body = {**times(), "started_at": first["ended_at"]}
    assert client.post_json(LIST, body).status_code == 201


def test_a_running_record_stands_in_the_way(api: type[Api], alice: User) -> None:
    running = work(alice, *hours_ago(2))
    response = api(alice).post_json(LIST, times(3, 1))
    assert response.json()["worktime"]["id"] == running.id


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"started_at": None}, {"started_at": "null"}),
        ({"ended_at": None}, {"ended_at": "null"}),
        ({"started_at": "2026-03-29T08:00:00"}, {"started_at": "naive"}),
        ({"ended_at": "2026-03-29T08:00:00"}, {"ended_at": "naive"}),
        ({"started_at": "0001-01-01T00:00:00Z"}, {"started_at": "too_old"}),
        ({"started_at": "1969-12-31T00:00:00Z"}, {"started_at": "too_old"}),
        ({"ended_at": "9999-12-31T23:59:59Z"}, {"ended_at": "future"}),
        ({"started_at": "9999-12-31T23:59:59-14:00"}, None),
        ({"branch": 2**62}, {"branch": "does_not_exist"}),
        ({"user": "alice"}, {"user": "invalid"}),
        ({"notes": "a\x00b"}, {"notes": "null_characters_not_allowed"}),
        ({"notes": "n" * 1_000_000}, {"notes": "max_length"}),
        ({"reason": "r" * 501}, {"reason": "max_length"}),
    ],
)
def test_nonsense_names_the_field(
    api: type[Api], alice: User, change: dict[str, Any], expected: dict[str, str] | None
) -> None:
    response = api(alice).post_json(LIST, {**times(), **change})
    if expected is None:
        assert set(fields(response)) == {"started_at"}
    else:
        assert fields(response) == expected


def test_the_end_must_be_after_the_start(api: type[Api], alice: User) -> None:
    for end in (5, 6):
        assert fields(api(alice).post_json(LIST, times(5, end))) in (
            {"ended_at": "before_start"},
            {"ended_at": "future"},
        )


def test_the_future_is_refused(api: type[Api], alice: User) -> None:
    ahead = (now() + timedelta(seconds=90)).isoformat()
    assert fields(api(alice).post_json(LIST, {**times(), "ended_at": ahead})) == {
        "ended_at": "future"
    }
    slightly = (now() + timedelta(seconds=30)).isoformat()
    body = api(alice).post_json(LIST, {**times(), "ended_at": slightly}).json()
    assert body["ended_at"] < slightly


def test_nothing_may_be_missing(api: type[Api], alice: User) -> None:
    assert fields(api(alice).post_json(LIST, {})) == {
        "started_at": "required",
        "ended_at": "required",
    }


def test_query_count(
    api: type[Api], alice: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = api(alice)
    with django_assert_num_queries(15):
        assert client.post_json(LIST, times()).status_code == 201
