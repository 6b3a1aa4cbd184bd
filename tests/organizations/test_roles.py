"""/api/roles/: with permissions inline, never more than who edits has."""

from typing import Any

import pytest

from accounts.models import Permission, Role, RoleAssignment, User
from organizations.models import Branch, Organization
from tests.conftest import Api

ROLES = "/api/roles/"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_it_works(api: type[Api], ada: User, nordwind: Organization, hamburg: Branch) -> None:
    client = api(ada)
    body = {
        "name": "Payroll",
        "all_branches": False,
        "branches": [hamburg.id],
        "permissions": {"worktime": "all_read", "users": "all_both"},
    }
    created = client.post_json(ROLES, body)
    assert created.status_code == 201, created.content
    role = created.json()
    assert role["branches"] == [{"id": hamburg.id, "name": "Hamburg"}]
    assert role["permissions"]["users"] == "all_both"
    assert role["permissions"]["roles"] == "none"
    one = f"{ROLES}{role['id']}/"
    assert client.get(one).json() == role
    changed = client.send(
        "PATCH", one, {"permissions": {"users": "none", "roles": "own_read"}}
    ).json()
    expected = {**role["permissions"], "users": "none", "roles": "own_read"}
    assert changed["permissions"] == expected
    assert not Permission.objects.filter(role_id=role["id"], entity="users").exists()
    assert client.send("DELETE", one).status_code == 204
    assert client.get(one).status_code == 404


def test_who_sees_which(api: type[Api], ada: User, alice: User, bob: User, charlie: User) -> None:
    def names(user: User) -> list[str]:
        return [row["name"] for row in api(user).get(ROLES).json()["results"]]

    assert names(ada) == names(bob) == ["Admin", "Lead", "Member"]
    assert names(alice) == ["Member"]


def test_a_name_is_taken_whatever_its_case(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    assert code(api(ada).post_json(ROLES, {"name": "LEAD"})) == (409, "role_name_taken")


@pytest.mark.parametrize(
    "body",
    [
        {"is_admin": True},
        {"permissions": {"organization_settings": "own_read"}},
        {"permissions": {"users": "all_both"}},
        {"all_branches": True},
    ],
)
def test_nobody_makes_a_role_above_their_own(
    api: type[Api], bob: User, nordwind: Organization, hamburg: Branch, body: dict[str, Any]
) -> None:
    lead = Role.objects.get(organization=nordwind, name="Lead")
    lead.permissions.filter(entity="roles").update(access_level="all_both")
    lead.all_branches = False
    lead.save()
    lead.branches.add(hamburg)
    client = api(bob)
    within = {"name": "Night", "all_branches": False, "branches": [hamburg.id]}
    made = client.post_json(ROLES, {**within, "permissions": {"worktime": "all_both"}})
    assert made.status_code == 201, made.content
    assert code(client.post_json(ROLES, {**within, "name": "More", **body})) == (
        403,
        "exceeds_own_permissions",
    )
    for role_id in (made.json()["id"], lead.id):
        response = client.send("PATCH", f"{ROLES}{role_id}/", body)
        assert code(response) == (403, "exceeds_own_permissions")
    admin = Role.objects.get(organization=nordwind, name="Admin")
    response = client.send("PATCH", f"{ROLES}{admin.id}/", {"description": "mine"})
    assert code(response) == (403, "exceeds_own_permissions")
    assert Role.objects.filter(organization=nordwind).count() == 4


def test_a_held_role_is_not_deleted(api: type[Api], ada: User, alice: User) -> None:
    role_id = alice.role_assignments.get().role_id
    assert code(api(ada).send("DELETE", f"{ROLES}{role_id}/")) == (409, "role_in_use")


def test_a_change_of_branches_moves_the_active_one(
    api: type[Api], ada: User, alice: User, nordwind: Organization
) -> None:
    role_id = alice.role_assignments.get().role_id
    body = {"all_branches": False, "branches": []}
    assert api(ada).send("PATCH", f"{ROLES}{role_id}/", body).status_code == 200
    assert api(alice).get("/api/me/").json()["active_branch"] is None


def test_a_changed_permission_counts_at_once(
    api: type[Api], ada: User, alice: User, nordwind: Organization
) -> None:
    client = api(alice)
    assert client.get("/api/branches/").status_code == 200
    role_id = alice.role_assignments.get().role_id
    api(ada).send("PATCH", f"{ROLES}{role_id}/", {"permissions": {"branches": "none"}})
    assert client.get("/api/branches/").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"permissions": {"worktime": "everything"}},
        {"branches": [10**12]},
        {"name": ""},
    ],
)
def test_nonsense(api: type[Api], ada: User, nordwind: Organization, body: dict[str, Any]) -> None:
    response = api(ada).post_json(ROLES, {"name": "X", **body})
    assert response.status_code == 400
    assert not Role.objects.filter(name="X").exists()


def test_names_mean_nothing(api: type[Api], ada: User, alice: User, nordwind: Organization) -> None:
    false_admin = Role.objects.create(organization=nordwind, name="admin2")
    RoleAssignment.objects.filter(user=alice).update(role=false_admin)
    assert api(alice).get(ROLES).status_code == 403
