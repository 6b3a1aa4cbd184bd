"""PUT /api/me/active-role/ and active-branch/: seen at once by every device."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Role, RoleAssignment, User
from organizations.models import Branch, BranchAssignment, Organization
from tests.conftest import Api

ROLE = "/api/me/active-role/"
BRANCH = "/api/me/active-branch/"


@pytest.fixture
def suedwind(charlie: User) -> Organization:
    return charlie.branch_assignments.get().branch.organization


@pytest.fixture
def both(alice: User, suedwind: Organization) -> User:
    """Alice, who is a Lead of the other organisation too."""
    role = Role.objects.get(organization=suedwind, name="Lead")
    RoleAssignment.objects.create(user=alice, role=role)
    BranchAssignment.objects.create(user=alice, branch=suedwind.branches.get())
    return alice


def role_in(user: User, organization: Organization) -> int:
    return user.role_assignments.get(role__organization=organization).role_id


def test_another_client_sees_it_at_once(
    api: type[Api], both: User, nordwind: Organization, suedwind: Organization
) -> None:
    here, there = api(both), api(both)
    assert there.get("/api/me/").json()["active_organization"]["name"] == "nordwind"
    answer = here.send("PUT", ROLE, {"role": role_in(both, suedwind)}).json()
    assert answer["active_organization"]["name"] == "suedwind"
    assert answer["active_branch"]["id"] == suedwind.branches.get().id
    assert answer["active_role"]["permissions"]["worktime"] == "all_both"
    assert there.get("/api/me/").json() == answer
    assert there.get("/api/organizations/current/").json()["name"] == "suedwind"
    there.send("PUT", ROLE, {"role": role_in(both, nordwind)})
    assert here.get("/api/me/").json()["active_role"]["permissions"]["worktime"] == "own_both"


def test_without_a_branch_there_none_is_active(
    api: type[Api], both: User, suedwind: Organization
) -> None:
    BranchAssignment.objects.filter(user=both, branch__organization=suedwind).delete()
    answer = api(both).send("PUT", ROLE, {"role": role_in(both, suedwind)}).json()
    assert answer["active_branch"] is None
    assert not BranchAssignment.objects.filter(user=both, is_active_branch=True).exists()


def test_the_branch_used_last_comes_back(
    api: type[Api], both: User, nordwind: Organization, suedwind: Organization
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    BranchAssignment.objects.create(user=both, branch=kiel)
    client = api(both)
    assert client.send("PUT", BRANCH, {"branch": kiel.id}).status_code == 200
    client.send("PUT", ROLE, {"role": role_in(both, suedwind)})
    answer = client.send("PUT", ROLE, {"role": role_in(both, nordwind)}).json()
    assert answer["active_branch"]["name"] == "Kiel"


def test_a_role_must_be_held(api: type[Api], alice: User, nordwind: Organization) -> None:
    admin = Role.objects.get(organization=nordwind, name="Admin")
    for role in (admin.id, 10**12, 2**63 - 1):
        response = api(alice).send("PUT", ROLE, {"role": role})
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "role"
    assert api(alice).get("/api/me/").json()["active_role"]["name"] == "Member"


def test_a_branch_must_be_usable(
    api: type[Api], both: User, nordwind: Organization, suedwind: Organization, hamburg: Branch
) -> None:
    closed = Branch.objects.create(organization=nordwind, name="Bremen", is_active=False)
    uncovered = Branch.objects.create(organization=nordwind, name="Kiel")
    unassigned = Branch.objects.create(organization=nordwind, name="Jena")
    BranchAssignment.objects.create(user=both, branch=closed)
    BranchAssignment.objects.create(user=both, branch=uncovered)
    role = both.role_assignments.get(is_active_role=True).role
    role.all_branches = False
    role.save()
    role.branches.add(hamburg)
    client = api(both)
    for branch in (closed, uncovered, unassigned, suedwind.branches.get()):
        response = client.send("PUT", BRANCH, {"branch": branch.id})
        assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "branch")
    assert client.get("/api/me/").json()["active_branch"]["name"] == "Hamburg"


def test_query_counts(
    api: type[Api],
    both: User,
    suedwind: Organization,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    client = api(both)
    role = role_in(both, suedwind)
    with django_assert_num_queries(24):
        client.send("PUT", ROLE, {"role": role})
