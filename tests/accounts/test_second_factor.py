"""One-time codes, recovery codes and the list of sessions, as a browser app uses them."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings

from accounts.models import User
from accounts.services import log_out_everywhere
from tests.accounts.browser import PASSWORD, Browser, flows
from tests.conftest import Api
from tests.race import at_once

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
    forget_steps()
    return secret


def forget_steps() -> None:
    """Have it count as long ago that a code was used."""
    for each in Authenticator.objects.filter(type=Authenticator.Type.TOTP):
        each.data["last_step"] = 0
        each.save()


def test_a_second_factor_is_asked_for(secret: str) -> None:
    other = Browser()
    assert flows(other.log_in())["mfa_authenticate"]
    assert other.get("/api/me/").status_code == 401
    assert other.auth("POST", "auth/2fa/authenticate", {"code": "000000"}).status_code == 400
    body = {"code": code(secret)}
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
    # Their address was a claim meanwhile.
    assert flows(browser.log_in())["verify_email"]
    EmailAddress.objects.filter(user=alice).update(verified=True)
    assert Browser().log_in().status_code == 200


@pytest.mark.parametrize("way", ["password", "logged out"])
def test_a_log_in_that_waits_ends_with_what_let_it_in(secret: str, alice: User, way: str) -> None:
    thief = Browser()
    assert flows(thief.log_in())["mfa_authenticate"]
    if way == "password":
        user = User.objects.get(pk=alice.pk)
        user.set_password("an0ther-secret")
        user.save()
    else:
        log_out_everywhere(user_id=alice.pk)
    assert thief.auth("POST", "auth/2fa/authenticate", {"code": code(secret)}).status_code == 403
    assert thief.get("/api/me/").status_code == 401


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


def test_a_code_works_once(secret: str) -> None:
    body = {"code": code(secret)}
    first, second = Browser(), Browser()
    for each in (first, second):
        assert flows(each.log_in())["mfa_authenticate"]
    assert first.auth("POST", "auth/2fa/authenticate", body).status_code == 200
    cache.clear()
    assert second.auth("POST", "auth/2fa/authenticate", body).status_code == 400


def test_an_earlier_code_does_not_work_after_a_later_one(secret: str) -> None:
    earlier, now, later = (
        totp.format_hotp_value(totp.hotp_value(secret, step))
        for step in totp.yield_hotp_counters_from_time()
    )
    for given, status in ((now, 200), (earlier, 400), (now, 400), (later, 200), (later, 400)):
        browser = Browser()
        browser.log_in()
        cache.clear()
        answer = browser.auth("POST", "auth/2fa/authenticate", {"code": given})
        assert answer.status_code == status


def test_the_code_that_set_it_up_is_used(browser: Browser) -> None:
    secret = str(browser.auth("GET", TOTP).json()["meta"]["secret"])
    browser.auth("POST", "auth/reauthenticate", {"password": PASSWORD})
    _, step, _ = totp.yield_hotp_counters_from_time()
    now = totp.format_hotp_value(totp.hotp_value(secret, step))
    assert browser.auth("POST", TOTP, {"code": now}).status_code == 200
    other = Browser()
    other.log_in()
    assert other.auth("POST", "auth/2fa/authenticate", {"code": now}).status_code == 400


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["one-time", "recovery"])
def test_of_many_at_once_one_gets_in(secret: str, browser: Browser, kind: str) -> None:
    given = code(secret)
    if kind == "recovery":
        codes = browser.auth("GET", "account/authenticators/recovery-codes").json()
        given = codes["data"]["unused_codes"][0]
    browsers = [Browser() for _ in range(6)]
    for each in browsers:
        each.log_in()
    cache.clear()
    statuses = at_once(
        6, lambda n: browsers[n].auth("POST", "auth/2fa/authenticate", {"code": given}).status_code
    )
    assert sorted(statuses) == [200, *[400] * 5]
