"""/api/tokens/ and `Authorization: Bearer`: scopes, a role of their own, revocation."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, RoleAssignment, User
from organizations.models import Branch, BranchAssignment, Organization
from tests.accounts.browser import PASSWORD, Browser, key_in_mail
from tests.conftest import Api

TOKENS = "/api/tokens/"
START = "/api/worktime/start/"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def make(api: type[Api], user: User, *scopes: str, **more: Any) -> str:
    response = api(user).post_json(TOKENS, {"name": "kiosk", "scopes": scopes, **more})
    assert response.status_code == 201, response.content
    secret: str = response.json()["token"]
    return secret


def send(method: str, path: str, secret: str, body: Any = None) -> Any:
    """Send as a program does: no cookie, no CSRF token."""
    return Client(enforce_csrf_checks=True).generic(
        method,
        path,
        b"" if body is None else body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )


def test_it_works(api: type[Api], alice: User) -> None:
    secret = make(api, alice, "read")
    assert send("GET", "/api/me/", secret).json()["username"] == "alice"
    listed = api(alice).get(TOKENS)
    assert [row["scopes"] for row in listed.json()["results"]] == [["read"]]
    assert secret.encode() not in listed.content
    stored = ApiToken.objects.values().get()
    assert secret not in str(stored)
    token = ApiToken.objects.get()
    assert stored["digest"] not in f"{token!r} {token}"
    assert api(alice).send("DELETE", f"{TOKENS}{token.id}/").status_code == 204
    assert code(send("GET", "/api/me/", secret)) == (401, "invalid_token")


@pytest.mark.parametrize("secret", ["", "x", "stu_" + "0" * 64, "ä", "a b", "a\x00", "x" * 5000])
def test_a_wrong_token(db: None, secret: str) -> None:
    response = send("GET", "/api/me/", secret)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("scope", "reads", "writes", "clocks"),
    [
        ("read", 200, 403, 403),
        ("write", 403, 200, 201),
        ("worktime:clock", 403, 403, 201),
    ],
)
def test_scopes(
    api: type[Api], alice: User, scope: str, reads: int, writes: int, clocks: int
) -> None:
    secret = make(api, alice, scope)
    assert send("GET", "/api/branches/", secret).status_code == reads
    assert send("PATCH", "/api/me/settings/", secret, b"{}").status_code == writes
    assert send("POST", START, secret).status_code == clocks


def test_the_clock_scope(api: type[Api], alice: User) -> None:
    secret = make(api, alice, "worktime:clock")
    assert send("POST", START, secret).status_code == 201
    assert send("GET", "/api/worktime/active/", secret).json()["worktime"] is not None
    assert send("POST", "/api/worktime/stop/", secret).status_code == 200
    assert code(send("GET", "/api/worktime/", secret)) == (403, "scope_missing")


def test_the_role_decides_besides(api: type[Api], alice: User) -> None:
    secret = make(api, alice, "read", "write", "worktime:clock")
    response = send("GET", "/api/organizations/current/settings/", secret)
    assert code(response) == (403, "permission_denied")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", TOKENS),
        ("POST", TOKENS),
        ("DELETE", f"{TOKENS}1/"),
        ("PUT", "/api/me/active-role/"),
        ("PUT", "/api/me/active-branch/"),
    ],
)
def test_what_no_token_may(api: type[Api], alice: User, method: str, path: str) -> None:
    secret = make(api, alice, "read", "write", "worktime:clock")
    assert code(send(method, path, secret)) == (403, "session_required")


def test_it_does_not_follow_its_owners_browser(
    api: type[Api], alice: User, charlie: User, nordwind: Organization
) -> None:
    other = charlie.role_assignments.get().role
    RoleAssignment.objects.create(user=alice, role=other)
    here = make(api, alice, "read")
    there = make(api, alice, "read", role=other.id)

    def seen(secret: str) -> str:
        name: str = send("GET", "/api/organizations/current/", secret).json()["name"]
        return name

    assert (seen(here), seen(there)) == ("nordwind", "suedwind")
    api(alice).send("PUT", "/api/me/active-role/", {"role": other.id})
    assert (seen(here), seen(there)) == ("nordwind", "suedwind")
    me = send("GET", "/api/me/", here).json()
    assert [role["name"] for role in me["roles"] if role["is_active"]] == ["Member"]
    assert me["active_role"]["permissions"]["worktime"] == "own_both"


def test_it_ends_with_its_role(api: type[Api], ada: User, alice: User) -> None:
    secret = make(api, alice, "read")
    api(ada).send("PUT", f"/api/users/{alice.id}/roles/", {"roles": []})
    assert code(send("GET", "/api/me/", secret)) == (401, "invalid_token")


def test_it_ends_with_its_owners_account(api: type[Api], ada: User, alice: User) -> None:
    secret = make(api, alice, "read")
    api(ada).send("PATCH", f"/api/users/{alice.id}/", {"is_active": False})
    api(ada).send("PATCH", f"/api/users/{alice.id}/", {"is_active": True})
    assert code(send("GET", "/api/me/", secret)) == (401, "invalid_token")


def test_it_expires(api: type[Api], alice: User) -> None:
    secret = make(api, alice, "read", expires_at=str(timezone.now() + timedelta(days=1)))
    ApiToken.objects.update(expiry=timezone.now())
    assert code(send("GET", "/api/me/", secret)) == (401, "invalid_token")
    assert ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["admin"]}, "scopes.0"),
        ({"name": ""}, "name"),
        ({"role": 10**9}, "role"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2999-01-01T00:00:00"}, "expires_at"),
    ],
)
def test_nonsense(api: type[Api], alice: User, body: Any, field: str) -> None:
    response = api(alice).post_json(TOKENS, {"name": "x", "scopes": ["read"], **body})
    assert response.status_code == 400
    assert field in {error["field"] for error in response.json()["errors"]}


def test_at_most_fifty(api: type[Api], alice: User) -> None:
    assignment = alice.role_assignments.get()
    ApiToken.objects.bulk_create(
        ApiToken(
            user=alice,
            digest=str(number),
            token_key=str(number),
            name="x",
            scopes=["read"],
            role_assignment=assignment,
        )
        for number in range(50)
    )
    response = api(alice).post_json(TOKENS, {"name": "x", "scopes": ["read"]})
    assert code(response) == (409, "too_many_tokens")


def test_others_tokens_are_nobodys_matter(api: type[Api], ada: User, alice: User) -> None:
    make(api, alice, "read")
    client = api(ada)
    assert client.get(TOKENS).json()["results"] == []
    path = f"{TOKENS}{ApiToken.objects.get().id}/"
    assert client.send("DELETE", path).status_code == 404
    assert ApiToken.objects.exists()


def test_a_repeated_request_makes_another(api: type[Api], alice: User) -> None:
    """Its answer is a secret, which an Idempotency-Key would have to store."""
    for _ in range(2):
        response = api(alice).post_json(
            TOKENS, {"name": "x", "scopes": ["read"]}, **{"Idempotency-Key": "k"}
        )
        assert response.status_code == 201
    assert ApiToken.objects.count() == 2


def test_it_takes_the_branch_that_was_used_last(api: type[Api], alice: User) -> None:
    BranchAssignment.objects.filter(user=alice).update(is_active_branch=False)
    secret = make(api, alice, "worktime:clock")
    assert send("POST", START, secret).json()["branch"]["name"] == "Hamburg"


def test_an_inactive_branch_is_none(api: type[Api], alice: User, hamburg: Branch) -> None:
    Branch.objects.filter(pk=hamburg.pk).update(is_active=False)
    secret = make(api, alice, "worktime:clock")
    assert code(send("POST", START, secret)) == (409, "branch_required")


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Bearer \xe9"])
def test_what_is_not_one_token(db: None, header: str) -> None:
    response = Client().get("/api/me/", headers={"Authorization": header})
    assert code(response) == (401, "invalid_token")


def test_who_acts_in_no_role_makes_no_token(api: type[Api], db: None) -> None:
    client = api(User.objects.create(username="new"))
    response = client.post_json(TOKENS, {"name": "kiosk", "scopes": ["read"]})
    assert code(response) == (403, "no_active_role")


@pytest.mark.parametrize("way", ["change", "reset", "operator", "command"])
def test_a_changed_password_ends_all_tokens(
    api: type[Api], alice: User, operator: Client, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    secret = make(api, alice, "read")
    assert send("GET", "/api/me/", secret).status_code == 200
    new, browser = "an0ther-secret", Browser()
    if way == "change":
        browser.log_in()
        body = {"current_password": PASSWORD, "new_password": new}
        assert browser.auth("POST", "account/password/change", body).status_code == 200
    elif way == "reset":
        browser.auth("POST", "auth/password/request", {"email": alice.email})
        browser.auth("POST", "auth/password/reset", {"key": key_in_mail(), "password": new})
    elif way == "operator":
        form = {"password1": new, "password2": new, "usable_password": "true"}
        assert operator.post(f"/admin/accounts/user/{alice.pk}/password/", form).status_code == 302
    else:
        monkeypatch.setattr("getpass.getpass", lambda prompt: new)
        call_command("changepassword", "alice", stdout=StringIO())
    with_new = {"username": "alice", "password": new}
    assert Browser().auth("POST", "auth/login", with_new).status_code == 200
    assert code(send("GET", "/api/me/", secret)) == (401, "invalid_token")
    assert not ApiToken.objects.exists()


def test_logging_in_leaves_tokens_alone(api: type[Api], alice: User) -> None:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    secret = make(api, alice, "read")
    assert Browser().log_in().status_code == 200
    assert send("GET", "/api/me/", secret).status_code == 200


def test_a_token_ends_with_its_role(api: type[Api], ada: User, alice: User) -> None:
    secret = make(api, alice, "read")
    assert send("GET", "/api/me/", secret).status_code == 200
    api(ada).send("PUT", f"/api/users/{alice.id}/roles/", {"roles": []})
    assert code(send("GET", "/api/me/", secret)) == (401, "invalid_token")
