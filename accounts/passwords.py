"""What follows from a changed password, whoever changes it and however."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from accounts.services import end_tokens, lock_person


class TokensEnd:
    """One of AUTH_PASSWORD_VALIDATORS: Django tells them of each new password once it is saved."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        """Take any password."""

    def get_help_text(self) -> str:
        """Return what the person should know."""
        return "Changing the password ends all your sessions elsewhere and all your tokens."

    def password_changed(self, password: str, user: AbstractBaseUser) -> None:
        """End the person's tokens, also one that is being made just now."""
        with transaction.atomic():
            lock_person(user.pk, ends_rights=True)
            end_tokens(user.pk)
