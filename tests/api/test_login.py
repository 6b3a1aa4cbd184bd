"""Logging in and out as the browser app does it, through allauth's headless API."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from tests.conftest import Api

SESSION = "/api/auth/browser/v1/auth/session"
LOGIN = "/api/auth/browser/v1/auth/login"
PASSWORD = "correct horse battery"


@pytest.fixture
def browser(alice: User, api: type[Api]) -> Api:
    """A browser that has loaded the app and not logged in yet."""
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    client = api()
    client.get("/api/auth/browser/v1/config")
    client.csrf["X-CSRFToken"] = client.cookies["csrftoken"].value
    return client


def log_in(client: Api, password: str = PASSWORD, username: str = "alice") -> Any:
    response = client.post_json(LOGIN, {"username": username, "password": password})
    # Logging in rotates the token.
    client.csrf["X-CSRFToken"] = client.cookies["csrftoken"].value
    return response


def test_it_works(browser: Api) -> None:
    assert log_in(browser).status_code == 200
    assert browser.get("/api/me/").json()["username"] == "alice"
    assert browser.post_json("/api/worktime/start/").status_code == 201
    assert browser.send("DELETE", SESSION).status_code == 401
    assert browser.get("/api/me/").status_code == 401


def test_the_user_name_in_any_case(browser: Api) -> None:
    assert log_in(browser, username="ALICE").status_code == 200


def test_by_email(browser: Api) -> None:
    body = {"email": "Alice@Example.org", "password": PASSWORD}
    assert browser.post_json(LOGIN, body).status_code == 200


def test_a_wrong_password_is_throttled_after_a_few(browser: Api) -> None:
    answers = [log_in(browser, "wrong").status_code for _ in range(8)]
    assert set(answers[:5]) == {400}
    assert answers[-1] in {400, 429}
    # Even the right one has to wait now.
    assert log_in(browser).status_code != 200


def test_without_the_token(browser: Api) -> None:
    browser.csrf = {}
    response = browser.post_json(LOGIN, {"username": "alice", "password": PASSWORD})
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_a_signed_in_request_without_the_token(api: type[Api], alice: User) -> None:
    client = api(alice)
    client.csrf = {}
    response = client.post_json("/api/worktime/start/")
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_an_inactive_user_cannot_log_in(browser: Api, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert log_in(browser).status_code == 401
    assert browser.get("/api/me/").status_code == 401
