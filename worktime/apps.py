from django.apps import AppConfig


class WorktimeConfig(AppConfig):
    """When people worked."""

    name = "worktime"
    verbose_name = "Working time"

    def ready(self) -> None:
        """End what runs when a membership ends; have caches hear of changed rows."""
        from organizations.signals import membership_ended, organization_closed
        from worktime import signals
        from worktime.services.clocking import end_worktime_of_leaver, end_worktimes_of_closed

        membership_ended.connect(end_worktime_of_leaver, dispatch_uid="worktime.leaver")
        organization_closed.connect(end_worktimes_of_closed, dispatch_uid="worktime.closed")
        signals.connect()
