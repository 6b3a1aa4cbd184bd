"""SQL and plain Python agree on what every filter means: random filters over random rows."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import Role, RoleAssignment, User
from config.api.tables import Asker, Table, parse_filter
from organizations.models import Branch, BranchAssignment, Organization
from organizations.tables import USERS
from tests.filterlists.documents import ALPHABET, documents
from tests.filterlists.evaluator import World, passes
from worktime.models import Source, WorkTime
from worktime.tables import WORKTIME

# Zones with a change at 2:00, at midnight, with half hours, far east, and none.
ZONES = ["Europe/Zurich", "America/Santiago", "Asia/Kolkata", "Pacific/Apia", "UTC"]
# New Year, leap-less February's end, both changes in Zurich and Santiago, a month's middle.
NOWS = [
    datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 59, tzinfo=UTC),
    datetime(2026, 4, 5, 4, tzinfo=UTC),
    datetime(2026, 9, 6, 4, tzinfo=UTC),
    datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    datetime(2026, 6, 15, 23, 59, 59, tzinfo=UTC),
]


@dataclass
class Case:
    """Rows of one table, as Python sees them, and values that they hold."""

    table: Table
    rows: dict[int, dict[str, Any]]

    @property
    def pool(self) -> dict[str, list[Any]]:
        pool: dict[str, list[Any]] = {}
        for row in self.rows.values():
            for name, held in row.items():
                for each in held if isinstance(held, set) else [held]:
                    if each not in (None, "") and (value := _plain(each)) is not None:
                        pool.setdefault(name, []).append(value)
        return pool


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date | datetime) else value


def _text(chance: random.Random) -> str:
    return "".join(chance.choices(ALPHABET, k=chance.choice([0, 1, 1, 2, 3, 5])))


class Rows:
    """Makes people and records, some of each kind that filters tell apart."""

    def __init__(self, organization: Organization, seed: int, zone: ZoneInfo, now: datetime):
        self.chance = random.Random(seed)
        self.organization, self.zone, self.now = organization, zone, now
        self.roles = list(Role.objects.filter(organization=organization))
        self.branches = [*organization.branches.all()] + [
            Branch.objects.create(organization=organization, name=name) for name in ("A", "B")
        ]

    def instant(self) -> datetime:
        """Return a moment near a midnight around now, more often than not."""
        day = self.now.astimezone(self.zone).date() + timedelta(
            days=self.chance.choice([-400, -32, -31, -8, -7, -6, -1, 0, 0, 0, 1, 2, 7])
        )
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
        step = self.chance.choice([-1, 0, 1, 3_600_000_000, 40_000_000_000, 86_399_999_999])
        return midnight + timedelta(microseconds=step)

    def people(self) -> list[User]:
        choice = self.chance.choice
        people = User.objects.bulk_create(
            User(
                username=f"{number}{_text(self.chance)}",
                first_name=_text(self.chance),
                last_name=_text(self.chance),
                language=choice(["en", "de", "es"]),
                is_active=choice([True, False]),
                employee_number=_text(self.chance),
                normal_working_hours=choice([Decimal("7.60"), Decimal("0"), Decimal("0.25")]),
                birthday=choice([None, self.instant().date()]),
                date_joined=self.instant(),
            )
            for number in range(8)
        )
        for person in people:
            for role in self.chance.sample(self.roles, self.chance.randint(1, 2)):
                RoleAssignment.objects.create(user=person, role=role)
            for branch in self.chance.sample(self.branches, self.chance.randint(0, 2)):
                BranchAssignment.objects.create(user=person, branch=branch)
        return people

    def records(self, people: list[User]) -> None:
        choice = self.chance.choice
        for person in people[:5]:
            instants = sorted({self.instant() for _ in range(8)})
            pairs = list(zip(instants[::2], instants[1::2], strict=False))
            WorkTime.objects.bulk_create(
                WorkTime(
                    user=person,
                    organization=self.organization,
                    branch=choice(self.branches),
                    started_at=start,
                    ended_at=None if number == len(pairs) - 1 and choice([True, False]) else end,
                    time_zone=choice(ZONES),
                    notes=_text(self.chance),
                    source=choice(Source.values),
                    edited_by=choice([None, *people]),
                )
                for number, (start, end) in enumerate(pairs)
            )


def _users() -> dict[int, dict[str, Any]]:
    names = [column.name for column in USERS.columns if column.rows is None]
    return {
        user.id: {
            **{name: getattr(user, name) for name in names},
            "role": set(user.role_assignments.values_list("role_id", flat=True)),
            "branch": set(user.branch_assignments.values_list("branch_id", flat=True)),
        }
        for user in User.objects.all()
    }


def _records(users: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {
        record.id: {
            "user": record.user_id,
            "role": users[record.user_id]["role"],
            "branch": record.branch_id,
            "started_at": record.started_at,
            "ended_at": record.ended_at,
            "duration_seconds": None
            if record.ended_at is None
            else Decimal(str((record.ended_at - record.started_at).total_seconds())),
            "notes": record.notes,
            "source": record.source,
            "time_zone": record.time_zone,
            "edited_by": record.edited_by_id,
        }
        for record in WorkTime.objects.all()
    }


@given(data=st.data(), seed=st.integers(0, 2**32), zone=st.sampled_from(ZONES))
@settings(
    max_examples=10,
    deadline=None,
    # Rows come from a seed, so there is nothing to shrink.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_sql_and_python_agree(
    nordwind: Organization, ada: User, data: st.DataObject, seed: int, zone: str
) -> None:
    now = data.draw(st.sampled_from(NOWS))
    with transaction.atomic():
        rows = Rows(nordwind, seed, ZoneInfo(zone), now)
        rows.records(rows.people())
        users = _users()
        my_role, my_branch = (
            rows.roles[0].id,
            data.draw(st.sampled_from([None, *(branch.id for branch in rows.branches)])),
        )
        asker = Asker(
            user_id=ada.id,
            organization_id=nordwind.id,
            role_id=my_role,
            branch_id=lambda: my_branch,
            writes_all=frozenset({"users"}),
            zone=ZoneInfo(zone),
            now=now,
        )
        for case in (Case(USERS, users), Case(WORKTIME, _records(users))):
            types = {column.name: column.type for column in case.table.columns}
            world = World(ada.id, my_role, my_branch, ZoneInfo(zone), now, types)
            model = User if case.table is USERS else WorkTime
            for document in data.draw(
                st.lists(documents(case.table, case.pool), min_size=10, max_size=20)
            ):
                wanted = parse_filter(case.table, **document, asker=asker)
                found = model._default_manager.filter(wanted.q(asker))
                expected = {key for key, row in case.rows.items() if passes(row, document, world)}
                assert sorted(found.values_list("id", flat=True)) == sorted(expected), document
        transaction.set_rollback(True)
