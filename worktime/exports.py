"""Records as files, in constant memory, as they were at one moment.

A connection is held only while rows are read, by one statement, into a file of ours; they are
formatted and sent from there. So nothing that happens meanwhile is half in the file: neither a
change of a record, nor a shortage of the database.
"""

import pickle
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from config.errors import DomainError
from worktime.days import Stretch, parts_of
from worktime.models import WorkTime
from worktime.periods import Period
from worktime.sheets import ROWS_OF_A_SHEET, Cell, Workbook, csv_lines
from worktime.sums import ZERO

Report = Callable[[str, int], object]

CHUNK: Final = 2000
MOST_RECORDS: Final = ROWS_OF_A_SHEET - 1  # a sheet has a heading
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


class TooManyRecords(DomainError):
    """No spreadsheet takes so many rows."""

    status = 400
    code = "too_many_records"
    detail = f"These are more than {MOST_RECORDS:,} records; narrow them by a period or a filter."


class ExportBusy(DomainError):
    """This process makes as many exports as it may at once."""

    status = 503
    code = "export_busy"
    detail = "Other exports are being made; nothing was done."
    retry_after = 5.0


# An export takes a thread for as long as it is made; the others are for everybody else.
_places = threading.BoundedSemaphore(max(1, settings.WEB_THREADS // 4))


@contextmanager
def place() -> Iterator[None]:
    """Take one of the places for exports; raise ExportBusy where all are taken."""
    if not _places.acquire(blocking=False):
        raise ExportBusy
    try:
        yield
    finally:
        _places.release()


def _nobody(what: str, done: int) -> None:
    """Tell nobody how far an export is."""


@dataclass(slots=True)
class Export:
    """Records, oldest first, of a period in a zone (None: all) by an organisation's day rule.

    `counted` is what a record counts in the period by that rule, so that it adds up to what the
    statistics say; a running one counts until `now`. `rows` and `total` are what was written.
    """

    records: QuerySet[WorkTime]
    organization: str
    rule: str
    zone: str
    now: datetime
    period: Period | None = None
    rows: int = 0
    total: timedelta = field(default=ZERO)

    def write(self, kind: str, target: IO[bytes], report: Report = _nobody) -> None:
        """Write a file of a kind ("csv" or "xlsx") with all records as they are now.

        `report` is told what is done, and how many records so far. Raises TooManyRecords, and what
        a shortage of the database raises.
        """
        with tempfile.TemporaryFile() as stored:
            self._read(stored, report)
            end = stored.tell()
            stored.seek(0)
            cells = self._cells(_stored_rows(stored, end), report)
            if kind == "csv":
                for line in csv_lines(HEADER, cells):
                    target.write(line.encode())
            else:
                self._write_book(target, cells)

    def _read(self, stored: IO[bytes], report: Report) -> None:
        rows = self._in_period().order_by("started_at", "id").values_list(*COLUMNS)
        read = 0
        # One cursor of the server: it shows what was there when it was opened.
        with transaction.atomic():
            found = rows.iterator(chunk_size=CHUNK)
            while chunk := list(islice(found, CHUNK)):
                read += len(chunk)
                if read > MOST_RECORDS:
                    raise TooManyRecords
                pickle.dump(chunk, stored, pickle.HIGHEST_PROTOCOL)
                report("Reading", read)

    def _write_book(self, target: IO[bytes], cells: Iterator[tuple[Cell, ...]]) -> None:
        """Write an XLSX file; its second sheet names what the first one holds."""
        book = Workbook(target)
        book.add_table("Working time", HEADER, cells)
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

    def _bounds(self) -> tuple[datetime, datetime] | None:
        return self.period.bounds(ZoneInfo(self.zone)) if self.period else None

    def _in_period(self) -> QuerySet[WorkTime]:
        if (bounds := self._bounds()) is None:
            return self.records
        start, end = bounds
        return self.records.filter(started_at__lt=end).filter(
            Q(started_at__gte=start) | Q(ended_at__gt=start) | Q(ended_at=None)
        )

    def _cells(self, rows: Iterator[tuple[Any, ...]], report: Report) -> Iterator[tuple[Cell, ...]]:
        bounds = self._bounds()
        for row in rows:
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
            if self.rows % CHUNK == 0:
                report("Writing", self.rows)
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


def _stored_rows(stored: IO[bytes], end: int) -> Iterator[tuple[Any, ...]]:
    while stored.tell() < end:
        yield from pickle.load(stored)  # noqa: S301  (a file of ours, which has no name)
