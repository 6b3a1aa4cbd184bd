"""What all writes about records share: the person's lock, the database's refusals, revisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from accounts.cache import Person
from accounts.models import User
from config.cache import changed
from config.errors import DomainError, InvalidField
from organizations.models import Branch, BranchAssignment, Organization
from worktime.cache import SHOWN, running_worktime, visible_worktimes, worktime_fact
from worktime.models import (
    NO_OVERLAP,
    ONE_RUNNING,
    Action,
    WorkTime,
    WorkTimeQuerySet,
    WorkTimeRevision,
)

SHORTEST: Final = timedelta(microseconds=1)
# What the rules of a record ask of its person, and what a record shows of them.
NEEDED: Final = (
    "username",
    "first_name",
    "last_name",
    "bank_details",
    "normal_working_hours",
    "time_zone",
)


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


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes records: which ones they may, and in which branches (None: all) others' are."""

    id: int
    records: WorkTimeQuerySet
    branches: frozenset[int] | None = None


def author(person: Person) -> Author:
    """Return a person as the author of changes, with the reach of their active role."""
    return Author(person.id, visible_worktimes(person), person.acting_role.branches)


def lock_person(user_id: int) -> User:
    """Make concurrent writes about one person queue, instead of deadlocking on constraints.

    What is cached of their working time falls with the COMMIT.
    """
    changed(worktime_fact(user_id))
    return User.objects.select_for_update(no_key=True).only(*NEEDED).get(pk=user_id)


def assigned_branch(
    user_id: int, organization_id: int, branch_id: int, covered: frozenset[int] | None = None
) -> Branch:
    """Return an active branch of the organisation where the person works; raise InvalidField."""
    assignment = (
        BranchAssignment.objects.filter(
            user_id=user_id,
            branch_id=branch_id,
            branch__organization_id=organization_id,
            branch__is_active=True,
        )
        .select_related("branch")
        .first()
    )
    if assignment is None or (covered is not None and branch_id not in covered):
        raise InvalidField("branch", "does_not_exist", "There is no such branch to work in.")
    return assignment.branch


def zone_of(branch: Branch, organization: Organization, user: User) -> str:
    """Return the zone that a record gets when it starts."""
    return branch.time_zone or organization.time_zone or user.time_zone


def store(record: WorkTime, fields: tuple[str, ...] | None = None) -> None:
    """Save a record, some fields or (None) as a new one; raise AlreadyClockedIn, WorktimeOverlaps.

    The savepoint keeps the transaction usable after a refusal.
    """
    try:
        with transaction.atomic():
            if fields is None:
                record.save(force_insert=True)
            else:
                record.save(update_fields=[*fields, "updated_at"])
    except IntegrityError as error:
        raise _collision(error, record) from error


def state_of(record: WorkTime) -> dict[str, Any]:
    """Return a record's columns as JSON, for revisions."""
    return {
        "user": record.user_id,
        "organization": record.organization_id,
        "branch": record.branch_id,
        "started_at": _text(record.started_at),
        "ended_at": _text(record.ended_at),
        "time_zone": record.time_zone,
        "notes": record.notes,
        "source": record.source,
        "edited_by": record.edited_by_id,
    }


def revision(
    record: WorkTime,
    action: Action,
    *,
    author_id: int | None,
    at: datetime,
    reason: str = "",
    before: dict[str, Any] | None = None,
) -> WorkTimeRevision:
    """Return the unsaved revision for what was done to a record, which is as it is now."""
    return WorkTimeRevision(
        worktime_id=record.id,
        user_id=record.user_id,
        organization_id=record.organization_id,
        branch_id=record.branch_id,
        action=action,
        author_id=author_id,
        reason=reason,
        before=before,
        after=None if action is Action.DELETED else state_of(record),
        at=at,
    )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _collision(error: IntegrityError, record: WorkTime) -> DomainError | IntegrityError:
    """Return the refusal for a violated constraint, with the record that stands in the way."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    if constraint == ONE_RUNNING and (running := running_worktime(record.user_id)):
        return AlreadyClockedIn(running)
    if constraint == NO_OVERLAP and (
        other := WorkTime.objects.overlapping(record.user_id, record.started_at, record.ended_at)
        .exclude(pk=record.pk)
        .select_related(*SHOWN)
        .first()
    ):
        return WorktimeOverlaps(other)
    return error
