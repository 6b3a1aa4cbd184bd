"""/api/filter-lists/: saved filters of one's own, in one organisation."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import AccessLevel, Entity, Permission, RoleAssignment, User
from filterlists.models import FilterGroup, FilterList
from organizations.models import Branch, Organization
from tests.conftest import Api

LISTS = "/api/filter-lists/"
NOTES = {"column": "notes", "operator": "contains", "value": "x"}


def body(name: str = "Mine", **fields: Any) -> dict[str, Any]:
    return {"table": "worktime", "name": name, "conditions": [NOTES], "operators": [], **fields}


def saved(client: Api, name: str = "Mine", **fields: Any) -> dict[str, Any]:
    response = client.post_json(LISTS, body(name, **fields))
    assert response.status_code == 201, response.content
    made: dict[str, Any] = response.json()
    return made


def stored(client: Api, table: str = "worktime") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(LISTS, {"table": table}).json()["results"]
    return [row for row in rows if row["id"] is not None]


def test_it_works(api: type[Api], alice: User) -> None:
    client = api(alice)
    made = saved(client)
    assert made["conditions"] == [NOTES]
    assert (made["key"], made["is_own"], made["problems"]) == (str(made["id"]), True, [])
    one = f"{LISTS}{made['id']}/"
    assert client.get(one).json() == made
    changed = client.send("PATCH", one, {"name": "Ours", "conditions": []})
    assert changed.json() == {**made, "name": "Ours", "conditions": []}
    assert [row["name"] for row in stored(client)] == ["Ours"]
    assert client.send("DELETE", one).status_code == 204
    assert client.get(one).status_code == 404


def test_everybody_has_the_standard_lists(api: type[Api], alice: User) -> None:
    rows = api(alice).get(LISTS, {"table": "worktime"}).json()["results"]
    assert [row["key"] for row in rows] == [
        f"standard:{key}" for key in ("this_week", "last_week", "running", "today", "all")
    ]
    assert {row["id"] for row in rows} == {None}
    assert FilterList.objects.count() == 0


def test_a_name_is_taken_whatever_its_case(api: type[Api], alice: User, bob: User) -> None:
    saved(api(alice), "Late")
    response = api(alice).post_json(LISTS, body("LATE"))
    assert (response.status_code, response.json()["code"]) == (409, "filter_list_name_taken")
    saved(api(bob), "Late")
    saved(api(alice), "Late", table="users", conditions=[])


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"table": "secrets"}, "table"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"group": 0}, "group"),
        ({"group": 10**30}, "group"),
        ({"group": 123}, "group"),
        ({"is_shared": "perhaps"}, "is_shared"),
        ({"conditions": None}, "conditions"),
        ({"conditions": {}}, "conditions"),
        ({"conditions": [NOTES, NOTES]}, "operators"),
        ({"operators": ["AND"]}, "operators"),
    ],
)
def test_nonsense_names_the_field(
    api: type[Api], alice: User, fields: dict[str, Any], field: str
) -> None:
    response = api(alice).post_json(LISTS, body(**fields))
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {field}


def test_an_error_names_the_condition(api: type[Api], alice: User) -> None:
    wrong = [
        NOTES,
        {"column": "salary", "operator": "equals", "value": 1},
        {"column": "source", "operator": "before", "value": "live"},
        {"column": "source", "operator": "equals", "value": "dead"},
    ]
    response = api(alice).post_json(LISTS, body(conditions=wrong, operators=["AND"] * 3))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (400, "invalid_filter")
    named = [(e["index"], e["column"], e["operator"], e["code"]) for e in problem["errors"]]
    assert named == [
        (1, "salary", "equals", "unknown_column"),
        (2, "source", "before", "unknown_operator"),
        (3, "source", "equals", "wrong_value"),
    ]
    allowed = [error["allowed"] for error in problem["errors"]]
    assert "notes" in allowed[0]
    assert "equals" in allowed[1]
    assert allowed[2] == ["live", "manual", "lead", "auto_stop", "import"]
    assert [error["field"] for error in problem["errors"]] == [
        f"conditions.{index}" for index in (1, 2, 3)
    ]


def test_moving_into_a_group_puts_a_list_last(api: type[Api], alice: User) -> None:
    client = api(alice)
    group = client.post_json("/api/filter-groups/", {"table": "worktime", "name": "G"}).json()
    saved(client, "A", group=group["id"])
    moved = saved(client, "B")
    assert (moved["group"], moved["position"]) == (None, 0)
    changed = client.send("PATCH", f"{LISTS}{moved['id']}/", {"group": group["id"]}).json()
    assert (changed["group"], changed["position"]) == (group["id"], 1)
    back = client.send("PATCH", f"{LISTS}{moved['id']}/", {"group": None}).json()
    assert back["group"] is None


def test_a_group_of_another_table_or_person(api: type[Api], alice: User, bob: User) -> None:
    client = api(alice)
    made = saved(client)
    elsewhere = client.post_json("/api/filter-groups/", {"table": "users", "name": "G"}).json()
    strange = api(bob).post_json("/api/filter-groups/", {"table": "worktime", "name": "G"}).json()
    for group in (elsewhere, strange):
        response = client.send("PATCH", f"{LISTS}{made['id']}/", {"group": group["id"]})
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "group"


def test_reorder(api: type[Api], alice: User) -> None:
    client = api(alice)
    ids = [saved(client, name)["id"] for name in "ABC"]
    order = {"table": "worktime", "lists": [ids[2], ids[0], ids[1]]}
    assert client.post_json(f"{LISTS}reorder/", order).status_code == 204
    assert [row["name"] for row in stored(client)] == ["C", "A", "B"]
    for wrong in (ids[:2], [*ids, ids[0]], [*ids, 10**6], []):
        response = client.post_json(f"{LISTS}reorder/", {**order, "lists": wrong})
        assert (response.status_code, response.json()["code"]) == (409, "filter_lists_changed")
        assert response.json()["ids"] == order["lists"]
    both = {**order, "groups": []}
    assert client.post_json(f"{LISTS}reorder/", both).status_code == 400


def test_a_shared_list_is_for_its_organisation_to_read(
    api: type[Api], alice: User, bob: User, charlie: User
) -> None:
    made = saved(api(alice), "Ours", is_shared=True)
    one = f"{LISTS}{made['id']}/"
    [row] = stored(api(bob))
    assert (row["name"], row["shared_by"]["username"]) == ("Ours", "alice")
    assert api(bob).get(one).json()["is_own"] is False
    assert api(bob).get("/api/worktime/", {"filter": made["key"]}).status_code == 200
    for method in ("PATCH", "DELETE"):
        response = api(bob).send(method, one, {"name": "Mine"})
        assert (response.status_code, response.json()["code"]) == (403, "filter_list_read_only")
    assert stored(api(charlie)) == []
    assert api(charlie).get(one).status_code == 404
    assert api(charlie).get("/api/worktime/", {"filter": made["key"]}).status_code == 404
    assert api(charlie).send("DELETE", one).status_code == 404


def test_an_unshared_list_is_nobody_elses(
    api: type[Api], alice: User, bob: User, ada: User
) -> None:
    made = saved(api(alice))
    one = f"{LISTS}{made['id']}/"
    for other in (bob, ada):
        assert stored(api(other)) == []
        assert api(other).get(one).status_code == 404
        assert api(other).send("PATCH", one, {"name": "Mine"}).status_code == 404
        run = api(other).get("/api/worktime/", {"filter": made["key"]})
        assert (run.status_code, run.json()["code"]) == (404, "not_found")


def test_an_admin_may_take_a_shared_list_away(api: type[Api], alice: User, ada: User) -> None:
    made = saved(api(alice), is_shared=True)
    one = f"{LISTS}{made['id']}/"
    assert api(ada).send("PATCH", one, {"name": "Better"}).json()["name"] == "Better"
    group = api(ada).post_json("/api/filter-groups/", {"table": "worktime", "name": "G"}).json()
    assert api(ada).send("PATCH", one, {"group": group["id"]}).status_code == 400
    assert api(ada).send("PATCH", one, {"is_shared": False}).status_code == 200
    assert api(ada).get(one).status_code == 404


def test_lists_stay_in_their_organisation(
    api: type[Api], alice: User, charlie: User, hire: Any
) -> None:
    client = api(alice)
    made = saved(client)
    elsewhere = charlie.role_assignments.get().role
    assignment = RoleAssignment.objects.create(user=alice, role=elsewhere)
    switched = client.send("PUT", "/api/me/active-role/", {"role": assignment.role_id})
    assert switched.status_code == 200
    assert stored(client) == []
    assert client.get("/api/worktime/", {"filter": made["key"]}).status_code == 404


def test_without_permission(api: type[Api], alice: User, nordwind: Organization) -> None:
    made = saved(api(alice))
    permission = Permission.objects.get(
        role=alice.role_assignments.get().role, entity=Entity.FILTER_LISTS
    )
    permission.access_level = AccessLevel.OWN_READ
    permission.save()
    assert len(stored(api(alice))) == 1
    assert api(alice).post_json(LISTS, body("Other")).status_code == 403
    permission.delete()
    assert api(alice).get(LISTS, {"table": "worktime"}).status_code == 403
    assert api(alice).get("/api/worktime/", {"filter": made["key"]}).status_code == 404
    assert api(alice).get("/api/worktime/", {"filter": "standard:all"}).status_code == 200


def test_the_database_keeps_a_list_with_its_group(
    alice: User, bob: User, nordwind: Organization, hamburg: Branch
) -> None:
    key = {"organization": nordwind, "table": "worktime"}
    group = FilterGroup.objects.create(user=alice, name="G", **key)
    with pytest.raises(IntegrityError), transaction.atomic():
        FilterList.objects.create(user=bob, name="L", group=group, **key)
    kept = FilterList.objects.create(user=alice, name="L", group=group, **key)
    with pytest.raises(IntegrityError), transaction.atomic():
        FilterList.objects.filter(pk=kept.pk).update(table="users")
    group.delete()
    kept.refresh_from_db()
    assert kept.group_id is None


def test_there_is_an_end(api: type[Api], alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filterlists.services.MOST_LISTS", 1)
    saved(api(alice))
    response = api(alice).post_json(LISTS, body("Other"))
    assert (response.status_code, response.json()["code"]) == (409, "too_many_filter_lists")
