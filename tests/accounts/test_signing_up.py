"""Signing up, verifying the e-mail, resetting the password, as a browser app does it."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache

from accounts.models import User
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser, flows, key_in_mail
from tests.conftest import Api

NEW = {"username": "nina", "email": "Nina@example.org", "password": PASSWORD}


@pytest.fixture
def browser(db: None) -> Browser:
    return Browser()


def test_it_works(browser: Browser) -> None:
    signed = browser.auth("POST", "auth/signup", NEW)
    assert signed.status_code == 401
    assert flows(signed)["verify_email"]
    assert browser.get("/api/me/").status_code == 401
    verified = browser.auth("POST", "auth/email/verify", {"key": key_in_mail()})
    assert flows(verified).keys() >= {"login"}
    assert browser.log_in("nina").status_code == 200
    me = browser.get("/api/me/").json()
    assert (me["username"], me["email"], me["active_role"]) == ("nina", "nina@example.org", None)
    founding = {"name": "westwind", "display_name": "Westwind"}
    assert browser.post_json("/api/organizations/", founding).status_code == 201


def test_without_verifying_nobody_gets_in(browser: Browser) -> None:
    browser.auth("POST", "auth/signup", NEW)
    other = Browser()
    assert flows(other.log_in("nina"))["verify_email"]
    assert other.get("/api/me/").status_code == 401
    assert other.auth("POST", "auth/email/verify", {"key": "wrong"}).status_code == 400


def test_a_mail_server_that_is_away(browser: Browser, settings: Any) -> None:
    stock = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = browser.auth("POST", "auth/signup", NEW)
    assert (answer.status_code, answer.json()["code"]) == (503, "mail_unavailable")
    assert int(answer["Retry-After"]) > 0
    # The account is there; logging in asks for the mail again, once the throttle's time is over.
    settings.EMAIL_BACKEND = stock
    cache.clear()
    other = Browser()
    assert flows(other.log_in("nina"))["verify_email"]
    assert other.auth("POST", "auth/email/verify", {"key": key_in_mail()}).status_code in {200, 401}
    assert EmailAddress.objects.get(user__username="nina").verified


def test_an_address_in_use_is_not_told(browser: Browser, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    answer = browser.auth("POST", "auth/signup", {**NEW, "email": "alice@example.org"})
    assert flows(answer)["verify_email"]
    assert User.objects.filter(username="nina").count() == 0
    assert mail.outbox[-1].to == ["alice@example.org"]


def test_a_name_in_use_whatever_its_case(browser: Browser, alice: User) -> None:
    answer = browser.auth("POST", "auth/signup", {**NEW, "username": "ALICE"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["param"] == "username"


@pytest.mark.parametrize("password", ["short", "12345678901", "password"])
def test_a_weak_password(browser: Browser, password: str) -> None:
    assert browser.auth("POST", "auth/signup", {**NEW, "password": password}).status_code == 400


def test_resetting_the_password(browser: Browser, alice: User) -> None:
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    before = Api(alice)
    assert before.get("/api/me/").status_code == 200
    asked = browser.auth("POST", "auth/password/request", {"email": "ALICE@example.org"})
    assert asked.status_code == 200
    body = {"key": key_in_mail(), "password": "another good battery"}
    assert "login" in flows(browser.auth("POST", "auth/password/reset", body))
    assert Browser().log_in("alice", "another good battery").status_code == 200
    assert browser.auth("POST", "auth/password/reset", body).status_code == 400
    # Whoever knew the old one is out.
    assert before.get("/api/me/").status_code == 401


def test_an_unknown_address_is_not_told(browser: Browser) -> None:
    asked = browser.auth("POST", "auth/password/request", {"email": "nobody@example.org"})
    assert asked.status_code == 200


def test_who_was_added_sets_a_password_by_mail(
    browser: Browser, ada: User, nordwind: Organization
) -> None:
    role = nordwind.roles.get(name="Member").id
    made = Api(ada).post_json(
        "/api/users/", {"username": "nina", "email": "nina@example.org", "roles": [role]}
    )
    assert made.status_code == 201
    browser.auth("POST", "auth/password/request", {"email": "nina@example.org"})
    browser.auth("POST", "auth/password/reset", {"key": key_in_mail(), "password": PASSWORD})
    client = Browser()
    # That the mail was read verifies the address.
    assert client.log_in("nina").status_code == 200
    assert client.get("/api/me/").json()["active_role"]["name"] == "Member"


def test_the_email_changes_by_verifying_the_new_one(alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    client = Browser()
    client.log_in()
    assert client.auth("POST", "account/email", {"email": "new@example.org"}).status_code == 200
    first = {"email": "new@example.org", "primary": True}
    assert client.auth("PATCH", "account/email", first).status_code == 400
    assert client.get("/api/me/").json()["email"] == "alice@example.org"
    client.auth("POST", "auth/email/verify", {"key": key_in_mail()})
    assert client.auth("PATCH", "account/email", first).status_code == 200
    assert client.get("/api/me/").json()["email"] == "new@example.org"
