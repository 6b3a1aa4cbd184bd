"""Reads about working time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from django.db.models import DateTimeField, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.cache import Person, Reach, organization_fact, person_fact
from accounts.models import Entity, User
from config.cache import Cache, depends_on
from worktime.days import Stretch, day_of, parts_of
from worktime.limits import Allowance, limit_reached_at
from worktime.models import OvertimeApproval, WorkTime, WorkTimeQuerySet, WorkTimeRevision
from worktime.periods import Period
from worktime.sums import ZERO, PeriodSum, hours, sum_period, worked_by_day

# What a record shows beside its own columns.
SHOWN: Final = ("user", "branch", "edited_by")

# Whatever day it is anywhere began less than this long ago (26 h of zones, a day of 25 h).
DAY_BEGAN_WITHIN: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Today:
    """What a person has worked of their limit on the day of a record's zone."""

    day: date
    worked: timedelta
    limit: timedelta

    @property
    def remaining(self) -> timedelta:
        """Return how much of the limit is left."""
        return max(ZERO, self.limit - self.worked)


@dataclass(frozen=True, slots=True)
class Brief:
    """A person beside a record of theirs."""

    id: int
    username: str
    first_name: str
    last_name: str


@dataclass(frozen=True, slots=True)
class BranchBrief:
    """The branch of a record."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class RunningWorktime:
    """A running record, as the API shows it."""

    ended_at: ClassVar[None] = None

    id: int
    organization_id: int
    user: Brief
    branch: BranchBrief
    started_at: datetime
    time_zone: str
    notes: str
    source: str
    edited_by: Brief | None


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What a person has worked on some days, and may work on any."""

    worked: Mapping[date, timedelta]
    allowance: Allowance

    def on(self, day: date) -> Today:
        """Return one day's."""
        return Today(day, self.worked.get(day, ZERO), self.allowance.limit(day))


def worktime_fact(user_id: int) -> str:
    """Return the fact that changes with a person's records and overtime."""
    return f"worktime:{user_id}"


def _load_active(user_id: int) -> RunningWorktime | None:
    record = running_worktime(user_id)
    if record is None:
        return None
    depends_on(person_fact(user_id), organization_fact(record.organization_id))
    editor = record.edited_by
    if editor:
        depends_on(person_fact(editor.id))
    return RunningWorktime(
        id=record.id,
        organization_id=record.organization_id,
        user=_brief(record.user),
        branch=BranchBrief(record.branch.id, record.branch.name),
        started_at=record.started_at,
        time_zone=record.time_zone,
        notes=record.notes,
        source=record.source,
        edited_by=_brief(editor) if editor else None,
    )


active_worktimes = Cache(
    "active worktimes",
    load=_load_active,
    facts=lambda user_id: [worktime_fact(user_id)],
    ttl=30.0,
)


def running_worktime(user_id: int) -> WorkTime | None:
    """Return a person's running record, in whatever organisation."""
    return WorkTime.objects.running().filter(user_id=user_id).select_related(*SHOWN).first()


def visible_worktimes(person: Person) -> WorkTimeQuerySet:
    """Return the records of the active organisation that the person's role lets them see."""
    role = person.active_role
    reach = person.reads(Entity.WORKTIME)
    if role is None or reach is Reach.NONE:
        return WorkTime.objects.none()
    records = WorkTime.objects.filter(organization_id=role.organization_id)
    if reach is Reach.OWN:
        return records.filter(user_id=person.id)
    if role.branches is not None:
        records = records.filter(branch_id__in=role.branches)
    return records


def sees_worktime(person: Person, *, user_id: int, organization_id: int, branch_id: int) -> bool:
    """Return whether `visible_worktimes` holds such a record; asks no database."""
    role = person.active_role
    reach = person.reads(Entity.WORKTIME)
    if role is None or reach is Reach.NONE or organization_id != role.organization_id:
        return False
    if reach is Reach.OWN:
        return user_id == person.id
    return role.branches is None or branch_id in role.branches


def visible_revisions(person: Person) -> QuerySet[WorkTimeRevision]:
    """Return the revisions of records that the person's role lets them see, deleted ones too."""
    role = person.active_role
    reach = person.reads(Entity.WORKTIME)
    if role is None or reach is Reach.NONE:
        return WorkTimeRevision.objects.none()
    revisions = WorkTimeRevision.objects.filter(organization_id=role.organization_id)
    if reach is Reach.OWN:
        return revisions.filter(user_id=person.id)
    if role.branches is not None:
        revisions = revisions.filter(branch_id__in=role.branches)
    return revisions


def visible_member(person: Person, user_id: int) -> User | None:
    """Return a member of the active organisation whose working time the role lets one see."""
    role = person.active_role
    reach = person.reads(Entity.WORKTIME)
    if role is None or reach is Reach.NONE or (reach is Reach.OWN and user_id != person.id):
        return None
    members = User.objects.filter(
        pk=user_id, role_assignments__role__organization_id=role.organization_id
    )
    if role.branches is not None and user_id != person.id:
        members = members.filter(branch_assignments__branch_id__in=role.branches)
    return members.first()


def worktimes_between(
    records: QuerySet[WorkTime], user_id: int, start: datetime, end: datetime
) -> QuerySet[WorkTime]:
    """Return a person's among `records` with a moment in [start, end), oldest first.

    And perhaps the last one before. One range of an index: as records do not overlap, of all that
    began before `start` only the last can reach beyond it.
    """
    last_before = (
        WorkTime.objects.filter(user_id=user_id, started_at__lte=start)
        .order_by("-started_at")
        .values("started_at")[:1]
    )
    begin = Coalesce(Subquery(last_before), Value(start, output_field=DateTimeField()))
    return records.filter(user_id=user_id, started_at__gte=begin, started_at__lt=end).order_by(
        "started_at"
    )


def stretch_of(record: WorkTime) -> Stretch:
    """Return what the sums need of a record."""
    return Stretch(record.started_at, record.ended_at, ZoneInfo(record.time_zone))


def overtime_of(
    user_ids: Iterable[int], organization_id: int, first: date, last: date
) -> dict[int, dict[date, timedelta]]:
    """Return what was approved for people on the days first to last."""
    approved: dict[int, dict[date, timedelta]] = defaultdict(dict)
    for user_id, day, value in OvertimeApproval.objects.filter(
        user_id__in=user_ids, organization_id=organization_id, date__range=(first, last)
    ).values_list("user_id", "date", "hours"):
        approved[user_id][day] = hours(value)
    return approved


def period_sum(
    records: QuerySet[WorkTime],
    *,
    user: User,
    organization_id: int,
    rule: str,
    period: Period,
    zone: ZoneInfo,
    now: datetime,
) -> PeriodSum:
    """Return the sums of a person's period: its bounds in `zone`, days in the records' own.

    `records` is the scope that whoever asks may see.
    """
    start, end = period.bounds(zone)
    rows = worktimes_between(records, user.id, start, end)
    parts = parts_of(map(stretch_of, rows), start=start, end=end, now=now, rule=rule)
    margin = timedelta(days=1)
    overtime = overtime_of(
        [user.id], organization_id, period.first_day - margin, period.last_day + margin
    )
    return sum_period(
        parts,
        period=period,
        today=day_of(now, zone),
        daily=hours(user.normal_working_hours),
        overtime=overtime.get(user.id, {}),
    )


def totals_of_today(
    running: Sequence[WorkTime], organization_id: int, rule: str, now: datetime
) -> dict[int, Today]:
    """Return what each person with a running record has worked today, by user id.

    The records must have their `user`; two queries, however many records.
    """
    days = {each.user_id: day_of(now, ZoneInfo(each.time_zone)) for each in running}
    if not days:
        return {}
    since = now - DAY_BEGAN_WITHIN
    others = _finished_since(days, organization_id, since)
    overtime = overtime_of(days, organization_id, min(days.values()), max(days.values()))
    totals = {}
    for each in running:
        day = days[each.user_id]
        parts = parts_of(
            [*others[each.user_id], stretch_of(each)], start=since, end=now, now=now, rule=rule
        )
        allowance = _allowance(each.user, overtime)
        totals[each.user_id] = DayTotals(worked_by_day(parts), allowance).on(day)
    return totals


def limit_moments(
    running: Sequence[WorkTime], organization_id: int, rule: str, now: datetime
) -> dict[int, datetime]:
    """Return the exact instants at which running records used up a day's limit, by record id.

    Only those up to `now`. The records must have their `user`; two queries.
    """
    if not running:
        return {}
    oldest = min(each.started_at for each in running)
    since = oldest - DAY_BEGAN_WITHIN
    user_ids = {each.user_id for each in running}
    others = _finished_since(user_ids, organization_id, since)
    overtime = overtime_of(
        user_ids, organization_id, since.date(), (now + timedelta(days=1)).date()
    )
    moments = {}
    for each in running:
        parts = parts_of(others[each.user_id], start=since, end=now, now=now, rule=rule)
        moment = limit_reached_at(
            stretch_of(each),
            rule=rule,
            allowance=_allowance(each.user, overtime),
            worked=worked_by_day(parts),
            until=now,
        )
        if moment is not None:
            moments[each.id] = moment
    return moments


def day_totals(
    user: User, organization_id: int, rule: str, start: datetime, end: datetime, now: datetime
) -> DayTotals:
    """Return what a person has worked, and may, on the days of [start, end) in any zone."""
    since, until = start - DAY_BEGAN_WITHIN, end + DAY_BEGAN_WITHIN
    records = WorkTime.objects.filter(organization_id=organization_id)
    rows = worktimes_between(records, user.id, since, until)
    parts = parts_of(map(stretch_of, rows), start=since, end=until, now=now, rule=rule)
    overtime = overtime_of([user.id], organization_id, since.date(), until.date())
    return DayTotals(worked_by_day(parts), _allowance(user, overtime))


def _brief(user: User) -> Brief:
    return Brief(user.id, user.username, user.first_name, user.last_name)


def _allowance(user: User, overtime: dict[int, dict[date, timedelta]]) -> Allowance:
    return Allowance(hours(user.normal_working_hours), overtime.get(user.id, {}))


def _finished_since(
    user_ids: Iterable[int], organization_id: int, since: datetime
) -> dict[int, list[Stretch]]:
    stretches: dict[int, list[Stretch]] = defaultdict(list)
    for record in WorkTime.objects.filter(
        user_id__in=user_ids, organization_id=organization_id, ended_at__gt=since
    ).only("user_id", "started_at", "ended_at", "time_zone"):
        stretches[record.user_id].append(stretch_of(record))
    return stretches
