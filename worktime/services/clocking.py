"""Clocking in and out."""

from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import PermissionDenied

from accounts.cache import Person
from config.db import clock
from config.db.retry import write
from config.errors import DomainError, InvalidField
from organizations.cache import active_branch
from organizations.models import Branch, Organization
from worktime.cache import SHOWN, running_worktime
from worktime.models import Action, Source, WorkTime
from worktime.services.limits import refuse_start_beyond_limit
from worktime.services.records import (
    SHORTEST,
    Author,
    assigned_branch,
    lock_person,
    revision,
    state_of,
    store,
    zone_of,
)

# What clocking in asks of an organisation.
RULES: Final = ("is_active", "time_zone", "require_bank_details", "daily_limit", "day_rule")
BACKDATED_AT_MOST: Final = timedelta(hours=24)
CLOCKS_MAY_DIFFER_BY: Final = timedelta(seconds=60)


class NeverClockedIn(DomainError):
    """There is nothing to stop, and never was."""

    status = 404
    code = "never_clocked_in"
    detail = "There is nothing to stop, and never was."


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
    BankDetailsMissing, DailyLimitReached, InvalidField, and PermissionDenied if the organisation
    was closed meanwhile.
    """
    user = lock_person(person.id)
    organization = Organization.objects.only(*RULES).get(pk=person.acting_role.organization_id)
    if not organization.is_active:
        raise PermissionDenied
    if organization.require_bank_details and not user.bank_details.strip():
        raise BankDetailsMissing
    branch = branch_of(person, branch_id)
    record = WorkTime(
        user=user,
        organization=organization,
        branch=branch,
        started_at=_start(started_at, clock.now()),
        time_zone=zone_of(branch, organization, user),
        notes=notes,
    )
    store(record)
    # After the insert, so that who is clocked in is told that first; a refusal undoes it.
    refuse_start_beyond_limit(user, organization, record)
    return record


@write
def stop_worktime(*, user_id: int, organization_id: int | None = None) -> tuple[WorkTime, bool]:
    """Clock a person out and return the record and whether it was stopped already.

    With `organization_id` only a record there counts. Asking again returns the last stopped
    record. Raises NeverClockedIn.
    """
    lock_person(user_id)
    records = WorkTime.objects.all()
    if organization_id is not None:
        records = records.filter(organization_id=organization_id)
    if record := records.running().filter(user_id=user_id).select_related(*SHOWN).first():
        _end(record, clock.now())
        # It is shorter than it was, so it collides with nothing.
        record.save(update_fields=["ended_at", "updated_at"])
        return record, False
    return _last(Author(user_id, records), user_id), True


@write
def stop_worktime_of(*, author: Author, user_id: int, reason: str = "") -> tuple[WorkTime, bool]:
    """Clock another person out, as `stop_worktime` does; the record and a revision say who did.

    Raises NeverClockedIn where the author reaches no record of theirs.
    """
    lock_person(user_id)
    record = author.records.running().filter(user_id=user_id).select_related(*SHOWN).first()
    if record is None:
        return _last(author, user_id), True
    now, before = clock.now(), state_of(record)
    _end(record, now)
    if author.id != user_id:
        record.source, record.edited_by_id = Source.LEAD, author.id
    record.save(update_fields=["ended_at", "source", "edited_by", "updated_at"])
    revision(
        record, Action.STOPPED, author_id=author.id, at=now, reason=reason, before=before
    ).save()
    return record, False


def end_worktime_of_leaver(
    user_id: int, organization_id: int, author_id: int | None, **kwargs: Any
) -> None:
    """End what a person has running in an organisation; `membership_ended` calls this.

    Their row is locked already.
    """
    record = running_worktime(user_id)
    if record is not None and record.organization_id == organization_id:
        _end_for(record, "The membership ended.", author_id)


def end_worktimes_of_closed(organization_id: int, **kwargs: Any) -> None:
    """End all that runs in an organisation; `organization_closed` calls this.

    Its members' rows are locked already.
    """
    running = WorkTime.objects.running().filter(organization_id=organization_id)
    for record in running.select_related(*SHOWN).order_by("user_id"):
        _end_for(record, "The organisation was deactivated.", None)


def branch_of(person: Person, branch_id: int | None) -> Branch:
    """Return the given branch of a person's own, or the active one; raise BranchRequired."""
    if branch_id is not None:
        return assigned_branch(person.id, person.acting_role.organization_id, branch_id)
    if branch := active_branch(person):
        return branch
    raise BranchRequired


def _end_for(record: WorkTime, reason: str, author_id: int | None) -> None:
    now, before = clock.now(), state_of(record)
    if author_id is not None and author_id != record.user_id:
        record.edited_by_id = author_id
    _end(record, now)
    record.save(update_fields=["ended_at", "edited_by", "updated_at"])
    revision(
        record, Action.STOPPED, author_id=author_id, at=now, reason=reason, before=before
    ).save()


def _end(record: WorkTime, now: datetime) -> None:
    # The database's clock may have been set back meanwhile; a record never ends at its start.
    record.ended_at = max(now, record.started_at + SHORTEST)


def _last(author: Author, user_id: int) -> WorkTime:
    last = (
        author.records.filter(user_id=user_id)
        .select_related(*SHOWN)
        .order_by("-started_at")
        .first()
    )
    if last is None:
        raise NeverClockedIn
    return last


def _start(wanted: datetime | None, now: datetime) -> datetime:
    if wanted is None:
        return now
    if wanted > now + CLOCKS_MAY_DIFFER_BY:
        raise InvalidField("started_at", "future", "This time is in the future.")
    if wanted < now - BACKDATED_AT_MOST:
        raise InvalidField("started_at", "too_old", "This is more than 24 hours ago.")
    return min(wanted, now)
