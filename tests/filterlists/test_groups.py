"""/api/filter-groups/: one's own, and people and roles, which are computed."""

from typing import Any

import pytest

from accounts.models import User
from filterlists.models import FilterGroup, FilterList
from organizations.models import Branch
from tests.conftest import Api
from tests.filterlists.test_lists import saved, stored
from tests.worktime.test_list import work

GROUPS = "/api/filter-groups/"
LISTS = "/api/filter-lists/"


def groups(client: Api, table: str = "worktime") -> list[str]:
    return [row["key"] for row in client.get(GROUPS, {"table": table}).json()]


def test_it_works(api: type[Api], alice: User) -> None:
    client = api(alice)
    made = client.post_json(GROUPS, {"table": "worktime", "name": "Late"})
    assert made.status_code == 201, made.content
    one = f"{GROUPS}{made.json()['id']}/"
    kept = saved(client, group=made.json()["id"])
    assert client.send("PATCH", one, {"name": "Later"}).json()["name"] == "Later"
    assert [row["group"] for row in stored(client)] == [made.json()["id"]]
    assert client.get("/api/worktime/", {"filter": kept["key"]}).status_code == 200
    assert client.send("DELETE", one).status_code == 204
    assert [(row["id"], row["group"]) for row in stored(client)] == [(kept["id"], None)]


def test_a_name_is_taken(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.post_json(GROUPS, {"table": "worktime", "name": "Late"})
    again = client.post_json(GROUPS, {"table": "worktime", "name": "late"})
    assert (again.status_code, again.json()["code"]) == (409, "filter_group_name_taken")


def test_another_persons_group(api: type[Api], alice: User, ada: User) -> None:
    made = api(alice).post_json(GROUPS, {"table": "worktime", "name": "Late"}).json()
    one = f"{GROUPS}{made['id']}/"
    assert groups(api(ada)) == ["people", "roles"]
    assert api(ada).send("PATCH", one, {"name": "x"}).status_code == 404
    assert api(ada).send("DELETE", one).status_code == 404


def test_reorder(api: type[Api], alice: User) -> None:
    client = api(alice)
    ids = [
        client.post_json(GROUPS, {"table": "worktime", "name": name}).json()["id"] for name in "AB"
    ]
    order = {"table": "worktime", "groups": ids[::-1]}
    assert client.post_json(f"{LISTS}reorder/", order).status_code == 204
    assert groups(client)[2:] == [str(each) for each in ids[::-1]]


def names(client: Api, group: str, table: str = "worktime") -> list[str]:
    page = client.get(LISTS, {"table": table, "group": group}).json()
    return [row["name"] for row in page["results"]]


def test_people_are_whom_one_may_see(api: type[Api], alice: User, bob: User, charlie: User) -> None:
    bob.first_name, bob.last_name = "Bob", "Brunner"
    bob.save()
    assert names(api(alice), "people") == ["alice"]
    assert sorted(names(api(bob), "people")) == ["Bob Brunner", "ada", "alice"]
    assert names(api(bob), "roles") == ["Admin", "Lead", "Member"]
    assert names(api(charlie), "people") == ["charlie"]
    assert FilterList.objects.count() == FilterGroup.objects.count() == 0


def test_a_computed_list_runs(api: type[Api], alice: User, bob: User, hamburg: Branch) -> None:
    work(alice, 2)
    work(bob, 1)
    client = api(bob)

    def count(key: str) -> int:
        return len(client.get("/api/worktime/", {"filter": key}).json()["results"])

    member = alice.role_assignments.get().role_id
    assert (count(f"person:{alice.id}"), count(f"role:{member}")) == (2, 2)
    assert count(f"person:{bob.id}") == 1


def test_pages(api: type[Api], alice: User, bob: User) -> None:
    client = api(bob)
    first = client.get(LISTS, {"table": "worktime", "group": "people", "limit": "2"}).json()
    second = client.get(first["next"]).json()
    assert len(first["results"]) == 2
    assert len(second["results"]) == 1


@pytest.mark.parametrize(("table", "group"), [("roles", "people"), ("branches", "roles")])
def test_a_table_without_such_a_group(api: type[Api], alice: User, table: str, group: str) -> None:
    response = api(alice).get(LISTS, {"table": table, "group": group})
    assert response.status_code == 400
    assert groups(api(alice), table) == []


def test_nobody_to_see(api: type[Api], alice: User) -> None:
    role = alice.role_assignments.get().role
    role.permissions.filter(entity__in=["users", "roles"]).delete()
    assert groups(api(alice)) == []
    empty: list[Any] = names(api(alice), "people")
    assert empty == []
