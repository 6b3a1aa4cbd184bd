"""Reads records from CSV, in the form that exports have. Pure: no Django in here."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from worktime.sheets import unguarded

NEEDED: Final = ("username", "branch", "started_at", "ended_at")
LONGEST_NOTES: Final = 2000


@dataclass(frozen=True, slots=True)
class Line:
    """One record to import; `number` is where it ends in the file.

    Without a `time_zone` it gets the one that it would have got when it started.
    """

    number: int
    username: str
    branch: str
    started_at: datetime
    ended_at: datetime
    notes: str
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with one line."""

    number: int
    message: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.message}"


def read_lines(file: Iterable[str]) -> Iterator[Line | LineError]:
    """Yield what each line says, or what is wrong with it.

    Needs the columns username, branch, started_at, ended_at (instants with an offset); takes
    time_zone and notes; leaves others alone.
    """
    reader = csv.DictReader(file, strict=True)
    try:
        missing = [name for name in NEEDED if name not in (reader.fieldnames or ())]
        if missing:
            yield LineError(1, f"the column {missing[0]} is missing")
            return
        for row in reader:
            yield _line(reader.line_num, row)
    except (csv.Error, UnicodeDecodeError) as error:
        # What follows cannot be told apart any more.
        yield LineError(reader.line_num + 1, f"this is no CSV in UTF-8: {error}")


def _line(number: int, row: dict[str, str | None]) -> Line | LineError:
    cells = {name: unguarded((row.get(name) or "").strip()) for name in NEEDED}
    time_zone = (row.get("time_zone") or "").strip()
    cells["notes"] = unguarded(row.get("notes") or "")
    if None in row:
        return LineError(number, "there are more cells than columns")
    for name in NEEDED:
        if not cells[name]:
            return LineError(number, f"{name} is empty")
    if "\x00" in "".join(cells.values()):
        return LineError(number, "there is a NUL character")
    if len(cells["notes"]) > LONGEST_NOTES:
        return LineError(number, f"notes has more than {LONGEST_NOTES} characters")
    times = []
    for name in ("started_at", "ended_at"):
        try:
            moment = datetime.fromisoformat(cells[name])
        except ValueError:
            return LineError(number, f"{name}: “{cells[name]}” is no ISO 8601 date and time")
        if moment.tzinfo is None:
            return LineError(number, f"{name}: give the offset from UTC, as in {cells[name]}+02:00")
        times.append(moment)
    begin, end = times
    return Line(number, cells["username"], cells["branch"], begin, end, cells["notes"], time_zone)
