"""Registers the platform as an app, so that its checks and commands are found."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PlatformConfig(AppConfig):
    """The platform's own app: tables, checks and commands that belong to no domain."""

    name = "config"
    verbose_name = "Platform"

    def ready(self) -> None:
        """Register the checks; publish the caches' figures; let entries fall with a migration."""
        from config import checks  # noqa: F401  (importing registers)
        from config.cache import figures

        figures.publish()
        post_migrate.connect(_everything_changed, sender=self)


def _everything_changed(**kwargs: Any) -> None:
    from config.cache import EVERYTHING, changed

    changed(EVERYTHING)
