"""An invitation is as good as its author's right to give the role, when it is accepted."""

import re
from collections.abc import Callable
from typing import Any, Final

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.management import CommandError, call_command

from accounts.models import AccessLevel, Permission, Role, RoleAssignment, User
from organizations.models import Branch, Invitation, Organization
from organizations.services import operators
from tests.conftest import Api

INVITATIONS: Final = "/api/invitations/"
ACCEPT: Final = "/api/invitations/accept/"
UNCONFIRMED: Final = (409, "invitation_unconfirmed")


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def role(organization: Organization, name: str) -> Role:
    return Role.objects.get(organization=organization, name=name)


def token() -> str:
    found = re.search(r"token=([\w-]+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


def statuses(by: User) -> list[str]:
    return [each["status"] for each in Api(by).get(INVITATIONS).json()["results"]]


@pytest.fixture
def nina(db: None) -> User:
    user = User.objects.create(username="nina", email="nina@example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def second(nordwind: Organization, hamburg: Branch, hire: Callable[..., User]) -> User:
    """Another admin."""
    return hire("second", nordwind, "Admin", hamburg)


@pytest.fixture
def post(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Sends, and mails as after COMMIT."""

    def post(by: User, path: str = INVITATIONS, body: Any = None) -> Any:
        with django_capture_on_commit_callbacks(execute=True):
            return Api(by).post_json(path, body)

    return post


def invitation(name: str, organization: Organization, **more: Any) -> dict[str, Any]:
    return {"email": "nina@example.org", "role": role(organization, name).id, **more}


def leave(ada: User, author: User, organization: Organization) -> None:
    path = f"/api/users/{author.id}/roles/"
    assert Api(ada).send("PUT", path, {"roles": []}).status_code < 300


def deactivate(ada: User, author: User, organization: Organization) -> None:
    path = f"/api/users/{author.id}/"
    assert Api(ada).send("PATCH", path, {"is_active": False}).status_code == 200


def demote(ada: User, author: User, organization: Organization) -> None:
    body = {"roles": [role(organization, "Lead").id]}
    path = f"/api/users/{author.id}/roles/"
    assert Api(ada).send("PUT", path, body).status_code < 300


def close(ada: User, author: User, organization: Organization) -> None:
    """As an operator does in the admin."""
    with operators.membership_of(author, []):
        RoleAssignment.objects.filter(user=author).delete()


@pytest.mark.parametrize("loses", [leave, deactivate, demote, close])
def test_it_waits_for_anothers_word(
    ada: User,
    second: User,
    nina: User,
    nordwind: Organization,
    post: Callable[..., Any],
    loses: Callable[[User, User, Organization], None],
) -> None:
    made = post(second, body=invitation("Admin", nordwind)).json()
    assert statuses(ada) == ["open"]
    first = token()
    loses(ada, second, nordwind)
    assert statuses(ada) == ["unconfirmed"]
    for _ in range(2):
        assert code(Api(nina).post_json(ACCEPT, {"token": first})) == UNCONFIRMED
    assert not nina.role_assignments.exists()
    sent = post(ada, f"{INVITATIONS}{made['id']}/resend/")
    assert sent.status_code == 200, sent.content
    assert (sent.json()["status"], sent.json()["invited_by"]["username"]) == ("open", "ada")
    assert statuses(ada) == ["open"]
    assert code(Api(nina).post_json(ACCEPT, {"token": first})) == (404, "not_found")
    assert Api(nina).post_json(ACCEPT, {"token": token()}).status_code == 200
    assert Api(nina).get("/api/me/").json()["active_role"]["name"] == "Admin"


def test_nobody_lets_themselves_back_in(
    ada: User, second: User, nordwind: Organization, post: Callable[..., Any]
) -> None:
    """The admin who invites a private address of his, is removed, and accepts."""
    post(second, body=invitation("Admin", nordwind))
    EmailAddress.objects.create(user=second, email="nina@example.org", verified=True)
    leave(ada, second, nordwind)
    assert code(Api(second).post_json(ACCEPT, {"token": token()})) == UNCONFIRMED
    assert not second.role_assignments.exists()


def test_who_has_the_right_again_needs_nobodys_word(
    ada: User, second: User, nina: User, nordwind: Organization, post: Callable[..., Any]
) -> None:
    post(second, body=invitation("Admin", nordwind))
    demote(ada, second, nordwind)
    assert code(Api(nina).post_json(ACCEPT, {"token": token()})) == UNCONFIRMED
    RoleAssignment.objects.create(user=second, role=role(nordwind, "Admin"))
    assert statuses(ada) == ["open"]
    assert Api(nina).post_json(ACCEPT, {"token": token()}).status_code == 200


def test_one_role_must_do_it_all(
    ada: User, bob: User, nina: User, nordwind: Organization, post: Callable[..., Any]
) -> None:
    """A role that may invite and another that covers what is given are not one that may give it."""
    post(bob, body=invitation("Member", nordwind))
    lead = role(nordwind, "Lead")
    Permission.objects.filter(role=lead, entity="invitations").delete()
    greeter = Role.objects.create(organization=nordwind, name="Greeter")
    Permission.objects.create(role=greeter, entity="invitations", access_level=AccessLevel.OWN_BOTH)
    RoleAssignment.objects.create(user=bob, role=greeter)
    assert statuses(ada) == ["unconfirmed"]
    assert code(Api(nina).post_json(ACCEPT, {"token": token()})) == UNCONFIRMED


def test_a_role_that_grew_since(
    ada: User, bob: User, nina: User, nordwind: Organization, post: Callable[..., Any]
) -> None:
    post(bob, body=invitation("Member", nordwind))
    path = f"/api/roles/{role(nordwind, 'Member').id}/"
    wider = {"permissions": {"roles": "all_both"}}
    assert Api(ada).send("PATCH", path, wider).status_code == 200
    assert statuses(ada) == ["unconfirmed"]
    assert code(Api(nina).post_json(ACCEPT, {"token": token()})) == UNCONFIRMED


def test_a_branch_that_the_author_lost(
    ada: User,
    bob: User,
    nina: User,
    nordwind: Organization,
    hamburg: Branch,
    post: Callable[..., Any],
) -> None:
    lead, member = role(nordwind, "Lead"), role(nordwind, "Member")
    kiel = Branch.objects.create(organization=nordwind, name="Kiel")
    for each in (lead, member):
        Role.objects.filter(pk=each.pk).update(all_branches=False)
        each.branches.set([hamburg])
    lead.branches.add(kiel)
    made = post(bob, body=invitation("Member", nordwind, branch=kiel.id))
    assert made.status_code == 201, made.content
    lead.branches.remove(kiel)
    assert statuses(ada) == ["unconfirmed"]
    assert code(Api(nina).post_json(ACCEPT, {"token": token()})) == UNCONFIRMED
    # Nor can its author confirm it.
    path = f"{INVITATIONS}{made.json()['id']}/resend/"
    assert code(post(bob, path)) == (403, "exceeds_own_permissions")


def test_nobody_confirms_what_they_could_not_give(
    ada: User, second: User, bob: User, nordwind: Organization, post: Callable[..., Any]
) -> None:
    Permission.objects.filter(role=role(nordwind, "Lead"), entity="invitations").update(
        access_level=AccessLevel.ALL_BOTH
    )
    made = post(second, body=invitation("Admin", nordwind)).json()
    leave(ada, second, nordwind)
    path = f"{INVITATIONS}{made['id']}/resend/"
    assert code(post(bob, path)) == (403, "exceeds_own_permissions")
    assert Invitation.objects.get().invited_by_id == second.id
    assert post(ada, f"{INVITATIONS}{made['id']}/revoke/").json()["status"] == "revoked"


def test_a_page_takes_as_many_queries_for_one_as_for_many(
    ada: User,
    second: User,
    nordwind: Organization,
    hamburg: Branch,
    hire: Callable[..., User],
    django_assert_max_num_queries: Callable[..., Any],
) -> None:
    def add(number: int) -> None:
        own = Role.objects.create(organization=nordwind, name=f"Role {number}", is_admin=True)
        author = hire(f"author{number}", nordwind, own.name, hamburg)
        Invitation.objects.create(
            organization=nordwind,
            email=f"new{number}@example.org",
            role=own,
            invited_by=author,
            token_hash=f"{number}",
            expires_at="2100-01-01T00:00:00Z",
        )

    client = Api(ada)
    add(0)
    client.get(INVITATIONS)
    with django_assert_max_num_queries(30) as one:
        client.get(INVITATIONS)
    for number in range(1, 20):
        add(number)
    with django_assert_max_num_queries(len(one)):
        assert len(client.get(INVITATIONS).json()["results"]) == 20


def test_the_command_invites_by_who_may(alice: User, ada: User, nordwind: Organization) -> None:
    with pytest.raises(CommandError, match="further than your own role"):
        call_command("invite", "nordwind", "nina@example.org", "Member", "--by", "alice")
    assert not Invitation.objects.exists()
    call_command("invite", "nordwind", "nina@example.org", "Member")
    assert statuses(ada) == ["open"]
