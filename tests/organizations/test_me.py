"""GET /api/me/: the session context, and nothing of anybody else."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import AccessLevel, Entity, Role, RoleAssignment, User
from organizations.models import Branch, Organization
from tests.conftest import Api

ME = "/api/me/"


def test_it_works(api: type[Api], alice: User, nordwind: Organization, hamburg: Branch) -> None:
    role = Role.objects.get(organization=nordwind, name="Member")
    body = api(alice).get(ME).json()
    brief = {"id": nordwind.id, "name": "nordwind", "display_name": "Nordwind", "logo": ""}
    assert body == {
        "id": alice.id,
        "username": "alice",
        "email": "alice@example.org",
        "first_name": "",
        "last_name": "",
        "language": "en",
        "country": "",
        "time_zone": "UTC",
        "settings": {"dark_mode": False, "sidebar_collapsed": False},
        "roles": [
            {"id": role.id, "name": "Member", "organization": brief, "is_active": True},
        ],
        "active_role": {
            "id": role.id,
            "name": "Member",
            "is_admin": False,
            "all_branches": True,
            "permissions": {
                "worktime": "own_both",
                "users": "own_both",
                "roles": "own_read",
                "branches": "own_read",
                "organization": "all_read",
                "organization_settings": "none",
                "join_requests": "none",
                "invitations": "none",
                "filter_lists": "own_both",
            },
        },
        "active_organization": {
            **brief,
            "domain": None,
            "country": "",
            "tax_number": "",
            "time_zone": "Europe/Berlin",
            "subscription_plan": "basic",
            "subscription_end": None,
            "max_users": 50,
            "require_bank_details": False,
            "daily_limit": "warn",
            "day_rule": "split_at_midnight",
        },
        "active_branch": {
            "id": hamburg.id,
            "name": "Hamburg",
            "address": "",
            "city": "",
            "country": "",
            "time_zone": "",
            "is_active": True,
        },
    }


def test_an_admin_may_do_everything(api: type[Api], ada: User, nordwind: Organization) -> None:
    role = api(ada).get(ME).json()["active_role"]
    assert role["permissions"] == dict.fromkeys(Entity.values, AccessLevel.ALL_BOTH)


def test_without_any_role(api: type[Api], db: None) -> None:
    body = api(User.objects.create(username="new")).get(ME).json()
    assert body["roles"] == []
    assert body["active_role"] is body["active_organization"] is body["active_branch"] is None


def test_a_deactivated_organisation_grants_nothing(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    nordwind.is_active = False
    nordwind.save()
    body = api(ada).get(ME).json()
    assert set(body["active_role"]["permissions"].values()) == {"none"}
    assert body["active_organization"] is None


def test_a_branch_of_another_organisation_is_not_active(
    api: type[Api], alice: User, charlie: User
) -> None:
    """Switching role moves the branch too; until it has, no foreign branch shows."""
    alice.role_assignments.update(is_active_role=False)
    stranger = charlie.role_assignments.get().role
    RoleAssignment.objects.create(user=alice, role=stranger, is_active_role=True)
    body = api(alice).get(ME).json()
    assert body["active_organization"]["name"] == "suedwind"
    assert body["active_branch"] is None


@pytest.mark.parametrize("path", [ME, "/api/organizations/current/", "/api/branches/"])
def test_anonymous(api: type[Api], db: None, path: str) -> None:
    response = api().get(path)
    assert (response.status_code, response.json()["code"]) == (401, "not_authenticated")


def test_an_inactive_user_is_nobody(api: type[Api], alice: User) -> None:
    client = api(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert client.get(ME).status_code == 401


def test_the_current_organisation(api: type[Api], alice: User) -> None:
    client = api(alice)
    current = client.get("/api/organizations/current/").json()
    assert current == client.get(ME).json()["active_organization"]


def test_without_a_role_there_is_no_current_organisation(api: type[Api], alice: User) -> None:
    alice.role_assignments.update(is_active_role=False)
    assert api(alice).get("/api/organizations/current/").status_code == 403


def test_branches_by_role(
    api: type[Api], alice: User, bob: User, charlie: User, nordwind: Organization
) -> None:
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")

    def names(user: User) -> list[str]:
        return [row["name"] for row in api(user).get("/api/branches/").json()["results"]]

    assert names(bob) == ["Hamburg", "Kiel"]
    assert names(alice) == ["Hamburg"]
    role = bob.role_assignments.get().role
    role.all_branches = False
    role.save()
    role.branches.add(kiel)
    assert names(bob) == ["Kiel"]


def test_query_counts(
    api: type[Api], alice: User, django_assert_num_queries: Callable[..., Any]
) -> None:
    client = api(alice)
    for path, queries in ((ME, 6), ("/api/organizations/current/", 5), ("/api/branches/", 5)):
        with django_assert_num_queries(queries):
            client.get(path)
