"""Who is let in: what ends a session or token ends it at the next request, in every process."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import services
from accounts.models import ApiToken, Role, User
from organizations.models import Organization
from organizations.services import operators
from tests.accounts.browser import PASSWORD, Browser
from tests.conftest import Api
from tests.pages.other import Other

pytestmark = pytest.mark.django_db(transaction=True)
ME = "/api/me/"


@pytest.fixture
def browser(alice: User) -> Browser:
    """Alice's browser, logged in."""
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Browser()
    assert browser.log_in().status_code == 200
    return browser


def session_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def by_password(alice: User, ada: User) -> None:
    row = User.objects.get(pk=alice.pk)
    row.set_password("another long word")
    row.save(update_fields=["password"])


def by_deactivation(alice: User, ada: User) -> None:
    admin = Api(ada)
    assert admin.send("PATCH", f"/api/users/{alice.pk}/", {"is_active": False}).status_code == 200


def by_operator(alice: User, ada: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    operators.set_activity(user_id=alice.pk, is_active=False)


def by_logging_out_everywhere(alice: User, ada: User) -> None:
    assert Api(alice).send("DELETE", "/api/me/sessions/").status_code == 204


def by_shutting_out(alice: User, ada: User) -> None:
    services.shut_out(user_id=alice.pk)


WAYS = [
    by_password,
    by_deactivation,
    by_operator,
    by_logging_out_everywhere,
    by_shutting_out,
]


@pytest.mark.parametrize("end", WAYS)
def test_sessions_end_at_the_next_request_everywhere(
    browser: Browser,
    alice: User,
    ada: User,
    other: Other,
    end: Callable[[User, User], None],
) -> None:
    second = Browser()
    second.log_in()
    for client in (browser, second):
        assert client.get(ME).status_code == 200
        assert other.get(ME, session=session_of(client))[0] == 200
    end(alice, ada)
    for client in (browser, second):
        assert other.get(ME, session=session_of(client))[0] == 401
        assert client.get(ME).status_code == 401


def test_a_session_of_a_former_generation_is_not_trusted_even_if_its_row_survives(
    browser: Browser, alice: User, other: Other
) -> None:
    from django.contrib.sessions.models import Session

    row = Session.objects.get(session_key=session_of(browser))
    services.log_out_everywhere(user_id=alice.pk)
    row.save(force_insert=True)
    assert browser.get(ME).status_code == 401
    assert other.get(ME, session=row.session_key)[0] == 401


def test_logging_out_ends_this_session_alone(browser: Browser, other: Other) -> None:
    second = Browser()
    second.log_in()
    key = session_of(browser)
    assert other.get(ME, session=key)[0] == 200
    assert browser.auth("DELETE", "auth/session").status_code == 401
    assert other.get(ME, session=key)[0] == 401
    assert second.get(ME).status_code == 200


def test_one_session_is_ended_from_another(browser: Browser, alice: User, other: Other) -> None:
    second = Browser()
    second.log_in()
    key = session_of(second)
    assert other.get(ME, session=key)[0] == 200
    listed = browser.auth("GET", "auth/sessions").json()["data"]
    [theirs] = [each["id"] for each in listed if not each["is_current"]]
    browser.auth("DELETE", "auth/sessions", {"sessions": [theirs]})
    assert other.get(ME, session=key)[0] == 401
    assert browser.get(ME).status_code == 200


def test_whoever_changes_their_password_stays_logged_in_here(
    browser: Browser, other: Other
) -> None:
    second = Browser()
    second.log_in()
    assert other.get(ME, session=session_of(second))[0] == 200
    body = {"current_password": PASSWORD, "new_password": "another long word"}
    assert browser.auth("POST", "account/password/change", body).status_code == 200
    assert browser.get(ME).status_code == 200
    assert other.get(ME, session=session_of(browser))[0] == 200
    assert other.get(ME, session=session_of(second))[0] == 401


def test_a_session_made_with_a_former_secret_key(
    browser: Browser, settings: Any, other: Other
) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert browser.get(ME).status_code == 200


@pytest.mark.parametrize("key", ["x" * 32, "x" * 5000, '"aaaaaaaa\\000"', "ä" * 32, "a" * 7])
def test_a_session_that_never_was(api: type[Api], db: None, key: str) -> None:
    client = Client(headers={"Cookie": f"sessionid={key}"})
    assert client.get(ME).status_code == 401


@pytest.fixture
def secret(alice: User) -> str:
    role_id = alice.role_assignments.get().role_id
    return services.issue_token(
        user_id=alice.pk, name="kiosk", scopes=["read", "write"], role_id=role_id
    )[1]


def by_revoking(alice: User, ada: User) -> None:
    token_id = ApiToken.objects.get(user=alice).pk
    assert Api(alice).send("DELETE", f"/api/tokens/{token_id}/").status_code == 204


def by_taking_the_role(alice: User, ada: User) -> None:
    assert Api(ada).send("PUT", f"/api/users/{alice.pk}/roles/", {"roles": []}).status_code == 200


@pytest.mark.parametrize(
    "end", [by_revoking, by_taking_the_role, by_deactivation, by_operator, by_shutting_out]
)
def test_tokens_end_at_the_next_request_everywhere(
    alice: User, ada: User, secret: str, other: Other, end: Callable[[User, User], None]
) -> None:
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    assert client.get(ME).status_code == 200
    assert other.get(ME, token=secret)[0] == 200
    end(alice, ada)
    assert other.get(ME, token=secret)[0] == 401
    assert client.get(ME).status_code == 401


def test_a_warm_token_takes_no_sql(secret: str, counting: Any) -> None:
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    client.get(ME)
    with counting() as cost:
        assert client.get(ME).status_code == 200
    assert (cost.sql, len(cost.redis)) == ([], 2)


def test_what_a_role_loses_is_lost_at_the_next_request_everywhere(
    alice: User, ada: User, nordwind: Organization, other: Other
) -> None:
    client = Api(alice)
    path = "/api/branches/"
    role = Role.objects.get(organization=nordwind, name="Member")
    assert client.get(path).status_code == 200
    assert other.get(path, session=session_of(client))[0] == 200
    changes = {"permissions": {"branches": "none"}}
    assert Api(ada).send("PATCH", f"/api/roles/{role.pk}/", changes).status_code == 200
    assert other.get(path, session=session_of(client))[0] == 403
    assert client.get(path).status_code == 403


def test_no_secret_is_kept(browser: Browser, alice: User, secret: str) -> None:
    from config.cache import server

    User.objects.filter(pk=alice.pk).update(bank_details="DE89 3704 0044 0532 0130 00")
    browser.get("/api/page/?table=worktime")
    browser.get("/api/me/profile/")
    assert "DE89" in browser.get("/api/me/bank-details/").json()["bank_details"]
    Client(headers={"Authorization": f"Bearer {secret}"}).get(ME)
    password = User.objects.get(pk=alice.pk).password
    client = server._client()
    for key in client.scan_iter("*"):
        kept = (key + b" " + (client.get(key) or b"")).decode(errors="replace")
        for each in (password, "DE89", secret, session_of(browser)):
            assert each not in kept, key
