"""Many records at once, from elsewhere: all or none."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from accounts.models import User
from config.cache import changed
from config.db import clock
from config.db.retry import write
from config.db.zones import shared_time_zones
from config.errors import DomainError, InvalidField
from config.names import normal_form
from organizations.models import Branch, Organization
from worktime.cache import worktime_fact, worktimes_between
from worktime.models import Action, Source, WorkTime, WorkTimeRevision
from worktime.services.corrections import checked_times
from worktime.services.records import revision, zone_of
from worktime.transfer import Line, LineError

BATCH: Final = 1000


class ImportRefused(DomainError):
    """Some lines cannot be imported, so none was; `errors` names each."""

    code = "import_refused"
    detail = "Nothing was imported."

    def __init__(self, errors: list[LineError]) -> None:
        self.errors = sorted(errors, key=lambda error: error.number)
        super().__init__()


@write
def import_worktimes(
    *,
    organization: Organization,
    lines: Sequence[Line],
    author_id: int | None = None,
    is_rehearsal: bool = False,
    report: Callable[[int], None] = lambda done: None,
) -> int:
    """Store a record and a revision for each line, and return how many.

    People are members of the organisation, named as they log in; branches are its own. A
    rehearsal checks all the same and stores nothing. `report` gets the number stored so far.
    Raises ImportRefused.
    """
    now = clock.now()
    users = _lock_members(organization, {normal_form(line.username) for line in lines})
    branches = {
        branch.name_key: branch for branch in Branch.objects.filter(organization=organization)
    }
    zones = shared_time_zones()
    records: list[tuple[Line, WorkTime]] = []
    errors: list[LineError] = []
    for line in lines:
        user, branch = users.get(normal_form(line.username)), branches.get(normal_form(line.branch))
        if user is None:
            errors.append(LineError(line.number, f"there is no member “{line.username}”"))
        if branch is None:
            errors.append(LineError(line.number, f"there is no branch “{line.branch}”"))
        if line.time_zone and line.time_zone not in zones:
            errors.append(LineError(line.number, f"there is no time zone “{line.time_zone}”"))
        try:
            started_at, ended_at = checked_times(line.started_at, line.ended_at, now)
        except InvalidField as error:
            wrong = error.extra["errors"][0]
            errors.append(LineError(line.number, f"{wrong['field']}: {wrong['detail']}"))
            continue
        if user is None or branch is None:
            continue
        record = WorkTime(
            user=user,
            organization=organization,
            branch=branch,
            started_at=started_at,
            ended_at=ended_at,
            time_zone=line.time_zone or zone_of(branch, organization, user),
            notes=line.notes,
            source=Source.IMPORT,
        )
        records.append((line, record))
    errors += _overlaps(records)
    if errors:
        raise ImportRefused(errors)
    if is_rehearsal:
        return len(records)
    for first in range(0, len(records), BATCH):
        batch = [record for _, record in records[first : first + BATCH]]
        WorkTime.objects.bulk_create(batch)
        WorkTimeRevision.objects.bulk_create(
            revision(record, Action.IMPORTED, author_id=author_id, at=now) for record in batch
        )
        report(first + len(batch))
    return len(records)


def _lock_members(organization: Organization, usernames: set[str]) -> dict[str, User]:
    """Lock the people in one order, so that two imports queue; return them by user name."""
    members = (
        User.objects.filter(role_assignments__role__organization=organization)
        .values_list("id", "username_key")
        .distinct()
    )
    wanted = [user_id for user_id, username in members if username in usernames]
    changed(*map(worktime_fact, wanted))
    locked = User.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("id")
    return {user.username_key: user for user in locked}


def _overlaps(records: list[tuple[Line, WorkTime]]) -> Iterator[LineError]:
    """Yield what overlaps another line or a stored record, and which."""
    by_user: dict[int, list[tuple[Line, WorkTime]]] = defaultdict(list)
    for line, record in records:
        by_user[record.user_id].append((line, record))
    for user_id, theirs in by_user.items():
        theirs.sort(key=lambda pair: pair[1].started_at)
        last_end = max(record.ended_at or record.started_at for _, record in theirs)
        stored = worktimes_between(
            WorkTime.objects.all(), user_id, theirs[0][1].started_at, last_end
        )
        mixed: list[tuple[WorkTime, str, Line | None]] = [
            *((record, f"record {record.id}", None) for record in stored),
            *((record, f"line {line.number}", line) for line, record in theirs),
        ]
        mixed.sort(key=lambda each: each[0].started_at)
        reaching, whose, its_line = mixed[0]
        for record, name, own_line in mixed[1:]:
            if reaching.ended_at is None or record.started_at < reaching.ended_at:
                if own_line is not None:
                    yield LineError(own_line.number, f"this overlaps {whose}")
                elif its_line is not None:
                    yield LineError(its_line.number, f"this overlaps {name}")
            if reaching.ended_at is not None and (
                record.ended_at is None or record.ended_at > reaching.ended_at
            ):
                reaching, whose, its_line = record, name, own_line
