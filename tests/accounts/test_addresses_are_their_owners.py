"""An address belongs to who verified it: a claim keeps it from nobody."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import User
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser, flows, key_in_mail
from tests.conftest import Api

ADDRESS = "nina@example.org"


def add(api: Any, editor: User, username: str, email: str = ADDRESS) -> Any:
    organization = editor.role_assignments.get().role.organization
    role = organization.roles.get(name="Member").id
    body = {"username": username, "email": email, "roles": [role]}
    return api(editor).post_json("/api/users/", body)


@pytest.fixture
def squatted(api: type[Api], ada: User, nordwind: Organization) -> User:
    """An account that Nordwind made with a stranger's address, and deactivated."""
    made = add(api, ada, "squatter")
    assert made.status_code == 201
    path = f"/api/users/{made.json()['id']}/"
    assert api(ada).send("PATCH", path, {"is_active": False}).status_code == 200
    return User.objects.get(username="squatter")


def sign_up(username: str = "nina", email: str = ADDRESS) -> Browser:
    browser = Browser()
    body = {"username": username, "email": email, "password": PASSWORD}
    assert flows(browser.auth("POST", "auth/signup", body))["verify_email"]
    return browser


def test_its_owner_signs_up_and_takes_it(squatted: User) -> None:
    browser = sign_up()
    assert browser.auth("POST", "auth/email/verify", {"key": key_in_mail()}).status_code in {
        200,
        401,
    }
    assert Browser().log_in("nina").status_code == 200
    assert (
        Browser().auth("POST", "auth/login", {"email": ADDRESS, "password": PASSWORD}).status_code
        == 200
    )
    squatted.refresh_from_db()
    assert squatted.email == ""
    assert [each.user.username for each in EmailAddress.objects.filter(email=ADDRESS)] == ["nina"]


def test_it_is_nobodys_until_it_is_verified(squatted: User) -> None:
    sign_up()
    squatted.refresh_from_db()
    assert squatted.email == ADDRESS
    assert not EmailAddress.objects.filter(email=ADDRESS, verified=True).exists()


def test_the_real_employer_adds_them(api: type[Api], squatted: User, charlie: User) -> None:
    boss = User.objects.get(username="sue")
    assert add(api, boss, "nina").status_code == 201
    browser = Browser()
    browser.auth("POST", "auth/password/request", {"email": ADDRESS})
    assert len(mail.outbox) == 1  # to the account that is active
    browser.auth("POST", "auth/password/reset", {"key": key_in_mail(), "password": PASSWORD})
    assert Browser().log_in("nina").status_code == 200
    squatted.refresh_from_db()
    assert squatted.email == ""


def test_of_two_who_add_them_the_first_to_be_answered_has_it(
    api: type[Api], ada: User, nordwind: Organization, charlie: User
) -> None:
    assert add(api, ada, "nina").status_code == 201
    assert add(api, User.objects.get(username="sue"), "nina2").status_code == 201
    browser = Browser()
    browser.auth("POST", "auth/password/request", {"email": ADDRESS})
    assert len(mail.outbox) == 2

    key = key_in_mail()
    browser.auth("POST", "auth/password/reset", {"key": key, "password": PASSWORD})
    [holder] = EmailAddress.objects.filter(email=ADDRESS)
    assert holder.verified
    other = User.objects.exclude(pk=holder.user_id).get(username__startswith="nina")
    assert other.email == ""
    # From now on the address is known, and asks for an invitation.
    refused = add(api, ada, "nina3")
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")


def test_its_owner_accepts_an_invitation(
    api: type[Api],
    squatted: User,
    ada: User,
    nordwind: Organization,
    django_capture_on_commit_callbacks: Any,
) -> None:
    role = nordwind.roles.get(name="Lead").id
    with django_capture_on_commit_callbacks(execute=True):
        invited = api(ada).post_json("/api/invitations/", {"email": ADDRESS, "role": role})
    assert invited.status_code == 201
    token = mail.outbox[-1].body.split("token=")[1].split()[0]
    browser = sign_up()
    browser.auth("POST", "auth/email/verify", {"key": key_in_mail()})
    browser = Browser()
    browser.log_in("nina")
    browser.csrf["X-CSRFToken"] = browser.cookies["csrftoken"].value
    assert browser.post_json("/api/invitations/accept/", {"token": token}).status_code == 200
    assert User.objects.get(username="nina").role_assignments.get().role_id == role


def test_a_verified_address_is_taken(api: type[Api], ada: User, nordwind: Organization) -> None:
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    assert add(api, ada, "other", "ADA@example.org").json()["code"] == "email_taken"
    sign_up("other", "Ada@Example.org")  # the answer is the same
    assert "exists" in str(mail.outbox[-1].body)
    assert not User.objects.filter(username="other").exists()


def test_of_several_who_claim_it_nobody_logs_in_by_it(db: None) -> None:
    for number in range(2):
        sign_up(f"nina{number}")
    answer = Browser().auth("POST", "auth/login", {"email": ADDRESS, "password": PASSWORD})
    assert answer.status_code == 400
    assert flows(Browser().log_in("nina1"))["verify_email"]


def test_the_only_one_who_claims_it_is_asked_to_verify(db: None) -> None:
    sign_up()
    answer = Browser().auth("POST", "auth/login", {"email": ADDRESS, "password": PASSWORD})
    assert flows(answer)["verify_email"]


@pytest.mark.parametrize("email", ["ninä@example.org", "nina@exämple.org", "ｎina@example.org"])
def test_an_address_is_written_in_one_way(
    api: type[Api], ada: User, nordwind: Organization, email: str
) -> None:
    response = add(api, ada, "nina", email)
    assert response.status_code == 400
    assert {each["field"] for each in response.json()["errors"]} == {"email"}
    body = {"username": "nina", "email": email, "password": PASSWORD}
    assert Browser().auth("POST", "auth/signup", body).status_code == 400


def test_a_mistyped_address_opens_no_account(alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    EmailAddress.objects.create(user=alice, email="strangers@example.org")
    Browser().auth("POST", "auth/password/request", {"email": "strangers@example.org"})
    assert not any("reset" in each.body.lower() and "key" in each.body for each in mail.outbox)
    Browser().auth("POST", "auth/password/request", {"email": alice.email})
    assert key_in_mail()


def test_many_who_claim_it_are_no_flood_of_mails(db: None) -> None:
    for number in range(8):
        User.objects.create(username=f"squatter{number}", email=ADDRESS)
    Browser().auth("POST", "auth/password/request", {"email": ADDRESS})
    assert len(mail.outbox) == 5


def test_who_was_deactivated_signs_up_anew(
    api: type[Api], ada: User, alice: User, nordwind: Organization
) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    path = f"/api/users/{alice.id}/"
    assert api(ada).send("PATCH", path, {"is_active": False}).status_code == 200
    browser = sign_up("alice2", alice.email)
    browser.auth("POST", "auth/email/verify", {"key": key_in_mail()})
    assert Browser().log_in("alice2").status_code == 200


def test_nobody_is_added_twice_by_mistake(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    assert add(api, ada, "nina").status_code == 201
    refused = add(api, ada, "nina2", ADDRESS.upper())
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
