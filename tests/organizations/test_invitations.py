"""/api/invitations/: a single-use token by mail, for the invited address alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import override_settings
from django.utils import timezone

from accounts.models import Role, User
from organizations.models import Branch, Invitation, Organization
from tests.conftest import Api

INVITATIONS = "/api/invitations/"
ACCEPT = "/api/invitations/accept/"
Invite = Callable[..., Any]


class BrokenBackend(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError("secret text of the mail server")


BROKEN = f"{__name__}.BrokenBackend"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def role(organization: Organization, name: str) -> Role:
    return Role.objects.get(organization=organization, name=name)


def token() -> str:
    found = re.search(r"token=([\w-]+)", str(mail.outbox[-1].body))
    assert found
    return found[1]


@pytest.fixture
def nina(db: None) -> User:
    user = User.objects.create(username="nina", email="nina@example.org")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def invite(
    api: type[Api], nordwind: Organization, django_capture_on_commit_callbacks: Any
) -> Invite:
    """Invites nina, and mails as after COMMIT."""

    def invite(by: User, path: str = INVITATIONS, **changes: Any) -> Any:
        body = {"email": "Nina@Example.org", "role": role(nordwind, "Member").id, **changes}
        with django_capture_on_commit_callbacks(execute=True):
            return api(by).post_json(path, body)

    return invite


def test_it_works(api: type[Api], ada: User, nina: User, hamburg: Branch, invite: Invite) -> None:
    response = invite(ada, branch=hamburg.id)
    assert response.status_code == 201, response.content
    assert mail.outbox[-1].to == ["nina@example.org"]
    assert "Nordwind" in mail.outbox[-1].subject
    row = api(ada).get(INVITATIONS).json()["results"][0]
    assert (row["status"], row["mail"], row["email"]) == ("open", "sent", "nina@example.org")
    secret = token()
    assert secret not in Invitation.objects.get().token_hash
    client = api(nina)
    answer = client.post_json(ACCEPT, {"token": secret})
    assert answer.status_code == 200, answer.content
    assert answer.json()["role"]["name"] == "Member"
    assert client.get("/api/me/").json()["active_branch"]["id"] == hamburg.id
    again = client.post_json(ACCEPT, {"token": secret})
    assert (again.status_code, again.json()) == (200, answer.json())
    assert nina.role_assignments.count() == 1
    assert api(ada).get(INVITATIONS).json()["results"][0]["status"] == "accepted"


def test_for_the_verified_address_alone(
    api: type[Api], ada: User, nina: User, charlie: User, invite: Invite
) -> None:
    invite(ada)
    body = {"token": token()}
    assert code(api(charlie).post_json(ACCEPT, body)) == (403, "email_not_verified")
    EmailAddress.objects.filter(user=nina).update(verified=False)
    assert code(api(nina).post_json(ACCEPT, body)) == (403, "email_not_verified")
    assert code(api(nina).post_json(ACCEPT, {"token": "x"})) == (404, "not_found")
    assert not nina.role_assignments.exists()


def test_one_at_a_time(api: type[Api], ada: User, nina: User, invite: Invite) -> None:
    first = invite(ada).json()
    assert code(invite(ada)) == (409, "already_invited")
    old = token()
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert code(api(nina).post_json(ACCEPT, {"token": old})) == (409, "invitation_closed")
    assert invite(ada).status_code == 201
    states = {row["id"]: row["status"] for row in api(ada).get(INVITATIONS).json()["results"]}
    assert states.pop(first["id"]) == "revoked"
    assert list(states.values()) == ["open"]


def test_revoking(api: type[Api], ada: User, nina: User, invite: Invite) -> None:
    path = f"{INVITATIONS}{invite(ada).json()['id']}/revoke/"
    assert api(ada).post_json(path).json()["status"] == "revoked"
    assert api(ada).post_json(path).status_code == 200
    assert code(api(nina).post_json(ACCEPT, {"token": token()})) == (409, "invitation_closed")
    assert invite(ada).status_code == 201
    api(nina).post_json(ACCEPT, {"token": token()})
    last = Invitation.objects.latest("id")
    response = api(ada).post_json(f"{INVITATIONS}{last.id}/revoke/")
    assert code(response) == (409, "invitation_closed")


def test_a_failed_mail_shows_and_can_be_sent_again(
    api: type[Api], ada: User, nina: User, invite: Invite, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(EMAIL_BACKEND=BROKEN):
        made = invite(ada)
    assert made.status_code == 201
    assert api(ada).get(INVITATIONS).json()["results"][0]["mail"] == "failed"
    assert "ConnectionRefusedError" in caplog.text
    assert "secret text" not in caplog.text
    assert invite(ada, path=f"{INVITATIONS}{made.json()['id']}/resend/").status_code == 200
    assert api(ada).get(INVITATIONS).json()["results"][0]["mail"] == "sent"
    first = token()
    invite(ada, path=f"{INVITATIONS}{made.json()['id']}/resend/")
    assert code(api(nina).post_json(ACCEPT, {"token": first})) == (404, "not_found")
    assert api(nina).post_json(ACCEPT, {"token": token()}).status_code == 200


def test_a_name_makes_no_header(ada: User, nordwind: Organization, invite: Invite) -> None:
    Organization.objects.update(display_name="Nord\nBcc: eve@example.org")
    invite(ada)
    assert mail.outbox[-1].subject == "Invitation to Nord Bcc: eve@example.org"
    assert mail.outbox[-1].recipients() == ["nina@example.org"]


def test_a_lead_sees_and_revokes_their_own(
    api: type[Api], ada: User, alice: User, bob: User, invite: Invite
) -> None:
    of_ada = invite(ada).json()["id"]
    of_bob = invite(bob, email="other@example.org").json()["id"]
    assert [row["id"] for row in api(bob).get(INVITATIONS).json()["results"]] == [of_bob]
    assert len(api(ada).get(INVITATIONS).json()["results"]) == 2
    assert api(bob).post_json(f"{INVITATIONS}{of_ada}/revoke/").status_code == 404
    assert api(bob).post_json(f"{INVITATIONS}{of_bob}/revoke/").status_code == 200
    assert api(alice).get(INVITATIONS).status_code == 403
    assert invite(alice).status_code == 403


def test_nobody_invites_above_themselves(bob: User, nordwind: Organization, invite: Invite) -> None:
    response = invite(bob, role=role(nordwind, "Admin").id)
    assert code(response) == (403, "exceeds_own_permissions")
    assert mail.outbox == []


def test_members_are_not_invited(ada: User, alice: User, invite: Invite) -> None:
    claim = EmailAddress.objects.create(user=alice, email=alice.email, primary=True)
    assert invite(ada, email="alice@example.org").status_code == 201  # it may be another's
    Invitation.objects.all().delete()
    claim.set_verified()
    assert code(invite(ada, email="ALICE@example.org")) == (409, "already_member")


def test_the_plan_limits_accepting(api: type[Api], ada: User, nina: User, invite: Invite) -> None:
    invite(ada)
    Organization.objects.update(max_users=1)
    assert code(api(nina).post_json(ACCEPT, {"token": token()})) == (409, "no_seat_left")
    Organization.objects.update(max_users=2)
    assert api(nina).post_json(ACCEPT, {"token": token()}).status_code == 200


def test_a_role_with_an_open_invitation_stays(
    api: type[Api], ada: User, nordwind: Organization, invite: Invite
) -> None:
    invite(ada)
    member = role(nordwind, "Member")
    assert code(api(ada).send("DELETE", f"/api/roles/{member.id}/")) == (409, "role_in_use")
    Invitation.objects.update(revoked_at=timezone.now())
    assert api(ada).send("DELETE", f"/api/roles/{member.id}/").status_code == 204
    assert api(ada).get(INVITATIONS).json()["results"][0]["role"] is None


def test_a_role_gone_since(api: type[Api], ada: User, nina: User, invite: Invite) -> None:
    invite(ada)
    Invitation.objects.update(role=None)
    assert code(api(nina).post_json(ACCEPT, {"token": token()})) == (409, "invitation_closed")
