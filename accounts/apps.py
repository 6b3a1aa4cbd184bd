from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who someone is and what they may do."""

    name = "accounts"

    def ready(self) -> None:
        """Have caches hear of changed rows, and allauth keep what the house promises."""
        from accounts import signals, stricter

        signals.connect()
        stricter.apply()
