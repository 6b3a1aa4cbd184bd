from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who someone is and what they may do."""

    name = "accounts"

    def ready(self) -> None:
        """Have caches fall when allauth changes a person's e-mail, as no service of ours does."""
        from allauth.account.signals import email_changed, email_removed

        for signal in (email_changed, email_removed):
            signal.connect(_person_changed, dispatch_uid="accounts.person_changed")


def _person_changed(user: Any, **kwargs: Any) -> None:
    from accounts.cache import person_fact
    from config.cache import changed

    changed(person_fact(user.pk))
