"""What mails say of this site does not depend on the Host of whoever asked for them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import allauth
import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache

from accounts.adapters import AccountAdapter
from accounts.models import User
from organizations.models import Organization
from tests.accounts.browser import PASSWORD, Browser, key_in_mail
from tests.accounts.test_second_factor import code
from tests.conftest import Api

EVIL: Final = "evil.example.org"
NEW: Final = "another good battery"
TOTP: Final = "account/authenticators/totp"
# Of what is switched off: log-in by code, reset and verification by code, security keys.
OFF: Final = {"login_code", "password_reset_code", "webauthn_added", "webauthn_removed"}
# Extended by others.
BASES: Final = {"base", "base_notification"}
# Of pages that this site does not lead to, and of nothing at all.
UNSENT: Final = {"password_set", "email_confirm"}
# Some are sent after COMMIT.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser(ada: User, alice: User, nordwind: Organization, settings: Any) -> Browser:
    """Alice's, logged in under a name that is none of ours."""
    settings.ALLOWED_HOSTS = ["*"]
    # Off as shipped; these mails name the site as well.
    settings.ACCOUNT_EMAIL_NOTIFICATIONS = True
    for user in (ada, alice):
        user.set_password(PASSWORD)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    browser = evil()
    assert browser.log_in().status_code == 200
    return browser


def evil() -> Browser:
    browser = Browser()
    browser.defaults["HTTP_HOST"] = EVIL
    return browser


def sign_up(browser: Browser, **changes: str) -> None:
    body = {"username": "nina", "email": "nina@example.org", "password": PASSWORD, **changes}
    assert evil().auth("POST", "auth/signup", body).status_code == 401


def change_address(browser: Browser) -> None:
    browser.auth("POST", "account/email", {"email": "new@example.org"})
    browser.auth("POST", "auth/email/verify", {"key": key_in_mail()})
    answer = browser.auth("PATCH", "account/email", {"email": "new@example.org", "primary": True})
    assert answer.status_code == 200
    old = {"email": "alice@example.org"}
    assert browser.auth("DELETE", "account/email", old).status_code == 200


def second_factor(browser: Browser) -> None:
    browser.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    secret = browser.auth("GET", TOTP).json()["meta"]["secret"]
    assert browser.auth("POST", TOTP, {"code": code(secret)}).status_code == 200
    codes = browser.auth("POST", "account/authenticators/recovery-codes")
    assert codes.status_code == 200
    assert browser.auth("DELETE", TOTP).status_code == 200


def change_password(browser: Browser) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert browser.auth("POST", "account/password/change", body).status_code == 200


def reset(browser: Browser) -> None:
    evil().auth("POST", "auth/password/request", {"email": "alice@example.org"})
    body = {"key": key_in_mail(), "password": NEW}
    assert evil().auth("POST", "auth/password/reset", body).status_code == 401


def reset_unknown(browser: Browser) -> None:
    evil().auth("POST", "auth/password/request", {"email": "nobody@example.org"})


WALKS: Final[dict[str, Callable[[Browser], None]]] = {
    "sign-up": sign_up,
    "sign-up with an address in use": lambda browser: sign_up(browser, email="ada@example.org"),
    "another address": change_address,
    "second factor": second_factor,
    "another password": change_password,
    "reset": reset,
    "reset of nobody": reset_unknown,
}
LINKED: Final = {
    "sign-up": "/accounts/confirm-email/",
    "sign-up with an address in use": "/accounts/password/reset/",
    "another address": "/accounts/confirm-email/",
    "reset": "/accounts/password/reset/key/",
    "reset of nobody": "/accounts/signup/",
}


def links(message: Any) -> list[str]:
    return re.findall(r"https?://\S+", str(message.body))


@pytest.mark.parametrize("name", WALKS)
def test_mails_of_log_in(browser: Browser, settings: Any, name: str) -> None:
    WALKS[name](browser)
    assert mail.outbox
    for message in mail.outbox:
        whole = f"{message.subject}\n{message.body}\n{message.extra_headers}"
        assert EVIL not in whole
        assert message.subject.startswith("[Stechuhr] ")
        assert "Stechuhr" in message.body
        assert all(link.startswith(f"{settings.FRONTEND_URL}/") for link in links(message))
    found = [link for message in mail.outbox for link in links(message)]
    if name in LINKED:
        assert f"{settings.FRONTEND_URL}{LINKED[name]}" in found[0]
        # The page is there.
        path = found[0].removeprefix(settings.FRONTEND_URL)
        assert browser.get(path, follow=True).status_code == 200
    else:
        assert found == []


def test_all_mails_of_log_in_are_sent_above(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = set[str]()
    render = AccountAdapter.render_mail

    def note(self: Any, template_prefix: str, *arguments: Any, **options: Any) -> Any:
        sent.add(template_prefix.rpartition("/")[2])
        return render(self, template_prefix, *arguments, **options)

    monkeypatch.setattr(AccountAdapter, "render_mail", note)
    for name in WALKS:
        cache.clear()
        User.objects.filter(username="nina").delete()
        alice = User.objects.get(username="alice")
        EmailAddress.objects.filter(user=alice).delete()
        EmailAddress.objects.create(
            user=alice, email="alice@example.org", verified=True, primary=True
        )
        alice.email = "alice@example.org"
        alice.set_password(PASSWORD)
        alice.save()
        browser = evil()
        assert browser.log_in().status_code == 200
        WALKS[name](browser)
    folders = Path(allauth.__file__).parent.glob("templates/*/email/*_message.txt")
    known = {
        path.name.removesuffix("_message.txt")
        for path in folders
        if path.parts[-3] in {"account", "mfa"}
    }
    assert sent == known - BASES - OFF - UNSENT


def test_an_invitation(ada: User, nordwind: Organization, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = Api(ada)
    client.defaults["HTTP_HOST"] = EVIL
    body = {"email": "nina@example.org", "role": nordwind.roles.get(name="Member").id}
    assert client.post_json("/api/invitations/", body).status_code == 201
    [message] = mail.outbox
    assert EVIL not in f"{message.subject}{message.body}"
    assert links(message)[0].startswith(f"{settings.FRONTEND_URL}/invitations/accept?token=")
