"""Registers the platform as an app, so that its checks and commands are found."""

from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """The platform's own app: tables, checks and commands that belong to no domain."""

    name = "config"
    verbose_name = "Platform"

    def ready(self) -> None:
        """Register the checks."""
        from config import checks  # noqa: F401  (importing registers)
