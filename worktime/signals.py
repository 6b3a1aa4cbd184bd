"""Facts of records and approvals that are saved or deleted one by one.

What `bulk_create` stores sends no signal: services say `changed` then.
"""

from typing import Any

from django.db.models.signals import post_delete, post_save

from config.cache import changed
from worktime.cache import worktime_fact
from worktime.models import OvertimeApproval, WorkTime


def connect() -> None:
    """Listen from now on."""
    for model in (WorkTime, OvertimeApproval):
        post_save.connect(_row_changed, model)
        post_delete.connect(_row_changed, model)


def _row_changed(instance: WorkTime | OvertimeApproval, **kwargs: Any) -> None:
    changed(worktime_fact(instance.user_id))
