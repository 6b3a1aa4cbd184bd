from django.apps import AppConfig


class WorktimeConfig(AppConfig):
    """When people worked."""

    name = "worktime"
    verbose_name = "Working time"
