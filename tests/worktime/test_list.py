"""GET /api/worktime/: what the caller may see, in keyset pages."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from organizations.models import Branch
from tests.conftest import Api
from worktime.models import WorkTime

LIST = "/api/worktime/"
DAY = datetime(2026, 3, 2, 8, tzinfo=UTC)


def work(user: User, count: int) -> None:
    branch = user.branch_assignments.get().branch
    WorkTime.objects.bulk_create(
        WorkTime(
            user=user,
            organization=branch.organization,
            branch=branch,
            started_at=DAY - timedelta(days=number),
            ended_at=DAY - timedelta(days=number) + timedelta(hours=4),
            time_zone="UTC",
        )
        for number in range(count)
    )


def ids(body: dict[str, Any]) -> list[int]:
    return [row["id"] for row in body["results"]]


def test_a_member_sees_their_own(api: type[Api], alice: User, bob: User, charlie: User) -> None:
    for user in (alice, bob, charlie):
        work(user, 2)
    rows = api(alice).get(LIST).json()["results"]
    assert {row["user"]["username"] for row in rows} == {"alice"}
    assert len(rows) == 2


def test_a_lead_sees_the_organisation(
    api: type[Api], alice: User, bob: User, charlie: User
) -> None:
    for user in (alice, bob, charlie):
        work(user, 2)
    rows = api(bob).get(LIST).json()["results"]
    assert [row["user"]["username"] for row in rows].count("alice") == 2
    assert {row["user"]["username"] for row in rows} == {"alice", "bob"}


def test_a_role_may_cover_some_branches_only(
    api: type[Api], alice: User, bob: User, hamburg: Branch
) -> None:
    work(alice, 1)
    role = bob.role_assignments.get().role
    role.all_branches = False
    role.save()
    client = api(bob)
    assert client.get(LIST).json()["results"] == []
    role.branches.add(hamburg)
    assert len(client.get(LIST).json()["results"]) == 1


def test_pages_follow_each_other_both_ways(api: type[Api], alice: User) -> None:
    work(alice, 7)
    client = api(alice)
    everything = ids(client.get(LIST).json())
    first = client.get(LIST, {"limit": 3}).json()
    second = client.get(first["next"]).json()
    third = client.get(second["next"]).json()
    assert ids(first) + ids(second) + ids(third) == everything
    assert (first["previous"], third["next"]) == (None, None)
    assert ids(client.get(third["previous"]).json()) == ids(second)
    back = client.get(second["previous"]).json()
    assert (ids(back), back["previous"]) == (ids(first), None)


def test_an_insert_moves_no_page(api: type[Api], alice: User) -> None:
    work(alice, 4)
    client = api(alice)
    first = client.get(LIST, {"limit": 2}).json()
    expected = ids(client.get(first["next"]).json())
    branch = alice.branch_assignments.get().branch
    WorkTime.objects.create(
        user=alice,
        organization=branch.organization,
        branch=branch,
        started_at=DAY + timedelta(days=1),
        time_zone="UTC",
    )
    assert ids(client.get(first["next"]).json()) == expected


def test_ordering(api: type[Api], alice: User) -> None:
    work(alice, 3)
    client = api(alice)
    newest_first = ids(client.get(LIST).json())
    assert ids(client.get(LIST, {"ordering": "started_at"}).json()) == newest_first[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "٣"}, "limit"),
        ({"limit": "9" * 50}, "limit"),
        ({"ordering": "user__password"}, "ordering"),
        ({"ordering": "--started_at"}, "ordering"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "a\x00b"}, "cursor"),
    ],
)
def test_nonsense_names_the_parameter(
    api: type[Api], alice: User, query: dict[str, str], field: str
) -> None:
    response = api(alice).get(LIST, query)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_a_cursor_belongs_to_its_ordering(api: type[Api], alice: User) -> None:
    work(alice, 3)
    client = api(alice)
    following = client.get(LIST, {"limit": 1}).json()["next"]
    response = client.get(f"{following}&ordering=id")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "cursor"


def test_a_role_without_access(api: type[Api], alice: User) -> None:
    alice.role_assignments.get().role.permissions.all().delete()
    assert api(alice).get(LIST).status_code == 403


@pytest.mark.parametrize("count", [1, 40])
def test_query_count(
    api: type[Api], bob: User, count: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    work(bob, count)
    client = api(bob)
    with django_assert_num_queries(5):
        assert len(client.get(LIST).json()["results"]) == count
