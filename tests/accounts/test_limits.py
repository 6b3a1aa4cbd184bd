"""No limit is got round by what a caller chooses: a header, a cookie, the spelling of a name."""

from collections.abc import Callable
from time import time
from typing import Any, Final

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache, caches
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User
from config.cache import counting
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser, key_in_mail
from tests.accounts.limits import (
    CHOICES,
    LIMITS,
    OFF,
    Cast,
    Choice,
    Limit,
    Send,
    allauth_limits,
    wrong,
)
from tests.conftest import Api

REFUSALS: Final = {"too_many_login_attempts", "rate_limited"}


def test_all_limits_are_known(db: None) -> None:
    known = {limit.setting for limit in LIMITS.values()} | OFF.keys()
    assert known == allauth_limits().keys() | api_settings.DEFAULT_THROTTLE_RATES.keys()
    for path in OFF.values():
        assert Browser().auth("POST", path, {}).status_code in {404, 409}


@pytest.fixture
def limited(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Limit, int], None]:
    """Sets one limit to so many, and all others out of the way."""
    # One moment, so that no window ends meanwhile.
    now = time()
    monkeypatch.setattr(counting, "time", lambda: now)
    stock: dict[str, Any] = {**allauth_limits(), **api_settings.DEFAULT_THROTTLE_RATES}

    def limit_to(limit: Limit, most: int) -> None:
        def changed(name: str, rate: str) -> str:
            _, duration, *per = rate.split("/")
            is_meant = name == limit.setting and "".join(per) == limit.per
            return "/".join([str(most if is_meant else 999), duration, *per])

        rates = {
            name: ",".join(changed(name, each) for each in rates.split(","))
            for name, rates in stock.items()
        }
        settings.ACCOUNT_RATE_LIMITS = settings.MFA_RATE_LIMITS = rates
        monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", rates)

    return limit_to


@pytest.fixture
def cast(ada: User, alice: User, nordwind: Organization) -> Cast:
    return Cast(ada, alice)


@pytest.fixture
def chosen(settings: Any) -> Callable[..., Send]:
    """Makes what sends the nth request with what a caller chooses."""
    settings.ALLOWED_HOSTS = ["*"]

    def choose(choice: Choice, n: int) -> Send:
        settings.TRUSTED_PROXIES = choice.proxies

        def send(client: Api, method: str, path: str, body: Any) -> Any:
            client.defaults["REMOTE_ADDR"] = choice.address(n)
            if "csrftoken" in client.cookies:
                client.csrf["X-CSRFToken"] = client.cookies["csrftoken"].value
            whole = path if path.startswith("/") else f"/api/auth/browser/v1/{path}"
            return client.send(method, whole, body, **choice.sent(n))

        return send

    return choose


def was_tried(answer: Any) -> bool:
    """Return whether it got past the limit."""
    if answer is None or answer is True:
        return answer is True
    assert answer.status_code < 500, answer.content
    if answer.status_code == 429:
        return False
    told = answer.json().get("errors", []) if answer.status_code == 400 else []
    return not any(each.get("code") in REFUSALS for each in told)


@pytest.mark.parametrize("name", LIMITS)
def test_no_header_gets_round_a_limit(
    cast: Cast,
    limited: Callable[[Limit, int], None],
    chosen: Callable[..., Send],
    name: str,
) -> None:
    limit = LIMITS[name]
    limit.prepare(cast)
    limited(limit, 1)
    got_round = {}
    for header, choice in CHOICES.items():
        cache.clear()
        caches["process"].clear()
        tried = [was_tried(limit.attempt(cast, chosen(choice, n), n)) for n in range(2)]
        if tried != [True, False]:
            got_round[header] = tried
    assert got_round == {}


def wide(text: str) -> str:
    """Return it in full-width letters, which NFKC takes for the plain ones."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


SPELLINGS: Final[dict[str, list[dict[str, str]]]] = {
    "case": [{"username": each} for each in ("alice", "Alice", "ALICE")],
    "spaces": [{"username": each} for each in ("alice", " alice", "alice \t")],
    "full width": [{"username": each} for each in ("alice", wide("alice"), wide("ALICE"))],
    "e-mail": [{"username": "alice"}, {"email": "alice@example.org"}, {"username": "ALICE"}],
    "e-mail's case": [{"email": f"{each}@example.org"} for each in ("alice", "Alice", "ALICE")],
    "e-mail as name": [
        {"username": "alice@example.org"},
        {"email": "alice@example.org"},
        {"username": "alice"},
    ],
    "second e-mail": [
        {"email": "alice@example.net"},
        {"email": "alice@example.org"},
        {"username": "alice"},
    ],
    "nobody's case": [{"username": each} for each in ("nobody", "NOBODY", wide("NOBODY"))],
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_no_spelling_gets_round_the_limit_of_a_person(
    cast: Cast, limited: Callable[[Limit, int], None], name: str
) -> None:
    EmailAddress.objects.create(user=cast.member, email="alice@example.net", verified=True)
    limited(LIMITS["failed log-in, by name"], 2)
    tries = [{**spelling, "password": "wrong"} for spelling in SPELLINGS[name]]
    tried = [was_tried(Browser().auth("POST", "auth/login", body)) for body in tries]
    assert tried == [True, True, False]
    # Others still may.
    other = {"username": "ada", "password": PASSWORD}
    assert Browser().auth("POST", "auth/login", other).status_code == 200


def test_the_right_password_through_another_port_does_not_end_a_lock_out(
    cast: Cast, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]

    def log_in(port: int, password: str) -> Any:
        browser = Browser()
        browser.defaults["HTTP_HOST"] = f"localhost:{port}"
        return browser.auth("POST", "auth/login", {"username": "alice", "password": password})

    for port in range(7000, 7003):
        answer = log_in(port, "wrong")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    for port in (80, 443, 80, 443, settings.PORT):
        log_in(port, "wrong")
    answer = log_in(settings.PORT, PASSWORD)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "too_many_login_attempts"


def test_networks_are_counted_apart(
    cast: Cast, limited: Callable[[Limit, int], None], chosen: Callable[..., Send]
) -> None:
    """An address that is mapped into IPv6 is not the network of all those."""
    for name in ("failed log-in, by address", "anybody"):
        limit = LIMITS[name]
        limited(limit, 2)
        for address in ("2001:db8:1:{}::1", "::ffff:192.0.2.{}", "192.0.3.{}"):
            choice = Choice(lambda n: {}, address=address.format)
            tried = [was_tried(limit.attempt(cast, chosen(choice, n), n)) for n in range(4)]
            assert tried == [True] * 4


def test_a_reset_lets_its_own_person_in_again_and_nobody_else(
    cast: Cast, limited: Callable[[Limit, int], None]
) -> None:
    """Whoever claims another's address and resets their own password ends no lock-out of theirs."""
    EmailAddress.objects.create(user=cast.admin, email="alice@example.org", verified=False)
    limited(LIMITS["failed log-in, by name"], 2)
    for username in ("alice", "ada"):
        for n in range(3):
            Browser().auth("POST", "auth/login", wrong(n, username))
    Browser().auth("POST", "auth/password/request", {"email": "ada@example.org"})
    body = {"key": key_in_mail(), "password": "another good battery"}
    assert Browser().auth("POST", "auth/password/reset", body).status_code == 401
    assert Browser().log_in("ada", "another good battery").status_code == 200
    refused = Browser().log_in("alice")
    assert refused.json()["errors"][0]["code"] == "too_many_login_attempts"
