"""Records as tests need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.models import User
from worktime.models import WorkTime, WorkTimeRevision


def now() -> datetime:
    return datetime.now(UTC)


def work(user: User, begin: datetime, end: datetime | None, **columns: Any) -> WorkTime:
    """Store a record of a person in their (only) branch; its zone is UTC unless given."""
    branch = columns.pop("branch", None) or user.branch_assignments.get().branch
    return WorkTime.objects.create(
        user=user,
        organization=branch.organization,
        branch=branch,
        started_at=begin,
        ended_at=end,
        **{"time_zone": "UTC", **columns},
    )


def hours_ago(begin: float, end: float | None = None) -> tuple[datetime, datetime | None]:
    """Return the times from `begin` hours ago to `end` hours ago, None for running."""
    moment = now()
    return (
        moment - timedelta(hours=begin),
        None if end is None else moment - timedelta(hours=end),
    )


def fields(response: Any) -> dict[str, str]:
    """Return the code of each field that a 400 names."""
    assert response.status_code == 400, response.content
    return {error["field"]: error["code"] for error in response.json()["errors"]}


def only_revision() -> tuple[WorkTimeRevision, dict[str, Any], dict[str, Any]]:
    """Return the one revision there is, with the states before and after ({} for none)."""
    revision = WorkTimeRevision.objects.get()
    return revision, revision.before or {}, revision.after or {}
