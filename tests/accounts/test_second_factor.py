"""One-time codes, recovery codes and the list of sessions, as a browser app uses them."""

from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.test import override_settings

from accounts.models import User
from tests.accounts.browser import PASSWORD, Browser, flows
from tests.conftest import Api

TOTP = "account/authenticators/totp"
RECOVERY = "account/authenticators/recovery-codes"


@pytest.fixture
def browser(alice: User) -> Browser:
    """Alice's, logged in."""
    alice.set_password(PASSWORD)
    alice.save()
    EmailAddress.objects.create(user=alice, email=alice.email, verified=True, primary=True)
    browser = Browser()
    assert browser.log_in().status_code == 200
    return browser


def code(secret: str) -> str:
    counter = next(iter(totp.yield_hotp_counters_from_time()))
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))


@pytest.fixture
def secret(browser: Browser) -> str:
    """What alice's phone knows."""
    offered = browser.auth("GET", TOTP)
    assert offered.status_code == 404
    secret = str(offered.json()["meta"]["secret"])
    assert browser.auth("POST", TOTP, {"code": code(secret)}).status_code == 401
    browser.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    activated = browser.auth("POST", TOTP, {"code": code(secret)})
    assert activated.status_code == 200, activated.content
    return secret


def test_a_second_factor_is_asked_for(secret: str) -> None:
    other = Browser()
    assert flows(other.log_in())["mfa_authenticate"]
    assert other.get("/api/me/").status_code == 401
    assert other.auth("POST", "auth/2fa/authenticate", {"code": "000000"}).status_code == 400
    body = {"code": code(secret)}
    with patch.object(totp.TOTP, "_mark_code_used", return_value=False):
        assert other.auth("POST", "auth/2fa/authenticate", body).status_code == 400
    with patch.object(totp.TOTP, "_mark_code_used", return_value=True):
        assert other.auth("POST", "auth/2fa/authenticate", body).status_code == 200
    assert other.get("/api/me/").status_code == 200


def test_a_recovery_code_counts_once(browser: Browser, secret: str) -> None:
    codes = browser.auth("GET", RECOVERY).json()["data"]["unused_codes"]
    assert len(codes) == 10
    for expected in (200, 400):
        other = Browser()
        other.log_in()
        answer = other.auth("POST", "auth/2fa/authenticate", {"code": codes[0]})
        assert answer.status_code == expected


def test_its_seeds_are_encrypted(secret: str) -> None:
    for row in Authenticator.objects.values():
        assert secret not in str(row)
    stored = Authenticator.objects.get(type="totp")
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert decrypt(stored.data["secret"]) == secret


def test_sessions_are_listed_and_ended(browser: Browser) -> None:
    other = Browser()
    other.log_in()
    listed = browser.auth("GET", "auth/sessions").json()["data"]
    assert [session["is_current"] for session in listed].count(True) == 1
    assert len(listed) == 2
    gone = [session["id"] for session in listed if not session["is_current"]]
    assert browser.auth("DELETE", "auth/sessions", {"sessions": gone}).status_code == 200
    assert other.get("/api/me/").status_code == 401
    assert browser.get("/api/me/").status_code == 200


def test_who_comes_back_has_to_log_in_again(browser: Browser, ada: User, alice: User) -> None:
    admin = Api(ada)
    assert browser.get("/api/me/").status_code == 200
    for is_active in (False, True):
        admin.send("PATCH", f"/api/users/{alice.id}/", {"is_active": is_active})
    assert browser.get("/api/me/").status_code == 401
    assert browser.log_in().status_code == 200


def test_the_admins_log_in_is_behind_the_same(secret: str, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    other = Browser()
    page = other.get("/admin/login/?next=/admin/", follow=True)
    assert page.redirect_chain[-1][0].startswith("/accounts/login/")
    form = {
        "login": "alice",
        "password": PASSWORD,
        "csrfmiddlewaretoken": page.context["csrf_token"],
    }
    answer = other.post("/accounts/login/", form)
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert other.get("/admin/").status_code == 302
