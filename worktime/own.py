"""One's own sums of a period, from the cache: what a page start shows."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from accounts.cache import Person, person_fact
from accounts.models import User
from config.cache import Cache, depends_on
from worktime.cache import DAY_BEGAN_WITHIN, sees_worktime, worktime_fact, worktimes_between
from worktime.days import ONE_DAY, Stretch, day_of, parts_of
from worktime.models import OvertimeApproval, WorkTime
from worktime.periods import Period, parse_period
from worktime.sums import PeriodSum, hours, sum_period


@dataclass(frozen=True, slots=True)
class Worked:
    """A record as far as sums need it."""

    organization_id: int
    branch_id: int
    started_at: datetime
    ended_at: datetime | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class Overtime:
    """What was approved for a day."""

    organization_id: int
    day: date
    hours: Decimal


@dataclass(frozen=True, slots=True)
class OwnPeriod:
    """What a person's sums are made of, in whatever zone and role they ask."""

    daily_hours: Decimal
    records: tuple[Worked, ...]
    overtime: tuple[Overtime, ...]


def _load(key: tuple[int, str, str]) -> OwnPeriod:
    user_id, kind, name = key
    period = parse_period(kind, name)
    depends_on(person_fact(user_id))
    start, end = period.bounds(ZoneInfo("UTC"))
    rows = worktimes_between(
        WorkTime.objects.all(), user_id, start - DAY_BEGAN_WITHIN, end + DAY_BEGAN_WITHIN
    )
    approved = OvertimeApproval.objects.filter(
        user_id=user_id,
        date__range=(period.first_day - ONE_DAY, period.last_day + ONE_DAY),
    )
    columns = ("organization_id", "branch_id", "started_at", "ended_at", "time_zone")
    return OwnPeriod(
        daily_hours=User.objects.values_list("normal_working_hours", flat=True).get(pk=user_id),
        records=tuple(Worked(*row) for row in rows.values_list(*columns)),
        overtime=tuple(
            Overtime(*row) for row in approved.values_list("organization_id", "date", "hours")
        ),
    )


own_periods: Final = Cache(
    "own periods",
    load=_load,
    facts=lambda key: [worktime_fact(key[0])],
    ttl=300.0,
)


def own_period_sum(
    person: Person, *, rule: str, period: Period, zone: ZoneInfo, now: datetime
) -> PeriodSum:
    """Return what `worktime.cache.period_sum` does of oneself, in the active organisation."""
    own = own_periods.get((person.id, period.kind, period.name))
    organization_id = person.acting_role.organization_id
    start, end = period.bounds(zone)
    return sum_period(
        parts_of(_seen(person, own), start=start, end=end, now=now, rule=rule),
        period=period,
        today=day_of(now, zone),
        daily=hours(own.daily_hours),
        overtime={
            each.day: hours(each.hours)
            for each in own.overtime
            if each.organization_id == organization_id
        },
    )


def _seen(person: Person, own: OwnPeriod) -> Iterator[Stretch]:
    for each in own.records:
        if sees_worktime(
            person,
            user_id=person.id,
            organization_id=each.organization_id,
            branch_id=each.branch_id,
        ):
            yield Stretch(each.started_at, each.ended_at, ZoneInfo(each.time_zone))
