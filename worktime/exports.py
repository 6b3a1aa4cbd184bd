"""Records as files: read from one snapshot into a temporary file, then written from there.

One statement reads them all, so a file holds what was stored at one moment, and an error while it
is made leaves no part of it. The connection is given back before the first cell is made: COPY holds
it for a tenth of the time that reading rows would take. Memory is constant.
"""

import csv
import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import IO, Any, Final, Self
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from config.errors import DomainError
from worktime.days import Stretch, parts_of
from worktime.models import WorkTime
from worktime.periods import Period
from worktime.sheets import ROWS_OF_A_SHEET, Cell, Workbook, write_csv
from worktime.sums import ZERO

IN_MEMORY: Final = 1024 * 1024  # bytes of a temporary file; the rest is on the disk
MOST_RECORDS: Final = ROWS_OF_A_SHEET - 1
REPORTED: Final = 1000  # records between two reports
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

Report = Callable[[int], object]


class TooManyRecords(DomainError):
    status = 400
    code = "too_many_records"
    detail = (
        f"There are more than {MOST_RECORDS} records: narrow them with a period (`week`, `month`,"
        " `year`), `user`, `filter` or `conditions`."
    )


def spool() -> IO[bytes]:
    """Return a temporary file, in memory while it is small."""
    return tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)


@dataclass(slots=True)
class Export:
    """Records, oldest first, of a period in a zone (None: all) by an organisation's day rule.

    A context manager: `read` once, then write one file. `counted` is what a record counts in the
    period by that rule, so that it adds up to what the statistics say; a running one counts until
    `now`. `found` is how many records were read, `rows` and `total` what was written of them.
    """

    records: QuerySet[WorkTime]
    organization: str
    rule: str
    zone: str
    now: datetime
    period: Period | None = None
    found: int = 0
    rows: int = 0
    total: timedelta = field(default=ZERO)
    _read: IO[bytes] = field(init=False)

    def __enter__(self) -> Self:
        self._read = spool()
        return self

    def __exit__(self, *_: object) -> None:
        self._read.close()

    def read(self, *, most: int | None = None, statement_timeout: float = 0.0) -> None:
        """Read the records; raises TooManyRecords if there are more than `most`."""
        records = self.records
        if bounds := self._bounds():
            start, end = bounds
            records = records.filter(started_at__lt=end).filter(
                Q(started_at__gte=start) | Q(ended_at__gt=start) | Q(ended_at=None)
            )
        rows = records.order_by("started_at", "id").values_list(*COLUMNS)
        if most is not None:
            rows = rows[: most + 1]
        self.found = copy(rows, self._read, statement_timeout=statement_timeout)
        if most is not None and self.found > most:
            raise TooManyRecords

    def write_csv(self, target: IO[bytes], report: Report = lambda done: None) -> None:
        """Write a CSV file; `report` is told now and then how many records are done."""
        text = io.TextIOWrapper(target, encoding="utf-8", newline="")
        write_csv(text, HEADER, self._cells(report))
        text.detach()

    def write_xlsx(self, target: IO[bytes], report: Report = lambda done: None) -> None:
        """Write an XLSX file; its second sheet names what the first one holds."""
        with Workbook(target) as book:
            book.add_table("Working time", HEADER, self._cells(report))
            book.add_table("About", ("what", "value"), self._about())

    def _about(self) -> list[tuple[Cell, Cell]]:
        period = self.period
        return [
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

    def _bounds(self) -> tuple[datetime, datetime] | None:
        return self.period.bounds(ZoneInfo(self.zone)) if self.period else None

    def _cells(self, report: Report) -> Iterator[tuple[Cell, ...]]:
        bounds = self._bounds()
        self._read.seek(0)
        text = io.TextIOWrapper(self._read, encoding="utf-8", newline="")
        for number, row in zip(count(), csv.reader(text)):
            if number % REPORTED == 0:
                report(number)
            row_id, started, ended, zone_name, *names, branch, notes, source, editor = row
            zone = ZoneInfo(zone_name)
            started_at = datetime.fromisoformat(started)
            ended_at = datetime.fromisoformat(ended) if ended else None
            stretch = Stretch(started_at, ended_at, zone)
            counted = stretch.end(self.now) - started_at
            if bounds:
                parts = parts_of(
                    [stretch], start=bounds[0], end=bounds[1], now=self.now, rule=self.rule
                )
                counted = sum((part.duration for part in parts), ZERO)
                if not counted:
                    continue  # by the rule it belongs to the period before
            duration = (ended_at - started_at).total_seconds() if ended_at else None
            self.rows += 1
            self.total += counted
            yield (
                int(row_id),
                *names,
                branch,
                started_at.astimezone(zone),
                ended_at and ended_at.astimezone(zone),
                zone_name,
                duration,
                None if duration is None else duration / 3600,
                counted.total_seconds(),
                self.rule,
                notes,
                source,
                editor or None,
            )


def copy(
    rows: QuerySet[WorkTime, tuple[Any, ...]], target: IO[bytes], *, statement_timeout: float
) -> int:
    """Write rows to a file as PostgreSQL's CSV, from one snapshot; return how many.

    An empty cell is an empty text or NULL. `statement_timeout` is in seconds, 0 for none.
    """
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return 0
    with transaction.atomic(), connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.execute("SET LOCAL statement_timeout = %s", [int(1000 * statement_timeout)])
        statement = cursor.mogrify(f"COPY ({sql}) TO STDOUT WITH (FORMAT csv)", params)
        with cursor.copy(statement) as blocks:
            for block in blocks:
                target.write(block)
        # There is nothing to commit, so nothing that could be told as not known.
        transaction.set_rollback(True)
        return int(cursor.rowcount)
