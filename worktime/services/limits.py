"""The daily limit: refused beyond it, and records ended at the instant it was reached."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import User
from config.db import clock
from config.db.retry import write
from config.errors import DomainError
from organizations.models import DailyLimit, Organization
from worktime.cache import Today, day_totals, limit_moments, stretch_of
from worktime.days import Stretch, day_of, parts_of
from worktime.models import Action, Source, WorkTime
from worktime.services.records import SHORTEST, lock_person, revision, state_of
from worktime.sums import ZERO, worked_by_day

AUTOSTOP_LOCK: Final = "worktime.autostop"


class DailyLimitReached(DomainError):
    """The organisation enforces the daily limit, and it is used up."""

    status = 403
    code = "daily_limit_reached"
    detail = "Your working time of this day is used up."

    def __init__(self, today: Today) -> None:
        super().__init__(
            date=today.day.isoformat(),
            limit_seconds=today.limit.total_seconds(),
            worked_seconds=today.worked.total_seconds(),
        )


def refuse_start_beyond_limit(user: User, organization: Organization, record: WorkTime) -> None:
    """Raise DailyLimitReached where nothing was left of the day on which a stored record starts."""
    if organization.daily_limit != DailyLimit.ENFORCE:
        return
    start = record.started_at
    # At its start the record itself counts nothing yet.
    totals = day_totals(user, organization.id, organization.day_rule, start, start, now=start)
    today = totals.on(day_of(start, ZoneInfo(record.time_zone)))
    if today.remaining <= ZERO:
        raise DailyLimitReached(today)


def refuse_beyond_limit(
    user: User,
    organization: Organization,
    record: WorkTime,
    *,
    now: datetime,
    before: Stretch | None = None,
) -> None:
    """Raise DailyLimitReached where a stored record makes one of its days exceed the limit.

    `before` is what it was: a day of which it takes no more than it did is not looked at.
    """
    if organization.daily_limit != DailyLimit.ENFORCE:
        return
    rule, stretch = organization.day_rule, stretch_of(record)
    start, end = stretch.started_at, stretch.end(now)
    counted, earlier = (
        worked_by_day(parts_of(those, start=start, end=end, now=now, rule=rule))
        for those in ([stretch], [before] if before else [])
    )
    grown = [day for day, worked in counted.items() if worked > earlier.get(day, ZERO)]
    if not grown:
        return
    totals = day_totals(user, organization.id, rule, start, end, now)
    for today in map(totals.on, grown):
        if today.worked > today.limit:
            raise DailyLimitReached(today)


def records_beyond_limit() -> list[int]:
    """Return the ids of running records that used up an enforced limit, the oldest first.

    Reads only; `stop_at_limit` decides.
    """
    now = clock.now()
    running: dict[Organization, list[WorkTime]] = {}
    for record in (
        WorkTime.objects.running()
        .filter(organization__daily_limit=DailyLimit.ENFORCE)
        .select_related("user", "organization")
        .order_by("started_at")
    ):
        running.setdefault(record.organization, []).append(record)
    return [
        record_id
        for organization, records in running.items()
        for record_id in limit_moments(records, organization.id, organization.day_rule, now)
    ]


@write
def stop_at_limit(*, worktime_id: int) -> WorkTime | None:
    """End a running record at the exact instant a limit was reached, whenever one looks.

    None where there is nothing to do (any more), or another process is at it: machines may run
    this at once. The advisory lock belongs to the transaction, so it ends with it.
    """
    if not _has_lock(worktime_id):
        return None
    found = WorkTime.objects.running().filter(pk=worktime_id).select_related("organization").first()
    if found is None:
        return None
    user = lock_person(found.user_id)
    record = (
        WorkTime.objects.running()
        .filter(pk=worktime_id, organization__daily_limit=DailyLimit.ENFORCE)
        .first()
    )
    if record is None:
        return None
    record.user = user
    now = clock.now()
    rule = found.organization.day_rule
    moment = limit_moments([record], record.organization_id, rule, now).get(record.id)
    if moment is None:
        return None
    before = state_of(record)
    record.ended_at = max(moment, record.started_at + SHORTEST)
    record.source = Source.AUTO_STOP
    record.save(update_fields=["ended_at", "source", "updated_at"])
    revision(record, Action.AUTO_STOPPED, author_id=None, at=now, before=before).save()
    return record


def _has_lock(worktime_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, %s))",
            [AUTOSTOP_LOCK, worktime_id],
        )
        return bool(cursor.fetchone()[0])
