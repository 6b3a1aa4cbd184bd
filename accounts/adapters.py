"""What allauth asks the house: how the second factor's secrets are stored."""

import base64
import hashlib

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


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
