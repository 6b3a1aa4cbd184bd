"""No limit is got round by what a caller chooses: a header, a cookie, the spelling of a name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from time import time
from typing import Any, Final

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache, caches
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import User
from config.cache import counting
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser, key_in_mail
from tests.accounts.test_second_factor import code
from tests.conftest import Api

REFUSALS: Final = {"too_many_login_attempts", "rate_limited"}


# --- What a caller chooses ------------------------------------------------------------------------


@dataclass(frozen=True)
class Choice:
    """What a caller sends the nth time, through as many trusted proxies."""

    sent: Callable[[int], dict[str, str]]
    proxies: int = 0
    address: Callable[[int], str] = lambda n: "192.0.2.1"


PEERS_WORD: Final = ", 192.0.2.1"
CHOICES: Final[dict[str, Choice]] = {
    "Host": Choice(lambda n: {"Host": f"time{n}.example.org"}),
    "Host's port": Choice(lambda n: {"Host": ("localhost", "localhost:80")[n]}),
    "Host's case": Choice(lambda n: {"Host": ("localhost", "LOCALHOST")[n]}),
    "X-Forwarded-For": Choice(lambda n: {"X-Forwarded-For": f"10.0.0.{n}"}),
    "X-Forwarded-For, before one proxy's word": Choice(
        lambda n: {"X-Forwarded-For": f"10.0.0.{n}{PEERS_WORD}"}, proxies=1
    ),
    "X-Forwarded-For, before two proxies' words": Choice(
        lambda n: {"X-Forwarded-For": f"10.0.0.{n}{PEERS_WORD}, 10.9.9.{n}"}, proxies=2
    ),
    "X-Forwarded-For, of fewer proxies than there are": Choice(
        lambda n: {"X-Forwarded-For": f"10.0.0.{n}"}, proxies=2
    ),
    "X-Forwarded-For, with a port": Choice(
        lambda n: {"X-Forwarded-For": f"192.0.2.1:{5000 + n}"}, proxies=1
    ),
    "X-Forwarded-For, mapped": Choice(
        lambda n: {"X-Forwarded-For": ("192.0.2.1", "::ffff:192.0.2.1")[n]},
        proxies=1,
    ),
    "X-Forwarded-For, IPv6 of one network": Choice(
        lambda n: {"X-Forwarded-For": f"2001:db8:1:2:{n}::{n}"}, proxies=1
    ),
    "X-Forwarded-For, IPv6 with a port": Choice(
        lambda n: {"X-Forwarded-For": f"[2001:db8:1:2::1]:{5000 + n}"}, proxies=1
    ),
    "X-Forwarded-For, of no address": Choice(
        lambda n: {"X-Forwarded-For": f"nowhere-{n}"}, proxies=1
    ),
    "the peer's IPv6": Choice(lambda n: {}, address=lambda n: f"2001:db8:1:2::{n}"),
    "what nobody believes": Choice(
        lambda n: {
            **dict.fromkeys(("X-Real-IP", "CF-Connecting-IP", "True-Client-IP"), f"10.0.0.{n}"),
            "Forwarded": f"for=10.0.0.{n};host=h{n}.example.org",
            "X-Client-IP": f"10.0.0.{n}",
            "X-Forwarded-Host": f"h{n}.example.org",
            "X-Forwarded-Port": f"{5000 + n}",
            "X-Request-ID": f"request-{n}",
        },
        proxies=1,
    ),
    "what a browser says of itself": Choice(
        lambda n: {
            "User-Agent": f"agent/{n}",
            "Accept-Language": ("en", "de")[n],
            "Accept": ("*/*", "application/json")[n],
            "Referer": f"https://localhost/{n}",
            "Idempotency-Key": f"key-{n}",
        }
    ),
}


# --- What is limited ------------------------------------------------------------------------------


class Cast:
    """Who takes part; each has a password and a verified address."""

    def __init__(self, admin: User, member: User, organization: Organization) -> None:
        self.admin, self.member, self.organization = admin, member, organization
        for user in (admin, member):
            user.set_password(PASSWORD)
            user.save()
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        self.browser = Browser()
        assert self.browser.log_in().status_code == 200

    def anew(self) -> Browser:
        """Return a browser that nobody has used: each has cookies of its own."""
        return Browser()


Send = Callable[..., Any]
Try = Callable[[Cast, Send, int], Any]


@dataclass(frozen=True)
class Limit:
    """A limit: where it is set, by what it counts ("": ours), and one try that it counts."""

    setting: str
    per: str
    attempt: Try
    prepare: Callable[[Cast], None] = lambda cast: None


def auth(path: str, body: Callable[[int], Any], method: str = "POST") -> Try:
    """Return a try of a stranger, each time with new cookies."""
    return lambda cast, send, n: send(cast.anew(), method, path, body(n))


def as_member(path: str, body: Callable[[int], Any], method: str = "POST") -> Try:
    """Return a try of whoever is logged in."""
    return lambda cast, send, n: send(cast.browser, method, path, body(n))


def wrong(n: int, username: str = "alice") -> dict[str, str]:
    return {"username": username, "password": f"wrong {n}"}


def second_factor(cast: Cast) -> None:
    browser = cast.browser
    browser.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    secret = browser.auth("GET", "account/authenticators/totp").json()["meta"]["secret"]
    body = {"code": code(secret)}
    assert browser.auth("POST", "account/authenticators/totp", body).status_code == 200
    browser.log_in()
    cast.browser = Browser()
    assert cast.browser.log_in().status_code == 401


def verification(cast: Cast, send: Send, n: int) -> Any:
    """Log in with an address that is not verified, which mails; None if it does not."""
    EmailAddress.objects.filter(user=cast.admin).update(verified=False)
    before = len(mail.outbox)
    send(cast.anew(), "POST", "auth/login", {"username": "ada", "password": PASSWORD})
    return True if len(mail.outbox) > before else None


def api(method: str, path: str, body: Callable[[Cast, int], Any] = lambda cast, n: None) -> Try:
    """Return a try of the admin, by our own API."""
    return lambda cast, send, n: send(Api(cast.admin), method, path, body(cast, n))


LIMITS: Final[dict[str, Limit]] = {
    "log-in": Limit("login", "ip", auth("auth/login", lambda n: wrong(n, f"nobody{n}"))),
    "failed log-in, by address": Limit(
        "login_failed", "ip", auth("auth/login", lambda n: wrong(n, f"nobody{n}"))
    ),
    "failed log-in, by name": Limit("login_failed", "key", auth("auth/login", wrong)),
    "failed log-in, by second factor": Limit(
        "login_failed",
        "key",
        as_member("auth/2fa/authenticate", lambda n: {"code": f"00000{n}"}),
        second_factor,
    ),
    "reset, by address": Limit(
        "reset_password",
        "ip",
        auth("auth/password/request", lambda n: {"email": f"nobody{n}@example.org"}),
    ),
    "reset, by e-mail": Limit(
        "reset_password",
        "key",
        auth("auth/password/request", lambda n: {"email": "alice@example.org"}),
    ),
    "reset from key": Limit(
        "reset_password_from_key",
        "ip",
        auth("auth/password/reset", lambda n: {"key": f"1-{n}", "password": PASSWORD}),
    ),
    "sign-up": Limit(
        "signup",
        "ip",
        auth(
            "auth/signup",
            lambda n: {"username": f"n{n}", "email": f"n{n}@example.org", "password": PASSWORD},
        ),
    ),
    "verification": Limit("confirm_email", "key", verification),
    "change of password": Limit(
        "change_password",
        "user",
        as_member(
            "account/password/change",
            lambda n: {"current_password": "wrong", "new_password": "another good battery"},
        ),
    ),
    "reauthentication": Limit(
        "reauthenticate",
        "user",
        as_member("auth/reauthenticate", lambda n: {"password": f"wrong {n}"}),
    ),
    "addresses": Limit(
        "manage_email",
        "user",
        as_member("account/email", lambda n: {"email": f"n{n}@example.org"}, "DELETE"),
    ),
    "anybody": Limit(
        "anon", "", lambda cast, send, n: send(cast.anew(), "GET", "/api/me/", None)
    ),
    "somebody": Limit("user", "", api("GET", "/api/me/")),
    "search": Limit("search", "", api("GET", "/api/organizations/search/?q=nord")),
    "founding": Limit(
        "found",
        "",
        api("POST", "/api/organizations/", lambda cast, n: {"name": f"x{n}", "display_name": "X"}),
    ),
    "asking to join": Limit(
        "apply", "", api("POST", "/api/join-requests/", lambda cast, n: {"organization": 0})
    ),
    "inviting": Limit(
        "invite",
        "",
        api(
            "POST",
            "/api/invitations/",
            lambda cast, n: {"email": f"n{n}@example.org", "role": 0},
        ),
    ),
}
# What is switched off here, with the route that would be limited.
OFF: Final = {
    "change_phone": "account/phone",
    "verify_phone": "auth/phone/verify",
    "request_login_code": "auth/code/request",
    "webauthn_login": "auth/webauthn/login",
}


def allauth_limits() -> dict[str, str]:
    return {
        name: rates
        for app in ("account", "mfa")
        for name, rates in import_module(f"allauth.{app}.app_settings").RATE_LIMITS.items()
    }


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
    stock = {**allauth_limits(), **api_settings.DEFAULT_THROTTLE_RATES}

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
    return Cast(ada, alice, nordwind)


@pytest.fixture
def chosen(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Send]]:
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


SPELLINGS: Final[dict[str, list[dict[str, str]]]] = {
    "case": [{"username": each} for each in ("alice", "Alice", "ALICE")],
    "spaces": [{"username": each} for each in ("alice", " alice", "alice \t")],
    "full width": [{"username": each} for each in ("alice", "ａｌｉｃｅ", "ＡＬＩＣＥ")],
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
    "nobody's case": [{"username": each} for each in ("nobody", "NOBODY", "ＮＯＢＯＤＹ")],
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
        for address in ("2001:db8:1:%s::1", "::ffff:192.0.2.%s", "192.0.3.%s"):
            choice = Choice(lambda n: {}, address=lambda n, address=address: address % n)
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
