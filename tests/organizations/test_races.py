"""Fifty at once: the rule holds, and who comes too late is told so."""

import hashlib
import threading
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from accounts.models import Role, RoleAssignment, User
from organizations.models import BranchAssignment, Invitation, JoinRequest, Organization
from organizations.views.users import UserRolesView
from tests.conftest import Api
from tests.race import race

pytestmark = pytest.mark.django_db(transaction=True)


def role(organization: Organization, name: str) -> Role:
    return Role.objects.get(organization=organization, name=name)


def test_one_request_is_approved_once(
    api: type[Api], ada: User, bob: User, nordwind: Organization
) -> None:
    RoleAssignment.objects.filter(user=bob).update(role=role(nordwind, "Admin"))
    new = User.objects.create(username="new", email="new@example.org")
    request = JoinRequest.objects.create(organization=nordwind, requester=new)
    clients = [api(ada), api(bob)]
    roles = [role(nordwind, "Member").id, role(nordwind, "Lead").id]
    path = f"/api/join-requests/{request.id}/approve/"
    answers = race(50, lambda i: clients[i % 2].post_json(path, {"role": roles[i % 2]}))
    assert answers == {(200, ""): 1, (409, "already_processed"): 49}
    request.refresh_from_db()
    assert new.role_assignments.get().role_id == request.role_id


def test_one_invitation_gives_one_membership(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    new = User.objects.create(username="new", email="new@example.org")
    EmailAddress.objects.create(user=new, email=new.email, verified=True, primary=True)
    Invitation.objects.create(
        organization=nordwind,
        email=new.email,
        role=role(nordwind, "Member"),
        invited_by=ada,
        token_hash=hashlib.sha256(b"secret").hexdigest(),
        expires_at=timezone.now() + timedelta(days=1),
    )
    client = api(new)
    answers = race(50, lambda i: client.post_json("/api/invitations/accept/", {"token": "secret"}))
    assert answers == {(200, ""): 50}
    assert new.role_assignments.count() == 1


@pytest.fixture
def two_admins(
    ada: User, bob: User, nordwind: Organization, monkeypatch: pytest.MonkeyPatch
) -> list[User]:
    """Ada and bob; fifty requests of theirs are let in together, while both are admins."""
    RoleAssignment.objects.filter(user=bob).update(role=role(nordwind, "Admin"))
    all_are_in = threading.Barrier(50, timeout=30)
    let_in = UserRolesView.initial

    def let_in_together(view: UserRolesView, *args: Any, **kwargs: Any) -> None:
        let_in(view, *args, **kwargs)
        all_are_in.wait()

    monkeypatch.setattr(UserRolesView, "initial", let_in_together)
    return [ada, bob]


def ask_for_fewer_roles(
    api: type[Api], users: list[User], nordwind: Organization, *, of_the_other: bool
) -> Any:
    body = {"roles": [role(nordwind, "Member").id]}
    clients = [api(each) for each in users]

    def ask(i: int) -> Any:
        who = users[(i + of_the_other) % 2]
        return clients[i % 2].send("PUT", f"/api/users/{who.id}/roles/", body)

    return race(50, ask)


def test_the_last_two_admins_demote_each_other(
    api: type[Api], two_admins: list[User], nordwind: Organization
) -> None:
    answers = ask_for_fewer_roles(api, two_admins, nordwind, of_the_other=True)
    admins = RoleAssignment.objects.filter(role__is_admin=True, user__is_active=True)
    assert admins.count() == 1
    # The slower one is no admin any more, and sees nobody but himself.
    assert answers == {(200, ""): 25, (404, "not_found"): 25}


def test_the_last_two_admins_step_down(
    api: type[Api], two_admins: list[User], nordwind: Organization
) -> None:
    answers = ask_for_fewer_roles(api, two_admins, nordwind, of_the_other=False)
    admins = RoleAssignment.objects.filter(role__is_admin=True, user__is_active=True)
    assert admins.count() == 1
    # Who has stepped down repeats in a lesser role, which may not give itself another.
    assert answers[200, ""] + answers[409, "last_admin"] == 50
    assert answers[409, "last_admin"] == 25


def test_seats_are_not_oversold(api: type[Api], ada: User, nordwind: Organization) -> None:
    Organization.objects.update(max_users=5)
    client = api(ada)
    member = role(nordwind, "Member").id

    def add(i: int) -> object:
        body = {"username": f"p{i}", "email": f"p{i}@example.org", "roles": [member]}
        return client.post_json("/api/users/", body)

    assert race(50, add) == {(201, ""): 4, (409, "no_seat_left"): 46}
    assert User.objects.count() == 5


def test_switching_to_and_fro(
    api: type[Api], alice: User, charlie: User, nordwind: Organization
) -> None:
    elsewhere = charlie.role_assignments.get().role
    RoleAssignment.objects.create(user=alice, role=elsewhere)
    BranchAssignment.objects.create(user=alice, branch=charlie.branch_assignments.get().branch)
    roles = [role(nordwind, "Member").id, elsewhere.id]
    client = api(alice)
    answers = race(50, lambda i: client.send("PUT", "/api/me/active-role/", {"role": roles[i % 2]}))
    assert answers == {(200, ""): 50}
    active = alice.role_assignments.get(is_active_role=True).role
    branch = alice.branch_assignments.get(is_active_branch=True).branch
    assert branch.organization_id == active.organization_id
