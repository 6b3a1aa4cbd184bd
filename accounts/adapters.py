"""What allauth asks the house: how mail goes out, how the second factor's secrets are stored."""

import base64
import hashlib
import logging
from smtplib import SMTPException
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from config.errors import DomainError

logger = logging.getLogger(__name__)


class MailUnavailable(DomainError):
    """A mail that the answer depends on could not be handed over."""

    status = 503
    code = "mail_unavailable"
    detail = "The mail could not be sent. Please ask for it again in a while."
    retry_after = 30.0


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Says so when the mail server is away; an account that was made meanwhile stays."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one mail; raise MailUnavailable."""
        try:
            super().send_mail(template_prefix, email, context)
        except (SMTPException, OSError) as error:
            logger.warning("mail not sent template=%s error=%r", template_prefix, error)
            raise MailUnavailable from error


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
