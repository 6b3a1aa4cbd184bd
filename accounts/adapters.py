"""What allauth asks the house: how mail goes out, what failed log-ins are counted by, how the
second factor's secrets are stored."""

import base64
import hashlib
import logging
from collections.abc import Iterable
from smtplib import SMTPException
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from accounts.lookups import claimants_of, find_person
from accounts.models import User
from config.addresses import address_of
from config.errors import DomainError
from config.names import normal_form, validate_ascii_email

logger = logging.getLogger(__name__)

LET_IN_BY: Final = "let_in_by"  # in a session whose log-in waits for another step
LOGIN_FAILED: Final = "login_failed"
# Of people who claim one address; more of them make no log-in dear, and no flood of mails.
MOST_CLAIMANTS: Final = 5
username_validators = User._meta.get_field("username").validators


class MailUnavailable(DomainError):
    """A mail that the answer depends on could not be handed over."""

    status = 503
    code = "mail_unavailable"
    detail = "The mail could not be sent. Please ask for it again in a while."
    retry_after = 30.0


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Takes nothing from the request's Host: neither what mails say nor what limits count by."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one mail, which names the site as it is set up; raise MailUnavailable.

        An account that was made meanwhile stays.
        """
        site = SimpleNamespace(name="Stechuhr", domain=urlsplit(settings.FRONTEND_URL).netloc)
        try:
            super().send_mail(template_prefix, email, {**context, "current_site": site})
        except (SMTPException, OSError) as error:
            logger.warning("mail not sent template=%s error=%r", template_prefix, error)
            raise MailUnavailable from error

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> Any:
        """Remember what lets a person in, until the last step of their log-in."""
        request.session[LET_IN_BY] = user.get_session_auth_hash()
        return super().pre_login(request, user, **kwargs)

    def login(self, request: HttpRequest, user: User) -> None:
        """Log a person in; raise PermissionDenied if their password or sessions ended meanwhile."""
        before, now = request.session.pop(LET_IN_BY, ""), user.get_session_auth_hash()
        if before and not constant_time_compare(before, now):
            request.session.flush()
            raise PermissionDenied
        super().login(request, user)

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Mail a link for a reset, as far as the mailbox can be the person's.

        A claimed address does not open an account that has a verified one: it may be mistyped, and
        so another's. An address that many claim gets a few mails, not one for each.
        """
        verified = set(
            EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
        )
        if verified and email.lower() not in verified:
            return
        request = context["request"]
        mailed = getattr(request, "resets_mailed", 0)
        if mailed < MOST_CLAIMANTS:
            request.resets_mailed = mailed + 1
            super().send_password_reset_mail(user, email, context)

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Return a user name that nobody has in any form; raise ValidationError."""
        username = str(super().clean_username(username, shallow=True))
        if not shallow and find_person(username):
            raise self.validation_error("username_taken")
        return username

    def clean_email(self, email: str) -> str:
        """Return an address as it is stored; raise ValidationError."""
        validate_ascii_email(email)
        return email.lower()

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the caller's address; raise PermissionDenied where it is not known."""
        address = address_of(request)
        return str(address) if address else str(super().get_client_ip(request))

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count a try, once by its address and once by each person whom it may let in.

        So a person's user name and e-mails share a count. Raises ValidationError beyond a limit.
        """
        counts = [ratelimit.consume(request, **_failures("ip"))]
        for key in _counted_by(credentials):
            counts.append(ratelimit.consume(request, **_failures("key"), key=key))
        if not all(counts):
            raise self.validation_error("too_many_login_attempts")
        # What a log-in that works takes back.
        self._login_failed_rl_usage = ratelimit.RateLimitUsage(
            [each for count in counts for each in count.usage]
        )

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """Do nothing: this knows an address that is claimed, `forget_failures` the person."""


def forget_failures(request: HttpRequest, user_id: int) -> None:
    """Forget a person's failed log-ins."""
    ratelimit.clear(request, **_failures("key"), key=_key_of(user_id))


def _failures(per: str) -> dict[str, Any]:
    """Return what allauth's limit of failed log-ins is called, with its rates per "ip" or "key"."""
    rates = app_settings.RATE_LIMITS[LOGIN_FAILED].split(",")
    meant = ",".join(rate for rate in rates if rate.endswith(f"/{per}"))
    return {"app": "allauth.account", "action": LOGIN_FAILED, "config": {LOGIN_FAILED: meant}}


def _counted_by(credentials: dict[str, Any]) -> Iterable[str]:
    """Return a key for each person whom the log-in may be; of nobody, one for what was typed."""
    username, email = (credentials.get(name) or "" for name in ("username", "email"))
    reached = {
        user.pk
        for typed in {normal_form(username), normal_form(email)} - {""}
        # allauth's backend takes a user name for an e-mail too.
        for user in (*claimants_of(typed)[:MOST_CLAIMANTS], find_person(typed))
        if user
    }
    return sorted(map(_key_of, reached)) or [f"nobody:{normal_form(email or username)}"]


def _key_of(user_id: int) -> str:
    return f"person:{user_id}"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Encrypts the seeds of one-time and recovery codes; a copy of the table is no second factor.

    SECRET_KEY_FALLBACKS still decrypt, so the key can be changed.
    """

    def encrypt(self, text: str) -> str:
        """Return `text` as it is stored."""
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was encrypted; raise InvalidToken for anything else."""
        return _fernet().decrypt(encrypted_text.encode()).decode()


def _fernet() -> MultiFernet:
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    # SECRET_KEY is long and random, so a hash makes a key of it; the prefix keeps it to this use.
    return base64.urlsafe_b64encode(hashlib.sha256(f"second factor:{key}".encode()).digest())
