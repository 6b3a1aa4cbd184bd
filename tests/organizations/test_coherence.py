"""What one client changes, another's next request sees, warm caches or not."""

import pytest

from accounts.models import Role, RoleAssignment, User
from organizations.models import Branch, BranchAssignment, Organization
from tests.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)
ME = "/api/me/"


def test_a_switch_changes_everything_at_once(
    api: type[Api], alice: User, charlie: User, nordwind: Organization
) -> None:
    suedwind = charlie.role_assignments.get().role.organization
    other = Role.objects.get(organization=suedwind, name="Lead")
    RoleAssignment.objects.create(user=alice, role=other)
    BranchAssignment.objects.create(user=alice, branch=suedwind.branches.get())
    here, there = api(alice), api(alice)
    mine = {"table": "worktime", "name": "Mine", "conditions": [], "operators": []}
    assert here.post_json("/api/filter-lists/", mine).status_code == 201
    for _ in range(2):
        assert there.get(ME).json()["active_organization"]["name"] == "nordwind"
        assert there.get("/api/filter-lists/?table=worktime").json()
    before = there.get("/api/filter-lists/?table=worktime").content
    assert b"Mine" in before
    assert here.send("PUT", "/api/me/active-role/", {"role": other.id}).status_code == 200
    me = there.get(ME).json()
    assert me["active_organization"]["name"] == "suedwind"
    assert me["active_branch"]["id"] == suedwind.branches.get().id
    assert me["active_role"]["permissions"]["worktime"] == "all_both"
    assert b"Mine" not in there.get("/api/filter-lists/?table=worktime").content


def test_a_branch_switch(
    api: type[Api], alice: User, nordwind: Organization, hamburg: Branch
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    BranchAssignment.objects.create(user=alice, branch=kiel)
    here, there = api(alice), api(alice)
    assert there.get(ME).json()["active_branch"]["name"] == "Hamburg"
    here.send("PUT", "/api/me/active-branch/", {"branch": kiel.id})
    assert there.get(ME).json()["active_branch"]["name"] == "Kiel"


def test_what_admins_change(
    api: type[Api], ada: User, alice: User, nordwind: Organization, hamburg: Branch
) -> None:
    admin, client = api(ada), api(alice)

    def seen() -> dict[str, object]:
        body = client.get(ME).json()
        return {
            "organization": body["active_organization"]["display_name"],
            "branch": body["active_branch"] and body["active_branch"]["city"],
            "branches": body["active_role"]["permissions"]["branches"],
            "first_name": body["first_name"],
        }

    now: dict[str, object] = {
        "organization": "Nordwind",
        "branch": "",
        "branches": "own_read",
        "first_name": "",
    }
    assert seen() == now
    member = alice.role_assignments.get().role_id
    for path, changes, after in (
        ("/api/organizations/current/", {"display_name": "N"}, {"organization": "N"}),
        (f"/api/branches/{hamburg.id}/", {"city": "HH"}, {"branch": "HH"}),
        (f"/api/roles/{member}/", {"permissions": {"branches": "none"}}, {"branches": "none"}),
        (f"/api/users/{alice.id}/", {"first_name": "Al"}, {"first_name": "Al"}),
        (f"/api/branches/{hamburg.id}/", {"is_active": False}, {"branch": None}),
    ):
        assert admin.send("PATCH", path, changes).status_code == 200
        now |= after
        assert seen() == now
    assert client.get("/api/branches/").status_code == 403
    admin.send("PUT", f"/api/users/{alice.id}/roles/", {"roles": []})
    assert client.get(ME).json()["active_role"] is None
