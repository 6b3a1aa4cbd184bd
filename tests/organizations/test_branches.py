"""/api/branches/: adding, changing, deleting."""

from typing import Any

import pytest

from accounts.models import Permission, Role, User
from organizations.models import Branch, BranchAssignment, Organization
from tests.conftest import Api

BRANCHES = "/api/branches/"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_it_works(api: type[Api], ada: User, nordwind: Organization) -> None:
    client = api(ada)
    created = client.post_json(BRANCHES, {"name": "Kiel", "time_zone": "Europe/Berlin"})
    assert created.status_code == 201
    one = f"{BRANCHES}{created.json()['id']}/"
    assert client.get(one).json() == created.json()
    changed = client.send("PATCH", one, {"is_active": False, "city": "Kiel"}).json()
    assert changed == {**created.json(), "is_active": False, "city": "Kiel"}
    assert client.send("DELETE", one).status_code == 204
    assert client.get(one).status_code == 404


def test_a_name_is_taken_whatever_its_case(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    client = api(ada)
    assert code(client.post_json(BRANCHES, {"name": "HAMBURG"})) == (409, "branch_name_taken")
    kiel = client.post_json(BRANCHES, {"name": "Kiel"}).json()
    response = client.send("PATCH", f"{BRANCHES}{kiel['id']}/", {"name": "hamburg"})
    assert code(response) == (409, "branch_name_taken")


def test_a_used_branch_is_not_deleted(api: type[Api], ada: User, hamburg: Branch) -> None:
    assert code(api(ada).send("DELETE", f"{BRANCHES}{hamburg.id}/")) == (409, "branch_in_use")


@pytest.mark.parametrize("body", [{"name": ""}, {"name": "X", "time_zone": "Nowhere"}, {}])
def test_nonsense(api: type[Api], ada: User, nordwind: Organization, body: dict[str, Any]) -> None:
    assert api(ada).post_json(BRANCHES, body).status_code == 400


def test_a_role_for_some_branches_adds_none(
    api: type[Api], bob: User, nordwind: Organization, hamburg: Branch
) -> None:
    lead = Role.objects.get(organization=nordwind, name="Lead")
    Permission.objects.filter(role=lead, entity="branches").update(access_level="all_both")
    lead.all_branches = False
    lead.save()
    lead.branches.add(hamburg)
    client = api(bob)
    assert code(client.post_json(BRANCHES, {"name": "Kiel"})) == (403, "exceeds_own_permissions")
    assert client.send("PATCH", f"{BRANCHES}{hamburg.id}/", {"city": "H"}).status_code == 200


def test_a_closed_branch_is_nobodys_active_one(
    api: type[Api], ada: User, alice: User, nordwind: Organization, hamburg: Branch
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    BranchAssignment.objects.create(user=alice, branch=kiel)
    api(ada).send("PATCH", f"{BRANCHES}{hamburg.id}/", {"is_active": False})
    assert api(alice).get("/api/me/").json()["active_branch"] is None
