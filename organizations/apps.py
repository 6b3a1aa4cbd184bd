from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Where people belong: organisations, their settings and branches."""

    name = "organizations"

    def ready(self) -> None:
        """Have caches hear of changed rows."""
        from organizations import signals

        signals.connect()
