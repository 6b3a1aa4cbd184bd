"""Writes about working time: clocking in and out.

"Now" is the database's clock, read after the person's row is locked: one clock for all workers,
and of two writes that queue the later one gets the later time.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.cache import Person
from accounts.models import User
from config.db import clock
from config.db.retry import write
from config.errors import DomainError, InvalidField
from organizations.cache import active_branch
from organizations.models import Branch, BranchAssignment, Organization
from worktime.cache import running_worktime
from worktime.models import NO_OVERLAP, ONE_RUNNING, WorkTime

BACKDATED_AT_MOST: Final = timedelta(hours=24)
CLOCKS_MAY_DIFFER_BY: Final = timedelta(seconds=60)
SHORTEST: Final = timedelta(microseconds=1)


class WorktimeCollides(DomainError):
    """The database refused the record because of another one, `record`, of the same person."""

    def __init__(self, record: WorkTime) -> None:
        self.record = record
        super().__init__()


class AlreadyClockedIn(WorktimeCollides):
    """A record is running."""

    code = "already_clocked_in"
    detail = "You are clocked in already."


class WorktimeOverlaps(WorktimeCollides):
    """A record covers part of that time."""

    code = "worktime_overlaps"
    detail = "There is a record in that time already."


class NeverClockedIn(DomainError):
    """There is nothing to stop, and never was."""

    status = 404
    code = "never_clocked_in"
    detail = "You have never clocked in."


class BranchRequired(DomainError):
    """No branch was given and none is active."""

    code = "branch_required"
    detail = "Give a branch, or choose an active one first."


class BankDetailsMissing(DomainError):
    """The organisation wants bank details before anyone works."""

    status = 403
    code = "bank_details_missing"
    detail = "Your organisation requires your bank details before you clock in."


@write
def start_worktime(
    *,
    person: Person,
    branch_id: int | None = None,
    started_at: datetime | None = None,
    notes: str = "",
) -> WorkTime:
    """Clock a person in, in the active organisation, and return the running record.

    `started_at` may lie up to 24 h back; up to 60 s ahead is taken as now. Without `branch_id`
    the active branch is taken. Raises AlreadyClockedIn, WorktimeOverlaps, BranchRequired,
    BankDetailsMissing, InvalidField.
    """
    organization_id = person.acting_role.organization_id
    user = _lock_person(person.id)
    organization = Organization.objects.get(pk=organization_id)
    if organization.require_bank_details and not user.bank_details.strip():
        raise BankDetailsMissing
    branch = _branch(person, branch_id)
    record = WorkTime(
        user=user,
        organization=organization,
        branch=branch,
        started_at=_start(started_at, clock.now()),
        time_zone=branch.time_zone or organization.time_zone or user.time_zone,
        notes=notes,
    )
    try:
        with transaction.atomic():
            record.save(force_insert=True)
    except IntegrityError as error:
        raise _collision(error, record) from error
    return record


@write
def stop_worktime(*, user_id: int) -> tuple[WorkTime, bool]:
    """Clock a person out and return the record and whether it was stopped already.

    Asking again returns the last stopped record. Raises NeverClockedIn.
    """
    _lock_person(user_id)
    if record := running_worktime(user_id):
        _end(record)
        return record, False
    last = (
        WorkTime.objects.filter(user_id=user_id)
        .select_related("user", "branch")
        .order_by("-started_at")
        .first()
    )
    if last is None:
        raise NeverClockedIn
    return last, True


def _end(record: WorkTime) -> None:
    # The database's clock may have been set back meanwhile; a record never ends at its start.
    record.ended_at = max(clock.now(), record.started_at + SHORTEST)
    record.save(update_fields=["ended_at", "updated_at"])


def _lock_person(user_id: int) -> User:
    """Make concurrent writes about one person queue, instead of deadlocking on constraints."""
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


def _branch(person: Person, branch_id: int | None) -> Branch:
    if branch_id is None:
        if branch := active_branch(person):
            return branch
        raise BranchRequired
    assignment = (
        BranchAssignment.objects.filter(
            user_id=person.id,
            branch_id=branch_id,
            branch__organization_id=person.acting_role.organization_id,
            branch__is_active=True,
        )
        .select_related("branch")
        .first()
    )
    if assignment is None:
        raise InvalidField("branch", "does_not_exist", "You are assigned to no such branch.")
    return assignment.branch


def _start(wanted: datetime | None, now: datetime) -> datetime:
    if wanted is None:
        return now
    if wanted > now + CLOCKS_MAY_DIFFER_BY:
        raise InvalidField("started_at", "future", "This time is in the future.")
    if wanted < now - BACKDATED_AT_MOST:
        raise InvalidField("started_at", "too_old", "This is more than 24 hours ago.")
    return min(wanted, now)


def _collision(error: IntegrityError, record: WorkTime) -> DomainError | IntegrityError:
    """Return the refusal for a violated constraint, with the record that stands in the way."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint == ONE_RUNNING and (running := running_worktime(record.user_id)):
        return AlreadyClockedIn(running)
    if constraint == NO_OVERLAP and (
        other := WorkTime.objects.overlapping(record.user_id, record.started_at, record.ended_at)
        .select_related("user", "branch")
        .first()
    ):
        return WorktimeOverlaps(other)
    return error


def end_worktime_of_leaver(user_id: int, organization_id: int, **kwargs: Any) -> None:
    """End what a person has running in an organisation; `membership_ended` calls this.

    Their row is locked already.
    """
    record = running_worktime(user_id)
    if record is not None and record.organization_id == organization_id:
        _end(record)
