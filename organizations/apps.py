from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Where people belong: organisations, their settings and branches."""

    name = "organizations"
