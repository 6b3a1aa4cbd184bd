"""What somebody shared who has left: nobody runs it until somebody takes it over."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Role, RoleAssignment, User
from filterlists.models import FilterGroup, FilterList
from organizations.models import Organization
from tests.conftest import Api

LISTS: Final = "/api/filter-lists/"
MENU: Final = f"{LISTS}?table=worktime"
# Entries are neither kept nor trusted inside a transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def menu(by: User) -> list[dict[str, Any]]:
    return [each for each in Api(by).get(MENU).json()["results"] if each["id"]]


def may_run(by: User, row: int) -> int:
    return int(Api(by).get(f"/api/worktime/?filter={row}").status_code)


@pytest.fixture
def shared(alice: User, ada: User, bob: User) -> int:
    """A list of alice's in a group of hers, which others have in their menus."""
    client = Api(alice)
    group = client.post_json("/api/filter-groups/", {"table": "worktime", "name": "G"}).json()
    body = {
        "table": "worktime",
        "name": "Stocktaking",
        "conditions": [{"column": "notes", "operator": "contains", "value": "x"}],
        "is_shared": True,
        "group": group["id"],
    }
    made = client.post_json(LISTS, body)
    assert made.status_code == 201, made.content
    for _ in range(2):
        assert [each["name"] for each in menu(bob)] == ["Stocktaking"]
        assert [each["owner_left"] for each in menu(ada)] == [False]
    assert may_run(bob, made.json()["id"]) == 200
    return int(made.json()["id"])


def leave(ada: User, alice: User) -> None:
    path = f"/api/users/{alice.id}/roles/"
    assert Api(ada).send("PUT", path, {"roles": []}).status_code < 300


def deactivate(ada: User, alice: User) -> None:
    path = f"/api/users/{alice.id}/"
    assert Api(ada).send("PATCH", path, {"is_active": False}).status_code == 200


@pytest.mark.parametrize("ends", [leave, deactivate])
def test_others_neither_see_nor_run_it(
    ada: User, alice: User, bob: User, shared: int, ends: Callable[[User, User], None]
) -> None:
    ends(ada, alice)
    assert menu(bob) == []
    assert may_run(bob, shared) == 404
    assert Api(bob).get(f"{LISTS}{shared}/").status_code == 404
    assert Api(bob).send("PATCH", f"{LISTS}{shared}/", {"name": "Mine"}).status_code == 404
    with pytest.raises(CommandError, match="may run no such list"):
        call_command("filterlist", "explain", str(shared), "--as", "bob")
    assert FilterList.objects.get().user_id == alice.id


def test_who_comes_back_shares_it_again(
    ada: User, alice: User, bob: User, nordwind: Organization, shared: int
) -> None:
    leave(ada, alice)
    assert menu(bob) == []
    RoleAssignment.objects.create(
        user=alice, role=Role.objects.get(organization=nordwind, name="Member")
    )
    assert [each["name"] for each in menu(bob)] == ["Stocktaking"]
    deactivate(ada, alice)
    assert menu(bob) == []
    Api(ada).send("PATCH", f"/api/users/{alice.id}/", {"is_active": True})
    assert [each["name"] for each in menu(bob)] == ["Stocktaking"]


def test_who_writes_all_lists_takes_it_over_by_changing_it(
    ada: User, alice: User, bob: User, shared: int
) -> None:
    client, path = Api(ada), f"{LISTS}{shared}/"
    leave(ada, alice)
    [card] = menu(ada)
    assert (card["owner_left"], card["shared_by"]["username"]) == (True, "alice")
    assert client.get(path).json()["is_own"] is False
    taken = client.send("PATCH", path, {"name": "Stocktaking 2"})
    assert taken.status_code == 200, taken.content
    assert (taken.json()["is_own"], taken.json()["group"]) == (True, None)
    assert [each["owner_left"] for each in menu(ada)] == [False]
    [card] = menu(bob)
    assert (card["name"], card["shared_by"]["username"]) == ("Stocktaking 2", "ada")
    assert may_run(bob, shared) == 200
    row = FilterList.objects.get()
    assert (row.user_id, row.group_id) == (ada.id, None)
    assert FilterGroup.objects.get().user_id == alice.id


def test_a_list_of_somebody_who_is_there_stays_theirs(ada: User, alice: User, shared: int) -> None:
    answer = Api(ada).send("PATCH", f"{LISTS}{shared}/", {"name": "Other"})
    assert (answer.status_code, answer.json()["is_own"]) == (200, False)
    assert FilterList.objects.get().user_id == alice.id


def test_a_name_that_the_new_owner_has_already(ada: User, alice: User, shared: int) -> None:
    client, path = Api(ada), f"{LISTS}{shared}/"
    client.post_json(LISTS, {"table": "worktime", "name": "STOCKTAKING"})
    leave(ada, alice)
    refused = client.send("PATCH", path, {"is_shared": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "filter_list_name_taken")
    group = client.post_json("/api/filter-groups/", {"table": "worktime", "name": "H"}).json()["id"]
    body = {"name": "Another", "group": group}
    taken = client.send("PATCH", path, body, **{"If-Match": client.get(path)["ETag"]})
    assert (taken.status_code, taken.json()["group"]) == (200, group)


def test_who_writes_all_lists_deletes_it(ada: User, alice: User, bob: User, shared: int) -> None:
    leave(ada, alice)
    assert Api(ada).send("DELETE", f"{LISTS}{shared}/").status_code == 204
    assert menu(ada) == menu(bob) == []
