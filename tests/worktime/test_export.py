"""GET /api/worktime/export/ and export_worktime: the records as files."""

import csv
import errno
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import openpyxl
import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role, User
from organizations.models import Organization
from tests.conftest import Api
from tests.worktime.records import fields, hours_ago, work
from worktime import exports
from worktime.models import WorkTime
from worktime.sheets import Workbook, guarded, unguarded

EXPORT = "/api/worktime/export/"
STATS = "/api/worktime/stats/"


def content_of(response: Any) -> bytes:
    assert response.status_code == 200, response.content
    content = b"".join(response.streaming_content)
    assert len(content) == int(response["Content-Length"])
    return content


def text_of(response: Any) -> str:
    return content_of(response).decode()


def rows_of(text: str) -> list[dict[str, str]]:
    assert text[0] == "\ufeff"
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def sheets_of(response: Any) -> dict[str, list[dict[str, Any]]]:
    book = openpyxl.load_workbook(io.BytesIO(content_of(response)))
    sheets = {}
    for sheet in book.worksheets:
        header, *rows = sheet.iter_rows(values_only=True)
        sheets[sheet.title] = [dict(zip(header, row, strict=True)) for row in rows]
    book.close()
    return sheets


@pytest.fixture
def march(alice: User) -> None:
    """Three records in Berlin: a day, the night in which clocks change, one beyond the month."""
    User.objects.filter(pk=alice.pk).update(time_zone="Europe/Berlin")
    for begin, end in (
        ("2026-03-23T08:00:00.250+01:00", "2026-03-23T12:20:00.500+01:00"),
        ("2026-03-28T22:00:00+01:00", "2026-03-29T06:00:00+02:00"),
        ("2026-03-31T20:00:00+02:00", "2026-04-01T04:00:00+02:00"),
    ):
        work(
            alice,
            datetime.fromisoformat(begin),
            datetime.fromisoformat(end),
            time_zone="Europe/Berlin",
        )


@pytest.mark.usefixtures("march")
def test_csv(api: type[Api], alice: User) -> None:
    response = api(alice).get(EXPORT, {"format": "csv"})
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="worktime-all.csv"'
    rows = rows_of(text_of(response))
    assert list(rows[0]) == list(exports.HEADER)
    night = rows[1]
    assert (night["username"], night["branch"]) == ("alice", "Hamburg")
    assert night["started_at"] == "2026-03-28T22:00:00+01:00"
    assert night["ended_at"] == "2026-03-29T06:00:00+02:00"
    assert float(night["duration_seconds"]) == 7 * 3600
    assert float(night["duration_hours"]) == 7
    assert (night["time_zone"], night["day_rule"]) == ("Europe/Berlin", "split_at_midnight")


@pytest.mark.usefixtures("march")
@pytest.mark.parametrize("rule", ["split_at_midnight", "start_day"])
@pytest.mark.parametrize("period", [{"month": "2026-03"}, {"week": "2026-W14"}])
def test_the_sums_equal_the_statistics(
    api: type[Api], alice: User, nordwind: Organization, rule: str, period: dict[str, str]
) -> None:
    nordwind.day_rule = rule
    nordwind.save()
    client = api(alice)
    expected = client.get(STATS, period).json()["worked_seconds"]
    assert expected > 0
    sheets = sheets_of(client.get(EXPORT, {"format": "xlsx", **period}))
    table = sheets["Working time"]
    assert sum(row["counted_seconds"] for row in table) == pytest.approx(expected, abs=1e-6)
    about = {row["what"]: row["value"] for row in sheets["About"]}
    assert about["counted_seconds"] == expected
    assert (about["day_rule"], about["time_zone of the period"]) == (rule, "Europe/Berlin")
    assert about["records"] == len(table)
    rows = rows_of(text_of(client.get(EXPORT, {"format": "csv", **period})))
    assert sum(float(row["counted_seconds"]) for row in rows) == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("march")
def test_xlsx_has_numbers_and_moments(api: type[Api], alice: User) -> None:
    response = api(alice).get(EXPORT, {"format": "xlsx", "month": "2026-03"})
    assert response["Content-Disposition"] == 'attachment; filename="worktime-2026-03.xlsx"'
    day = sheets_of(response)["Working time"][0]
    assert day["started_at"] == datetime(2026, 3, 23, 8, 0, 0, 250_000)  # noqa: DTZ001  (as Excel has it)
    assert day["duration_seconds"] == 4 * 3600 + 20 * 60 + 0.25


def test_a_running_record_counts_until_now(api: type[Api], alice: User) -> None:
    work(alice, *hours_ago(2))
    (row,) = rows_of(text_of(api(alice).get(EXPORT, {"format": "csv"})))
    assert (row["ended_at"], row["duration_seconds"]) == ("", "")
    assert float(row["counted_seconds"]) == pytest.approx(7200, abs=30)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
def test_a_formula_stays_text(api: type[Api], alice: User, start: str) -> None:
    notes = f'{start}HYPERLINK("http://x","y")'
    work(alice, *hours_ago(3, 2), notes=notes)
    client = api(alice)
    (row,) = rows_of(text_of(client.get(EXPORT, {"format": "csv"})))
    assert row["notes"] == f"'{notes}"
    content = content_of(client.get(EXPORT, {"format": "xlsx"}))
    sheet = openpyxl.load_workbook(io.BytesIO(content))["Working time"]
    cell = sheet.cell(2, exports.HEADER.index("notes") + 1)
    assert (cell.data_type, cell.value) == ("s", notes.replace("\r", "_x000D_"))


@given(st.text(max_size=6))
def test_a_guarded_cell_gives_its_text_back(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_who_sees_what(api: type[Api], alice: User, bob: User, charlie: User) -> None:
    for user in (alice, bob, charlie):
        work(user, *hours_ago(3, 2))

    def exported(who: User, **query: Any) -> list[str]:
        rows = rows_of(text_of(api(who).get(EXPORT, {"format": "csv", **query})))
        return [row["username"] for row in rows]

    assert exported(alice) == ["alice"]
    assert exported(bob) == ["alice", "bob"]
    assert exported(bob, user=alice.id) == ["alice"]
    assert exported(bob, user=charlie.id) == []
    assert exported(alice, user=bob.id) == []
    alice.role_assignments.get().role.permissions.all().delete()
    assert api(alice).get(EXPORT, {"format": "csv"}).status_code == 403


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "format"),
        ({"format": "pdf"}, "format"),
        ({"format": "csv", "month": "x"}, "month"),
        ({"format": "csv", "user": "x"}, "user"),
    ],
)
def test_nonsense_names_the_parameter(
    api: type[Api], alice: User, query: dict[str, str], field: str
) -> None:
    assert set(fields(api(alice).get(EXPORT, query))) == {field}


def test_any_accept_header_will_do(api: type[Api], alice: User) -> None:
    response = api(alice).get(EXPORT, {"format": "csv"}, headers={"Accept": "text/csv"})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "notes", ['"', "a\r\nb", "\r", " x ", "\\.", "\\N", "\\", ",", "''", "ä€😀", "\u2028", "\x01"]
)
def test_every_text_comes_through(api: type[Api], alice: User, notes: str) -> None:
    work(alice, *hours_ago(5, 4), notes=notes)
    work(alice, *hours_ago(3, 2))
    odd, plain = rows_of(text_of(api(alice).get(EXPORT, {"format": "csv"})))
    assert (unguarded(odd["notes"]), plain["notes"], plain["edited_by"]) == (notes, "", "")


def test_a_role_without_branches_exports_nothing(api: type[Api], bob: User) -> None:
    work(bob, *hours_ago(3, 2))
    Role.objects.filter(assignments__user=bob).update(all_branches=False)
    response = api(bob).get(EXPORT, {"format": "csv"})
    assert (rows_of(text_of(response)), response["X-Row-Count"]) == ([], "0")


def test_a_long_table_continues_on_the_next_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worktime.sheets.ROWS_OF_A_SHEET", 3)
    target = io.BytesIO()
    with Workbook(target) as book:
        book.add_table("T", ("n",), ((n,) for n in range(5)))
    sheets = openpyxl.load_workbook(target).worksheets
    assert [sheet.title for sheet in sheets] == ["T", "T 2", "T 3"]
    values = [row[0] for sheet in sheets for row in sheet.iter_rows(2, values_only=True)]
    assert values == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("march")
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_command(nordwind: Organization, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"march.{ending}"
    call_command("export_worktime", target, organization="Nordwind", month="2026-03")
    assert target.stat().st_size > 400
    if ending == "csv":
        assert len(rows_of(target.read_bytes().decode())) == 3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("x.csv", {"organization": "nobody"}),
        ("x.pdf", {"organization": "nordwind"}),
        ("x.csv", {"organization": "nordwind", "week": "2026-W99"}),
        ("missing/x.csv", {"organization": "nordwind"}),
    ],
)
def test_the_command_refuses(
    nordwind: Organization, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    with pytest.raises(CommandError):
        call_command("export_worktime", tmp_path / name, **options)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_the_command_leaves_no_part_of_a_file(
    nordwind: Organization, alice: User, tmp_path: Path, ending: str
) -> None:
    work(alice, *hours_ago(3, 2))
    target = tmp_path / f"x.{ending}"
    target.write_text("as it was")
    WorkTime.objects.update(time_zone="Nowhere/Land")
    with pytest.raises(ZoneInfoNotFoundError):
        call_command("export_worktime", target, organization="nordwind")
    assert target.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [target]


class Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, block: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # of zipfile
def test_a_full_disk_is_told_as_such() -> None:
    with pytest.raises(OSError, match="No space left"), Workbook(Full()) as book:
        book.add_table("T", ("n",), [(1,)])


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_query_count(
    api: type[Api], alice: User, ending: str, django_assert_num_queries: Callable[..., Any]
) -> None:
    for number in range(3):
        begin, _ = hours_ago(24 * number + 2)
        work(alice, begin, begin + timedelta(hours=1))
    client = api(alice)
    with django_assert_num_queries(11):
        assert content_of(client.get(EXPORT, {"format": ending}))
