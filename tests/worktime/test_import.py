"""manage.py import_worktime: records from CSV, all or none, each wrong line named."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from organizations.models import Organization
from tests.worktime.records import hours_ago, work
from worktime.models import WorkTime, WorkTimeRevision

HEADER = "username,branch,started_at,ended_at,notes\n"
GOOD = "alice,Hamburg,2026-03-02T08:00+01:00,2026-03-02T12:00+01:00,hello\n"


@pytest.fixture
def load(tmp_path: Path, nordwind: Organization, alice: User) -> Callable[..., list[str]]:
    """Imports a text; returns what is said about lines, with True for "imported" at the end."""

    def run(text: str | bytes, **options: Any) -> list[Any]:
        file = tmp_path / "in.csv"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        errors = io.StringIO()
        try:
            call_command(
                "import_worktime",
                file,
                organization="nordwind",
                stdout=io.StringIO(),
                stderr=errors,
                **options,
            )
        except CommandError:
            return [line.partition(": ")[2] for line in errors.getvalue().splitlines()]
        return [True]

    return run


def test_it_works(load: Callable[..., Any], alice: User, ada: User) -> None:
    later = "ALICE,hamburg,2026-03-02T13:00:00Z,2026-03-02T17:00:00Z,\n"
    assert load("\ufeff" + HEADER + GOOD + later, author="ada") == [True]
    first, second = WorkTime.objects.order_by("started_at")
    assert (first.user, first.notes, first.source) == (alice, "hello", "import")
    assert (first.time_zone, second.started_at.hour) == ("Europe/Berlin", 13)
    revisions = WorkTimeRevision.objects.order_by("id")
    assert [(row.worktime_id, row.action, row.author) for row in revisions] == [
        (first.id, "imported", ada),
        (second.id, "imported", ada),
    ]


def test_a_rehearsal_stores_nothing(load: Callable[..., Any]) -> None:
    assert load(HEADER + GOOD, dry_run=True) == [True]
    assert not WorkTime.objects.exists()


@pytest.mark.usefixtures("charlie")
def test_every_wrong_line_is_named_and_nothing_stored(load: Callable[..., Any]) -> None:
    text = (
        HEADER
        + GOOD
        + (
            "charlie,Hamburg,2026-03-02T08:00Z,2026-03-02T12:00Z,\n"
            "alice,Kiel,2026-03-03T08:00Z,2026-03-03T12:00Z,\n"
            "alice,Hamburg,2026-03-04T12:00Z,2026-03-04T08:00Z,\n"
            "alice,Hamburg,2999-03-04T08:00Z,2999-03-04T12:00Z,\n"
            "alice,Hamburg,0001-03-04T08:00Z,2026-03-04T12:00Z,\n"
        )
    )
    assert load(text) == [
        "line 3: there is no member “charlie”",
        "line 4: there is no branch “Kiel”",
        "line 5: ended_at: The end must be after the start.",
        "line 6: started_at: This time is in the future.",
        "line 7: started_at: This is before 1970.",
    ]
    assert not WorkTime.objects.exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("alice,Hamburg,2026-03-02T08:00,2026-03-02T12:00Z,", "started_at: give the offset"),
        ("alice,Hamburg,yesterday,2026-03-02T12:00Z,", "started_at: “yesterday” is no ISO"),
        (",Hamburg,2026-03-02T08:00Z,2026-03-02T12:00Z,", "username is empty"),
        ("alice,Hamburg,2026-03-02T08:00Z,,", "ended_at is empty"),
        ("alice", "branch is empty"),
        ("alice,Hamburg,2026-03-02T08:00Z,2026-03-02T12:00Z,a,b", "there are more cells"),
        ("alice,Hamburg,2026-03-02T08:00Z,2026-03-02T12:00Z," + "n" * 2001, "notes has more"),
        ('alice,"Ham"burg,x,y,', "this is no CSV"),
    ],
)
def test_a_malformed_line(load: Callable[..., Any], line: str, message: str) -> None:
    (said,) = load(f"{HEADER}{GOOD}{line}\n")
    assert said.startswith(f"line 3: {message}")
    assert not WorkTime.objects.exists()


@pytest.mark.parametrize("zone", ["Europe/Hamburg", "../UTC", "=1"])
def test_an_unknown_time_zone(load: Callable[..., Any], zone: str) -> None:
    header = HEADER.replace("notes", "time_zone")
    assert load(header + GOOD.replace("hello", zone)) == [f"line 2: there is no time zone “{zone}”"]
    assert load(header + GOOD.replace("hello", "")) == [True]
    assert WorkTime.objects.get().time_zone == "Europe/Berlin"


@pytest.mark.parametrize("text", ["", "username,branch\n", b"\xff\xfe\x00"])
def test_no_table_at_all(load: Callable[..., Any], text: str | bytes) -> None:
    assert len(load(text)) == 1


def test_overlaps_are_named(load: Callable[..., Any], alice: User) -> None:
    running = work(alice, *hours_ago(2))
    assert load(HEADER + GOOD) == [True]
    stored = WorkTime.objects.earliest("started_at")
    begin, end = hours_ago(3, 1)
    text = HEADER + (
        "alice,Hamburg,2026-03-02T07:00+01:00,2026-03-02T08:00:01+01:00,before\n"
        "alice,Hamburg,2026-03-02T12:00+01:00,2026-03-02T14:00+01:00,right after\n"
        "alice,Hamburg,2026-03-02T13:00+01:00,2026-03-02T13:30+01:00,inside\n"
        "alice,Hamburg,2026-03-02T13:45+01:00,2026-03-02T15:00+01:00,also\n"
        f"alice,Hamburg,{begin},{end},now\n"
    )
    assert load(text) == [
        f"line 2: this overlaps record {stored.id}",
        "line 4: this overlaps line 3",
        "line 5: this overlaps line 3",
        f"line 6: this overlaps record {running.id}",
    ]
    assert load(HEADER + GOOD) == [f"line 2: this overlaps record {stored.id}"]
    assert WorkTime.objects.count() == 2


def test_an_export_can_be_imported(load: Callable[..., Any], tmp_path: Path, alice: User) -> None:
    zones = ("UTC", "Asia/Kolkata", "America/Bogota", "Europe/Berlin")
    for number, notes in enumerate(("=1+1", " two\r\nlines ", "'quoted", 'ä;ö,"ü"')):
        work(
            alice,
            *hours_ago(2 * number + 2, 2 * number + 1),
            notes=notes,
            time_zone=zones[number],
        )
    columns = ("user_id", "started_at", "ended_at", "time_zone", "notes")
    before = list(WorkTime.objects.order_by("started_at").values_list(*columns))
    call_command("export_worktime", tmp_path / "out.csv", organization="nordwind")
    WorkTime.objects.all().delete()
    assert load((tmp_path / "out.csv").read_bytes()) == [True]
    assert list(WorkTime.objects.order_by("started_at").values_list(*columns)) == before


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("in.csv", {"organization": "nobody"}),
        ("missing.csv", {"organization": "nordwind"}),
        ("in.csv", {"organization": "nordwind", "author": "nobody"}),
    ],
)
def test_the_command_refuses(
    nordwind: Organization, tmp_path: Path, name: str, options: dict[str, str]
) -> None:
    (tmp_path / "in.csv").write_text(HEADER)
    with pytest.raises(CommandError):
        call_command("import_worktime", tmp_path / name, **options)


def test_query_count(
    load: Callable[..., Any], django_assert_num_queries: Callable[..., Any]
) -> None:
    text = HEADER + "".join(
        f"alice,Hamburg,2026-03-02T{hour:02}:00Z,2026-03-02T{hour:02}:30Z,\n" for hour in range(24)
    )
    with django_assert_num_queries(10):
        assert load(text) == [True]
