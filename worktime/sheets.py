"""Tables for spreadsheets: CSV and XLSX, in constant memory. Pure: no Django in here.

Durations are numbers. A text that a spreadsheet would run as a formula stays a text.
"""

import csv
import io
import tempfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import IO, Any, Final, Self, TextIO

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

# Also the full-width forms, which some programs take for the same; see OWASP, "CSV injection".
FORMULA_STARTS: Final = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
ROWS_OF_A_SHEET: Final = 1_048_576
BOM: Final = "\ufeff"

Cell = str | int | float | datetime | None


def guarded(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet takes for a formula."""
    # One quote more for what begins with one, so that `unguarded` gives every text back.
    return f"'{text}" if text.startswith((*FORMULA_STARTS, "'")) else text


def unguarded(cell: str) -> str:
    """Return the text that `guarded` was given."""
    is_guarded = cell.startswith("'") and cell[1:].startswith((*FORMULA_STARTS, "'"))
    return cell[1:] if is_guarded else cell


def write_csv(target: TextIO, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write a CSV file, with a byte order mark, for Excel to see that it is UTF-8."""
    target.write(BOM)
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)


class Workbook:
    """An XLSX file written row by row to `target`, a seekable binary file.

    A context manager: the file is complete when the block ends without an error. Datetimes are
    written as the clock on the wall shows them. A table too long for one sheet continues on the
    next.
    """

    def __init__(self, target: IO[bytes]) -> None:
        # Of its own: xlsxwriter leaves its temporary files behind where it does not come to an end.
        self._folder = tempfile.TemporaryDirectory()
        options = {"constant_memory": True, "tmpdir": self._folder.name}
        self._target = _Target(target)
        self._book = xlsxwriter.Workbook(self._target, options)
        self._bold = self._book.add_format({"bold": True})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._folder:
            if kind is None:
                try:
                    self._book.close()
                except FileCreateError as error:
                    # What is half made wants to complete itself when it is forgotten.
                    self._target.file = io.BytesIO()
                    raise error.args[0] from None  # the OSError that it was

    def add_table(self, name: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """Write a table with a heading."""
        sheet, number, sheets = None, ROWS_OF_A_SHEET, 0
        for row in rows:
            if number == ROWS_OF_A_SHEET:
                sheets += 1
                sheet, number = self._sheet(name if sheets == 1 else f"{name} {sheets}", header), 1
            self._write(sheet, number, row)
            number += 1
        if sheet is None:
            self._sheet(name, header)

    def _sheet(self, name: str, header: Sequence[str]) -> Any:
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(header) - 1, 18)
        for column, title in enumerate(header):
            sheet.write_string(0, column, title, self._bold)
        return sheet

    def _write(self, sheet: Any, number: int, row: Sequence[Cell]) -> None:
        for column, cell in enumerate(row):
            if isinstance(cell, str):
                sheet.write_string(number, column, cell)
            elif isinstance(cell, datetime):
                sheet.write_datetime(number, column, cell.replace(tzinfo=None), self._moment)
            elif cell is not None:
                sheet.write_number(number, column, cell)


class _Target:
    """A file that can be exchanged for another."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def _csv_cell(cell: Cell) -> Any:
    if isinstance(cell, str):
        return guarded(cell)
    return cell.isoformat() if isinstance(cell, datetime) else cell
