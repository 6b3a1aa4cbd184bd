"""Whoever can write to Redis runs no code here: what is planted under any key counts as missing."""

import pickle
from collections.abc import Callable
from typing import Any, Final

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django_redis import get_redis_connection
from redis import Redis

from accounts.models import User
from accounts.services import issue_token
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser, flows
from tests.accounts.test_second_factor import code, forget_steps
from tests.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)
TOTP: Final = "account/authenticators/totp"
ran: list[str] = []


class Bomb:
    """Says so when it is unpickled."""

    def __reduce__(self) -> Any:
        return ran.append, ("code of whoever writes to Redis",)


PLANTED: Final[dict[str, bytes]] = {
    "pickle": pickle.dumps(Bomb()),
    "pickle of old": pickle.dumps(Bomb(), 0),
    "no text": b"\xff\xfe",
    "other JSON": b'{"a": [1]}',
    "a number": b"7",
}
# What these read: their first keys' values, all of their keys', what their scripts are given.
READS: Final = {"GET": slice(1, 2), "MGET": slice(1, None), "EVAL": slice(3, None)}


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], set[str]]:
    """Plants a value under each key that is read from now on, before it is read."""
    execute: Callable[..., Any] = Redis.execute_command

    def planting(value: bytes) -> set[str]:
        seen = set[str]()

        def executing(self: Any, *command: Any, **options: Any) -> Any:
            if (part := READS.get(command[0])) is not None:
                keys = command[part]
                if command[0] == "EVAL":
                    keys = keys[: command[2]]
                for key in keys:
                    seen.add(str(key))
                    execute(self, "SET", key, value)
            return execute(self, *command, **options)

        monkeypatch.setattr(Redis, "execute_command", executing)
        return seen

    return planting


def walk(nordwind: Organization, secret: str) -> list[int]:
    """Log in with a second factor, read and change something by session and token; statuses."""
    forget_steps()
    browser = Browser()
    first = browser.log_in()
    assert flows(first)["mfa_authenticate"], first.content
    answers = [
        first,
        browser.auth("POST", "auth/2fa/authenticate", {"code": "000000"}),
        browser.auth("POST", "auth/2fa/authenticate", {"code": code(secret)}),
    ]
    browser.csrf["X-CSRFToken"] = browser.cookies["csrftoken"].value
    role = nordwind.roles.get(name="Member")
    user = User.objects.get(username="alice")
    _, key = issue_token(user_id=user.pk, name="x", scopes=["read", "write"], role_id=role.pk)
    program, bearer = Api(), {"Authorization": f"Bearer {key}"}
    for path in (
        "/api/me/",
        "/api/page/?table=worktime",
        "/api/organizations/current/",
        "/api/organizations/search/?q=nord",
        "/api/worktime/",
        "/api/worktime/export.csv",
        "/api/filter-lists/?table=worktime",
        "/api/tokens/",
        "/api/auth/browser/v1/auth/sessions",
    ):
        answers += [browser.get(path), program.get(path, headers=bearer)]
    answers += [
        browser.post_json("/api/worktime/start/", {}),
        program.post_json("/api/worktime/stop/", {}, **bearer),
        browser.post_json("/api/join-requests/", {"organization": 0}),
        browser.auth("POST", "auth/password/request", {"email": "alice@example.org"}),
        Browser().auth("POST", "auth/login", {"username": "nobody", "password": "x"}),
        browser.get("/readyz"),
        browser.send("DELETE", "/api/me/sessions/"),
        browser.get("/api/me/"),
    ]
    return [answer.status_code for answer in answers]


@pytest.fixture
def secret(alice: User) -> str:
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Browser()
    browser.log_in()
    browser.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    secret = str(browser.auth("GET", TOTP).json()["meta"]["secret"])
    assert browser.auth("POST", TOTP, {"code": code(secret)}).status_code == 200
    return secret


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_counts_as_missing(
    secret: str, nordwind: Organization, plant: Callable[[bytes], set[str]], name: str
) -> None:
    ran.clear()
    cache.clear()
    expected = walk(nordwind, secret)
    assert max(expected) < 500
    cache.clear()
    seen = plant(PLANTED[name])
    assert walk(nordwind, secret) == expected
    assert ran == []
    for part in ("allauth:rl", "fact:", "people:", "tokens:", "sessions:", "count:"):
        assert any(part in key for key in seen), part


def test_values_of_a_release_that_pickled_are_missing() -> None:
    ran.clear()
    for value in (PLANTED["pickle"], PLANTED["pickle of old"], PLANTED["no text"]):
        get_redis_connection().set(cache.make_key("old"), value)
        assert cache.get("old") is None
        assert cache.get("old", "none") == "none"
    assert ran == []
    for kept in (True, 1, 1.5, "y", [1.5], {"a": None}):
        cache.set("new", kept)
        assert cache.get("new") == kept
