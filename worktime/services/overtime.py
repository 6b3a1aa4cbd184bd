"""Overtime: longer days, approved by leads."""

from datetime import date
from decimal import Decimal

from accounts.cache import Person
from accounts.models import User
from config.db.retry import write
from config.errors import DomainError
from worktime.cache import visible_member
from worktime.models import OvertimeApproval
from worktime.services.records import lock_person


class NoSuchMember(DomainError):
    """The person does not work in the organisation, or is out of the approver's reach."""

    status = 404
    code = "not_found"
    detail = "There is no such member."


@write
def approve_overtime(*, approver: Person, user_id: int, day: date, hours: Decimal) -> None:
    """Let a member work `hours` beyond their normal ones on a day; 0 withdraws the approval.

    Raises NoSuchMember.
    """
    organization_id = approver.acting_role.organization_id
    try:
        lock_person(user_id)
    except User.DoesNotExist as error:
        raise NoSuchMember from error
    if visible_member(approver, user_id) is None:
        raise NoSuchMember
    if hours:
        OvertimeApproval.objects.update_or_create(
            user_id=user_id,
            organization_id=organization_id,
            date=day,
            defaults={"hours": hours, "approved_by_id": approver.id},
        )
    else:
        OvertimeApproval.objects.filter(
            user_id=user_id, organization_id=organization_id, date=day
        ).delete()
