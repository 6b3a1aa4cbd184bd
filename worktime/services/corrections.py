"""Records made, changed and deleted after the fact. Each leaves a revision."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from accounts.cache import Person
from accounts.models import User
from config.db import clock
from config.db.retry import write
from config.errors import DomainError, InvalidField
from organizations.models import Organization
from worktime.cache import SHOWN, stretch_of
from worktime.models import EARLIEST, Action, Source, WorkTime
from worktime.services.clocking import CLOCKS_MAY_DIFFER_BY, BranchRequired, branch_of
from worktime.services.limits import refuse_beyond_limit
from worktime.services.records import (
    Author,
    assigned_branch,
    lock_person,
    revision,
    state_of,
    store,
    zone_of,
)

CHANGEABLE: Final = ("branch", "started_at", "ended_at", "notes")


class NoSuchWorktime(DomainError):
    """The record is gone, or out of the author's reach."""

    status = 404
    code = "not_found"
    detail = "There is no such record."


@write
def create_worktime(
    *,
    person: Person,
    user_id: int,
    branch_id: int | None = None,
    started_at: datetime,
    ended_at: datetime,
    notes: str = "",
    reason: str = "",
) -> WorkTime:
    """Record work after the fact, one's own or (within reach) a member's; return the record.

    Without `branch_id` one's own active branch is taken. Raises WorktimeOverlaps, BranchRequired,
    DailyLimitReached (one's own where the limit is enforced), InvalidField.
    """
    is_own = user_id == person.id
    organization_id = person.acting_role.organization_id
    user = lock_person(user_id)
    organization = Organization.objects.get(pk=organization_id)
    if is_own:
        branch = branch_of(person, branch_id)
    elif branch_id is None:
        raise BranchRequired
    else:
        covered = person.acting_role.branches
        branch = assigned_branch(user_id, organization_id, branch_id, covered)
    now = clock.now()
    begin, end = checked_times(started_at, ended_at, now)
    record = WorkTime(
        user=user,
        organization=organization,
        branch=branch,
        started_at=begin,
        ended_at=end,
        time_zone=zone_of(branch, organization, user),
        notes=notes,
        source=Source.MANUAL if is_own else Source.LEAD,
        edited_by=None if is_own else User.objects.get(pk=person.id),
    )
    store(record)
    if is_own:
        refuse_beyond_limit(user, organization, record, now=now)
    revision(record, Action.CREATED, author_id=person.id, at=now, reason=reason).save()
    return record


@write
def change_worktime(
    *, author: Author, worktime_id: int, changes: Mapping[str, Any], reason: str = ""
) -> WorkTime:
    """Change some of a record's `CHANGEABLE` fields (`branch` is an id) and return it.

    A finished record needs a reason and stays finished. What changes nothing leaves no revision.
    Raises NoSuchWorktime, WorktimeOverlaps, DailyLimitReached, InvalidField.
    """
    user, record, organization = _locked(author, worktime_id)
    now, before, was_running = clock.now(), state_of(record), record.ended_at is None
    stretch = stretch_of(record)
    is_own = author.id == record.user_id
    if changes.get("branch", record.branch_id) != record.branch_id:
        record.branch = assigned_branch(
            record.user_id,
            record.organization_id,
            changes["branch"],
            None if is_own else author.branches,
        )
        record.time_zone = zone_of(record.branch, organization, user)
    record.started_at = changes.get("started_at", record.started_at)
    record.ended_at = changes.get("ended_at", record.ended_at)
    record.notes = changes.get("notes", record.notes)
    if record.ended_at is None and not was_running:
        raise InvalidField("ended_at", "null", "A finished record cannot run again.")
    if {"started_at", "ended_at"} & changes.keys():
        record.started_at, record.ended_at = checked_times(record.started_at, record.ended_at, now)
    if state_of(record) == before:
        return record
    _demand_reason(reason, was_running)
    if not is_own:
        record.edited_by = User.objects.get(pk=author.id)
    store(record, (*CHANGEABLE, "time_zone", "edited_by"))
    if is_own:
        refuse_beyond_limit(user, organization, record, now=now, before=stretch)
    revision(
        record, Action.CHANGED, author_id=author.id, at=now, reason=reason, before=before
    ).save()
    return record


@write
def delete_worktime(*, author: Author, worktime_id: int, reason: str = "") -> None:
    """Delete a record; its last state stays in its revisions. A finished one needs a reason.

    Raises NoSuchWorktime, InvalidField.
    """
    _, record, _ = _locked(author, worktime_id)
    _demand_reason(reason, record.ended_at is None)
    revision(
        record,
        Action.DELETED,
        author_id=author.id,
        at=clock.now(),
        reason=reason,
        before=state_of(record),
    ).save()
    record.delete()


def checked_times(
    started_at: datetime, ended_at: datetime | None, now: datetime
) -> tuple[datetime, datetime | None]:
    """Return the times of a record, those slightly ahead taken as now; raise InvalidField."""
    for field, instant in (("started_at", started_at), ("ended_at", ended_at)):
        if instant is not None and instant > now + CLOCKS_MAY_DIFFER_BY:
            raise InvalidField(field, "future", "This time is in the future.")
    if started_at < EARLIEST:
        raise InvalidField("started_at", "too_old", "This is before 1970.")
    started_at = min(started_at, now)
    ended_at = ended_at and min(ended_at, now)
    if ended_at is not None and ended_at <= started_at:
        raise InvalidField("ended_at", "before_start", "The end must be after the start.")
    return started_at, ended_at


def _locked(author: Author, worktime_id: int) -> tuple[User, WorkTime, Organization]:
    """Lock the person first, as every write does, and read their record again after that."""
    user_id = author.records.filter(pk=worktime_id).values_list("user_id", flat=True).first()
    if user_id is None:
        raise NoSuchWorktime
    user = lock_person(user_id)
    record = author.records.filter(pk=worktime_id).select_related(*SHOWN, "organization").first()
    if record is None or record.user_id != user_id:
        raise NoSuchWorktime
    return user, record, record.organization


def _demand_reason(reason: str, was_running: bool) -> None:
    if not was_running and not reason.strip():
        raise InvalidField("reason", "required", "A change of a finished record needs a reason.")
