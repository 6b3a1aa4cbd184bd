"""Overtime: longer days, approved by leads."""

from datetime import date
from decimal import Decimal

from config.db.retry import write
from worktime.models import OvertimeApproval
from worktime.services.records import lock_person


@write
def approve_overtime(
    *, approver_id: int, organization_id: int, user_id: int, day: date, hours: Decimal
) -> None:
    """Let a person work `hours` beyond their normal ones on a day; 0 withdraws the approval."""
    lock_person(user_id)
    if hours:
        OvertimeApproval.objects.update_or_create(
            user_id=user_id,
            organization_id=organization_id,
            date=day,
            defaults={"hours": hours, "approved_by_id": approver_id},
        )
    else:
        OvertimeApproval.objects.filter(
            user_id=user_id, organization_id=organization_id, date=day
        ).delete()
