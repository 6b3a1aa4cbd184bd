"""All limits, each with a try that it counts; and all that a caller may send to get round one."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import User
from tests.accounts.browser import PASSWORD, Browser
from tests.accounts.test_second_factor import code
from tests.conftest import Api

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

    def __init__(self, admin: User, member: User) -> None:
        self.admin, self.member = admin, member
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
    "anybody": Limit("anon", "", lambda cast, send, n: send(cast.anew(), "GET", "/api/me/", None)),
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
    "adding people": Limit("add", "", api("POST", "/api/users/", lambda cast, n: {})),
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
