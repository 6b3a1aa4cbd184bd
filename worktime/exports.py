"""Records as files, in constant memory. A connection is held only while a chunk is read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from worktime.days import Stretch, parts_of
from worktime.models import WorkTime
from worktime.periods import Period
from worktime.sheets import Cell, Workbook, csv_lines
from worktime.sums import ZERO

CHUNK: Final = 2000
HEADER: Final = (
    "id",
    "username",
    "first_name",
    "last_name",
    "branch",
    "started_at",
    "ended_at",
    "time_zone",
    "duration_seconds",
    "duration_hours",
    "counted_seconds",
    "day_rule",
    "notes",
    "source",
    "edited_by",
)
COLUMNS: Final = (
    "id",
    "started_at",
    "ended_at",
    "time_zone",
    "user__username",
    "user__first_name",
    "user__last_name",
    "branch__name",
    "notes",
    "source",
    "edited_by__username",
)


@dataclass(slots=True)
class Export:
    """Records, oldest first, of a period in a zone (None: all) by an organisation's day rule.

    `counted` is what a record counts in the period by that rule, so that it adds up to what the
    statistics say; a running one counts until `now`. `rows` and `total` grow while it is read.
    """

    records: QuerySet[WorkTime]
    organization: str
    rule: str
    zone: str
    now: datetime
    period: Period | None = None
    rows: int = 0
    total: timedelta = field(default=ZERO)

    def csv(self) -> Iterator[str]:
        """Yield the lines of a CSV file."""
        return csv_lines(HEADER, self._cells())

    def write_xlsx(self, target: IO[bytes]) -> None:
        """Write an XLSX file; its second sheet names what the first one holds."""
        book = Workbook(target)
        book.add_table("Working time", HEADER, self._cells())
        period = self.period
        about: list[tuple[Cell, Cell]] = [
            ("organization", self.organization),
            ("period", period.name if period else "everything"),
            ("first_day", period.first_day.isoformat() if period else None),
            ("last_day", period.last_day.isoformat() if period else None),
            ("time_zone of the period", self.zone),
            ("time_zone of the days", "the record's"),
            ("day_rule", self.rule),
            ("exported_at (UTC)", self.now),
            ("records", self.rows),
            ("counted_seconds", self.total.total_seconds()),
        ]
        book.add_table("About", ("what", "value"), about)
        book.close()

    def _cells(self) -> Iterator[tuple[Cell, ...]]:
        bounds = self.period.bounds(ZoneInfo(self.zone)) if self.period else None
        records = self.records
        if bounds:
            start, end = bounds
            records = records.filter(started_at__lt=end).filter(
                Q(started_at__gte=start) | Q(ended_at__gt=start) | Q(ended_at=None)
            )
        for row in chunked(records):
            row_id, started_at, ended_at, zone_name, *names, branch, notes, source, editor = row
            stretch = Stretch(started_at, ended_at, ZoneInfo(zone_name))
            counted = stretch.end(self.now) - started_at
            if bounds:
                parts = parts_of(
                    [stretch], start=bounds[0], end=bounds[1], now=self.now, rule=self.rule
                )
                counted = sum((part.duration for part in parts), ZERO)
                if not counted:
                    continue  # by the rule it belongs to the period before
            duration = ended_at and (ended_at - started_at).total_seconds()
            self.rows += 1
            self.total += counted
            yield (
                row_id,
                *names,
                branch,
                started_at.astimezone(stretch.zone),
                ended_at and ended_at.astimezone(stretch.zone),
                zone_name,
                duration,
                None if duration is None else duration / 3600,
                counted.total_seconds(),
                self.rule,
                notes,
                source,
                editor,
            )


def chunked(records: QuerySet[WorkTime]) -> Iterator[tuple[Any, ...]]:
    """Yield `COLUMNS` of records by (started_at, id), reading some thousand at a time."""
    rows = records.order_by("started_at", "id").values_list(*COLUMNS)
    after = Q()
    while True:
        chunk = list(rows.filter(after)[:CHUNK])
        yield from chunk
        if len(chunk) < CHUNK:
            return
        row_id, started_at, *_ = chunk[-1]
        # The first condition is implied; it is the one an index can start from.
        after = Q(started_at__gte=started_at) & (Q(started_at__gt=started_at) | Q(id__gt=row_id))
