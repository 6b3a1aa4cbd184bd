"""What grows must not cost more: lists, and the settings row that nothing else may name."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Permission, Role, RoleAssignment, User
from organizations.models import Branch, BranchAssignment, Invitation, JoinRequest, Organization
from tests.api.table import TABLE
from tests.api.test_table import ask
from tests.api.world import make_world
from tests.conftest import Api

SETTINGS_TABLE = "organizations_organizationsettings"


def grow_people(organization: Organization, numbers: range) -> None:
    users = User.objects.bulk_create(
        User(username=f"p{i}", email=f"p{i}@example.org") for i in numbers
    )
    role = Role.objects.get(organization=organization, name="Member")
    branch = organization.branches.earliest("id")
    RoleAssignment.objects.bulk_create(RoleAssignment(user=user, role=role) for user in users)
    BranchAssignment.objects.bulk_create(
        BranchAssignment(user=user, branch=branch) for user in users
    )


def grow_roles(organization: Organization, numbers: range) -> None:
    roles = Role.objects.bulk_create(Role(organization=organization, name=f"r{i}") for i in numbers)
    Permission.objects.bulk_create(
        Permission(role=role, entity="users", access_level="own_read") for role in roles
    )


def grow_branches(organization: Organization, numbers: range) -> None:
    Branch.objects.bulk_create(Branch(organization=organization, name=f"b{i}") for i in numbers)


def grow_requests(organization: Organization, numbers: range) -> None:
    users = User.objects.bulk_create(User(username=f"a{i}") for i in numbers)
    JoinRequest.objects.bulk_create(
        JoinRequest(organization=organization, requester=user) for user in users
    )


def grow_invitations(organization: Organization, numbers: range) -> None:
    Invitation.objects.bulk_create(
        Invitation(
            organization=organization,
            email=f"i{i}@example.org",
            role=Role.objects.filter(organization=organization)[0],
            invited_by=User.objects.earliest("id"),
            token_hash=f"{i}",
            expires_at=timezone.now() + timedelta(days=1),
        )
        for i in numbers
    )


@pytest.mark.parametrize(
    ("path", "grow", "queries"),
    [
        ("/api/users/", grow_people, 6),
        ("/api/roles/", grow_roles, 6),
        ("/api/branches/", grow_branches, 4),
        ("/api/join-requests/", grow_requests, 4),
        ("/api/invitations/", grow_invitations, 8),
    ],
)
def test_a_list_costs_the_same_whatever_its_length(
    api: type[Api],
    ada: User,
    nordwind: Organization,
    path: str,
    grow: Callable[[Organization, range], None],
    queries: int,
) -> None:
    client = api(ada)
    costs = []
    for numbers in (range(10), range(10, 100), range(100, 1000)):
        grow(nordwind, numbers)
        with CaptureQueriesContext(connection) as captured:
            response = client.get(path, {"limit": 200})
        assert len(response.json()["results"]) >= min(numbers.stop, 200)
        costs.append(len(captured))
    assert costs == [queries] * 3


def test_what_one_has_oneself_costs_the_same_however_much_it_is(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    client = api(ada)
    costs = []
    for numbers in (range(10), range(10, 100), range(100, 1000)):
        roles = Role.objects.bulk_create(Role(organization=nordwind, name=f"x{i}") for i in numbers)
        RoleAssignment.objects.bulk_create(RoleAssignment(user=ada, role=role) for role in roles)
        branches = Branch.objects.bulk_create(
            Branch(organization=nordwind, name=f"x{i}") for i in numbers
        )
        BranchAssignment.objects.bulk_create(
            BranchAssignment(user=ada, branch=branch) for branch in branches
        )
        cost = {}
        for path, key in (("/api/me/", "roles"), ("/api/me/branches/", "results")):
            with CaptureQueriesContext(connection) as captured:
                body = client.get(path).json()
            assert len(body[key]) > numbers.stop, path
            cost[path] = len(captured)
        costs.append(cost)
    assert costs[0] == costs[1] == costs[2]


def test_a_huge_settings_row_slows_nothing_else(api: type[Api], db: None) -> None:
    """Nobody's SQL names its table but its own endpoint's, and founding, which makes a row."""
    world = make_world("nordwind")
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {SETTINGS_TABLE} SET data = jsonb_build_object('blob', repeat('x', %s))",
            [20 * 1024 * 1024],
        )
    client = api(world.admin)
    for row in TABLE:
        before = transaction.savepoint()
        with CaptureQueriesContext(connection) as captured:
            ask(client, row, world.ids, world.ids)
        transaction.savepoint_rollback(before)
        named = any(SETTINGS_TABLE in query["sql"] for query in captured)
        expected = "current/settings/" in row.path or str(row) == "POST /api/organizations/"
        assert named is expected, row
