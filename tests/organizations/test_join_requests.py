"""/api/join-requests/: asking, approving, rejecting, withdrawing, asking again."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import Role, RoleAssignment, User
from organizations.models import Branch, JoinRequest, Organization
from organizations.services import operators
from tests.conftest import Api

REQUESTS = "/api/join-requests/"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def role(organization: Organization, name: str) -> Role:
    return Role.objects.get(organization=organization, name=name)


@pytest.fixture
def new(db: None) -> User:
    return User.objects.create(username="new", email="new@example.org")


@pytest.fixture
def asked(api: type[Api], new: User, nordwind: Organization) -> str:
    """The address of a pending request."""
    body = {"organization": nordwind.id, "message": "Please"}
    response = api(new).post_json(REQUESTS, body)
    assert response.status_code == 201, response.content
    return f"{REQUESTS}{response.json()['id']}/"


def test_approving(
    api: type[Api], ada: User, new: User, nordwind: Organization, hamburg: Branch, asked: str
) -> None:
    body = {"role": role(nordwind, "Member").id, "branch": hamburg.id, "response": "Welcome"}
    response = api(ada).post_json(f"{asked}approve/", body)
    assert response.status_code == 200, response.content
    answer = response.json()
    assert (answer["status"], answer["response"]) == ("approved", "Welcome")
    assert (answer["role"]["name"], answer["processed_by"]["username"]) == ("Member", "ada")
    context = api(new).get("/api/me/").json()
    assert context["active_role"]["name"] == "Member"
    assert context["active_branch"]["id"] == hamburg.id
    assert api(new).get(REQUESTS).json()["results"] == [answer]
    assert code(api(ada).post_json(f"{asked}approve/", body)) == (409, "already_processed")


def test_asking_again_after_a_refusal(
    api: type[Api], ada: User, new: User, nordwind: Organization, asked: str
) -> None:
    client = api(new)
    again = {"organization": nordwind.id}
    assert code(client.post_json(REQUESTS, again)) == (409, "already_requested")
    answer = api(ada).post_json(f"{asked}reject/", {"response": "Not now"}).json()
    assert (answer["status"], answer["response"]) == ("rejected", "Not now")
    assert client.post_json(REQUESTS, again).status_code == 201


def test_withdrawing(
    api: type[Api], ada: User, new: User, nordwind: Organization, asked: str
) -> None:
    assert code(api(ada).post_json(f"{asked}withdraw/")) == (403, "permission_denied")
    assert api(new).post_json(f"{asked}withdraw/").json()["status"] == "withdrawn"
    assert code(api(new).post_json(f"{asked}withdraw/")) == (409, "already_processed")
    body = {"role": role(nordwind, "Member").id}
    assert code(api(ada).post_json(f"{asked}approve/", body)) == (409, "already_processed")
    assert api(new).get("/api/me/").json()["roles"] == []


def test_who_sees_them(
    api: type[Api], ada: User, alice: User, bob: User, charlie: User, asked: str
) -> None:
    sees = {user.username: len(api(user).get(REQUESTS).json()["results"]) for user in (ada, bob)}
    assert sees == {"ada": 1, "bob": 1}
    for user in (alice, charlie):
        assert api(user).get(REQUESTS).json()["results"] == []
        for action in ("approve", "reject", "withdraw"):
            response = api(user).post_json(f"{asked}{action}/", {"role": 1})
            assert code(response) == (404, "not_found")
    assert code(api(bob).post_json(f"{asked}reject/", {})) == (403, "permission_denied")
    assert JoinRequest.objects.get().status == "pending"


def test_nobody_approves_themselves(api: type[Api], charlie: User, nordwind: Organization) -> None:
    """Charlie's own organisation does not count."""
    Role.objects.filter(assignments__user=charlie).update(is_admin=True)
    client = api(charlie)
    made = client.post_json(REQUESTS, {"organization": nordwind.id}).json()
    own = role(charlie.role_assignments.get().role.organization, "Lead").id
    for chosen in (own, role(nordwind, "Admin").id):
        response = client.post_json(f"{REQUESTS}{made['id']}/approve/", {"role": chosen})
        assert code(response) == (403, "permission_denied")
    assert charlie.role_assignments.count() == 1


def test_nobody_gives_more_than_they_have(
    api: type[Api], bob: User, new: User, nordwind: Organization, asked: str
) -> None:
    role(nordwind, "Lead").permissions.filter(entity="join_requests").update(
        access_level="all_both"
    )
    response = api(bob).post_json(f"{asked}approve/", {"role": role(nordwind, "Admin").id})
    assert code(response) == (403, "exceeds_own_permissions")
    assert not new.role_assignments.exists()


def test_the_plan_limits_approving(
    api: type[Api], ada: User, nordwind: Organization, asked: str
) -> None:
    Organization.objects.filter(pk=nordwind.pk).update(max_users=1)
    body = {"role": role(nordwind, "Member").id}
    assert code(api(ada).post_json(f"{asked}approve/", body)) == (409, "no_seat_left")
    assert JoinRequest.objects.get().status == "pending"


def test_role_and_branch_are_of_the_organisation(
    api: type[Api], ada: User, charlie: User, nordwind: Organization, asked: str
) -> None:
    foreign = charlie.role_assignments.get().role_id
    response = api(ada).post_json(f"{asked}approve/", {"role": foreign})
    assert response.json()["errors"][0]["field"] == "role"
    body = {
        "role": role(nordwind, "Member").id,
        "branch": charlie.branch_assignments.get().branch_id,
    }
    response = api(ada).post_json(f"{asked}approve/", body)
    assert response.json()["errors"][0]["field"] == "branch"


def test_members_need_not_ask(api: type[Api], alice: User, nordwind: Organization) -> None:
    response = api(alice).post_json(REQUESTS, {"organization": nordwind.id})
    assert code(response) == (409, "already_member")


@pytest.mark.parametrize("organization", [10**15, 0, None, "x"])
def test_an_unknown_organisation(api: type[Api], alice: User, organization: Any) -> None:
    response = api(alice).post_json(REQUESTS, {"organization": organization})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "organization"


def test_who_is_deactivated_cannot_join(
    api: type[Api], ada: User, new: User, nordwind: Organization, asked: str
) -> None:
    User.objects.filter(pk=new.pk).update(is_active=False)
    response = api(ada).post_json(f"{asked}approve/", {"role": role(nordwind, "Member").id})
    assert code(response) == (409, "person_inactive")


@pytest.mark.parametrize("way", ["invitation", "admin"])
def test_joining_otherwise_closes_the_request(
    api: type[Api],
    ada: User,
    new: User,
    nordwind: Organization,
    asked: str,
    way: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    member = role(nordwind, "Member")
    if way == "invitation":
        EmailAddress.objects.create(user=new, email=new.email, verified=True, primary=True)
        with django_capture_on_commit_callbacks(execute=True):
            api(ada).post_json("/api/invitations/", {"email": new.email, "role": member.id})
        token = str(mail.outbox[-1].body).partition("token=")[2].split()[0]
        accepted = api(new).post_json("/api/invitations/accept/", {"token": token})
        assert accepted.status_code == 200, accepted.content
    else:
        with operators.membership_of(new, [nordwind.id]):
            RoleAssignment.objects.create(user=new, role=member)
    [row] = api(ada).get(REQUESTS).json()["results"]
    assert (row["status"], row["processed_by"]) == ("withdrawn", None)
    assert row["processed_at"] is not None
    answer = api(ada).post_json(f"{asked}approve/", {"role": role(nordwind, "Admin").id})
    assert code(answer) == (409, "already_processed")


def test_who_is_deactivated_is_not_let_in(
    api: type[Api], ada: User, new: User, nordwind: Organization, asked: str
) -> None:
    User.objects.filter(pk=new.pk).update(is_active=False)
    answer = api(ada).post_json(f"{asked}approve/", {"role": role(nordwind, "Member").id})
    assert code(answer) == (409, "person_inactive")
    assert JoinRequest.objects.get().status == "pending"
