"""The demo's organisation: the same people each time, with records relative to today."""

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password

from accounts.models import Role, RoleAssignment, User, UserSettings
from config.db import clock
from config.db.retry import write
from organizations.models import Branch, BranchAssignment, Organization
from organizations.services.founding import found_organization
from worktime.models import WorkTime

PASSWORD: Final = "demo"  # noqa: S105  (the demo's, printed when it starts)
DAYS: Final = 183
# A year and some days, which always have both changes of clocks.
NIGHT_DAYS: Final = 380
PEOPLE: Final = (
    ("ada", "Ada", "Nguyen", "Admin"),
    ("bob", "Bob", "Brunner", "Lead"),
    ("alice", "Alice", "Amsler", "Member"),
    ("carla", "Carla", "Conti", "Member"),
    ("dario", "Dario", "Dietrich", "Member"),
    ("elif", "Elif", "Erdem", "Member"),
    ("finn", "Finn", "Frei", "Member"),
    ("greta", "Greta", "Gerber", "Member"),
    ("hannes", "Hannes", "Huber", "Member"),
    ("ines", "Ines", "Imhof", "Member"),
    ("jonas", "Jonas", "Jensen", "Member"),
    ("katja", "Katja", "Keller", "Member"),
    ("luca", "Luca", "Lang", "Member"),
    ("mira", "Mira", "Meier", "Member"),
    ("nils", "Nils", "Nowak", "Member"),
    ("olga", "Olga", "Ott", "Member"),
    ("paul", "Paul", "Peters", "Member"),
    ("quentin", "Quentin", "Quast", "Member"),
    ("rosa", "Rosa", "Roth", "Member"),
    ("samir", "Samir", "Sahin", "Member"),
    ("tilda", "Tilda", "Thoma", "Member"),
    ("urs", "Urs", "Ulrich", "Member"),
    ("vera", "Vera", "Vogel", "Member"),
    ("wim", "Wim", "Weber", "Member"),
    ("zoe", "Zoe", "Zimmer", "Member"),
)


def create(report: Callable[[str], None]) -> None:
    """Create the demo's data, unless it exists; `report` gets one line for each step."""
    if Organization.objects.filter(name="nordwind").exists():
        report("Demo data is there already.")
        return
    people, records = _create()
    report(f"Created the organisation Nordwind: {people} people, {records} records.")


@write
def _create() -> tuple[int, int]:
    # One slow hash for everybody.
    password = make_password(PASSWORD)
    users = [_person(*row[:3], password=password, operator=row[0] == "ada") for row in PEOPLE]
    organization = found_organization(
        founder=users[0],
        name="nordwind",
        display_name="Nordwind",
        branch_name="Hamburg",
        time_zone="Europe/Berlin",
    )
    hamburg = Branch.objects.get(organization=organization)
    hamburg.city, hamburg.country, hamburg.time_zone = "Hamburg", "DE", "Europe/Berlin"
    hamburg.save()
    zurich = Branch.objects.create(
        organization=organization,
        name="Zürich",
        city="Zürich",
        country="CH",
        time_zone="Europe/Zurich",
    )
    roles = {role.name: role for role in Role.objects.filter(organization=organization)}
    # The founder has a role and a branch from the founding.
    homes = [hamburg, *(hamburg if number % 3 else zurich for number in range(1, len(users)))]
    for user, home, (*_, role_name) in list(zip(users, homes, PEOPLE, strict=True))[1:]:
        RoleAssignment.objects.create(user=user, role=roles[role_name], is_active_role=True)
        BranchAssignment.objects.create(user=user, branch=home, is_active_branch=True)
    records = [
        WorkTime(
            user=user,
            organization=organization,
            branch=home,
            started_at=started_at,
            ended_at=ended_at,
            time_zone=home.time_zone,
        )
        for number, (user, home) in enumerate(zip(users, homes, strict=True))
        for started_at, ended_at in _stretches(number, home.time_zone)
    ]
    WorkTime.objects.bulk_create(records, batch_size=1000)
    return len(users), len(records)


def _person(
    username: str, first_name: str, last_name: str, *, password: str, operator: bool
) -> User:
    email = f"{username}@nordwind.example"
    user = User.objects.create(
        username=username,
        email=email,
        first_name=first_name,
        last_name=last_name,
        password=password,
        country="DE",
        time_zone="Europe/Berlin",
        is_staff=operator,
        is_superuser=operator,
    )
    UserSettings.objects.create(user=user)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _stretches(number: int, zone_name: str) -> Iterator[tuple[datetime, datetime | None]]:
    """Yield the records of one person: two on most weekdays, and who is at work right now.

    The last of the people works nights, also both in which clocks change.
    """
    chance = random.Random(number)  # noqa: S311
    zone = ZoneInfo(zone_name)
    now = clock.now()
    today = now.astimezone(zone).date()
    works_nights = number == len(PEOPLE) - 1
    for back in range(NIGHT_DAYS if works_nights else DAYS, 0, -1):
        day = today - timedelta(days=back)
        if works_nights:
            if day.weekday() >= 3 and back > 1:
                night, morning = chance.gauss(0, 5), chance.gauss(0, 5)
                yield _at(day, 22, night, zone), _at(day + timedelta(days=1), 6, morning, zone)
            continue
        if day.weekday() >= 5 or chance.random() < 0.06:
            continue
        yield _at(day, 8, chance.gauss(0, 15), zone), _at(day, 12, chance.gauss(0, 8), zone)
        yield _at(day, 13, chance.gauss(0, 8), zone), _at(day, 17, chance.gauss(15, 20), zone)
    if number % 4 == 3:
        yield now - timedelta(minutes=20 + 5 * number), None


def _at(day: date, hour: int, minutes: float, zone: ZoneInfo) -> datetime:
    # Wall-clock arithmetic is meant: people look at the clock on the wall.
    return (datetime.combine(day, time(hour)) + timedelta(minutes=round(minutes))).replace(
        tzinfo=zone
    )
