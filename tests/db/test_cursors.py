"""Cursors: rows outlive the connection; what needs the connection longer pins it, and no more."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, ProgrammingError, connection, transaction
from django.db.backends.postgresql.psycopg_any import mogrify  # type: ignore[import-untyped]

from config.db.base import DatabaseWrapper
from tests.db.conftest import Thing, insert, names


@pytest.fixture
def things(database: DatabaseWrapper) -> DatabaseWrapper:
    Thing.objects.bulk_create(Thing(name=f"{n:03}") for n in range(50))
    return database


def test_rows_are_fetched_after_the_connection_is_back(things: DatabaseWrapper) -> None:
    with things.cursor() as cursor:
        cursor.execute("SELECT name FROM config_thing ORDER BY name")
        assert things.connection is None
        assert cursor.rowcount == 50
        assert [column.name for column in cursor.description] == ["name"]
        assert cursor.fetchone() == ("000",)
        assert cursor.fetchmany(2) == [("001",), ("002",)]
        assert len(list(cursor)) == 47


def test_a_cursor_may_run_many_statements(things: DatabaseWrapper) -> None:
    with things.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.execute("SELECT %s::int", [2])
        assert cursor.fetchone() == (2,)
        cursor.executemany("INSERT INTO config_thing (name) VALUES (%s)", [["x"], ["y"]])
        assert cursor.rowcount == 2
        assert things.connection is None


def test_an_unused_or_closed_cursor_fails_as_django_says(things: DatabaseWrapper) -> None:
    cursor = things.cursor()
    with pytest.raises(ProgrammingError):
        cursor.fetchone()
    cursor.close()
    with pytest.raises(InterfaceError):
        cursor.execute("SELECT 1")
    assert things.connection is None


def test_iterator_pins_until_it_is_done(things: DatabaseWrapper) -> None:
    rows = Thing.objects.order_by("name").iterator(chunk_size=10)
    next(rows)
    held = things.connection
    assert held is not None
    insert("z")
    assert things.connection is held
    assert len(list(rows)) == 49
    assert things.connection is None


def test_iterator_in_a_transaction(things: DatabaseWrapper) -> None:
    with transaction.atomic():
        rows = Thing.objects.order_by("name").iterator(chunk_size=10)
        next(rows)
        insert("z")
        assert len(list(rows)) == 49
    assert things.connection is None


def test_an_iterator_left_open_ends_with_the_close_of_its_transaction(
    things: DatabaseWrapper,
) -> None:
    with transaction.atomic():
        rows = Thing.objects.iterator(chunk_size=10)
        next(rows)
        connection.close()
    with pytest.raises(InterfaceError):
        list(rows)
    assert names()[0] == "000"


def test_copy_pins_for_its_block(things: DatabaseWrapper) -> None:
    with things.cursor() as cursor:
        with cursor.copy("COPY config_thing (name) FROM STDIN") as copy:
            assert things.connection is not None
            copy.write_row(["copied"])
        assert things.connection is None
        with cursor.copy("COPY (SELECT name FROM config_thing) TO STDOUT") as copy:
            assert len(list(copy.rows())) == 51
    assert "copied" in names()


def test_stream_pins_until_it_is_done(things: DatabaseWrapper) -> None:
    with things.cursor() as cursor:
        rows: Iterator[Any] = cursor.stream("SELECT name FROM config_thing")
        next(rows)
        assert things.connection is not None
        assert len(list(rows)) == 49
        assert things.connection is None


def test_mogrify_needs_a_connection_for_a_moment(things: DatabaseWrapper) -> None:
    assert mogrify("SELECT %s", ["it's"], things) == "SELECT 'it''s'"
    with things.cursor() as cursor:
        assert cursor.mogrify("SELECT %s", [1]) == "SELECT 1"
    assert things.connection is None


def test_callproc(things: DatabaseWrapper) -> None:
    with things.cursor() as cursor:
        cursor.callproc("upper", ["a"])
        assert cursor.fetchone() == ("A",)
        assert things.connection is None


def test_a_raw_begin_pins_until_its_end(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.execute("BEGIN")
        held = database.connection
        insert("a")
        assert database.connection is held is not None
        cursor.execute("ROLLBACK")
    assert database.connection is None
    assert names() == []


@pytest.mark.parametrize(
    ("change", "question", "otherwise"),
    [
        ("SET work_mem = '123kB'", "SHOW work_mem", None),
        ("SELECT pg_advisory_lock(7)", "SELECT count(*) FROM pg_locks WHERE objid = 7", 0),
        ("CREATE TEMP TABLE t ()", "SELECT to_regclass('pg_temp.t')::text", None),
        ("LISTEN channel", "SELECT count(*) FROM pg_listening_channels()", 0),
    ],
)
def test_session_state_reaches_nobody_else(
    elsewhere: Callable[..., DatabaseWrapper], change: str, question: str, otherwise: Any
) -> None:
    db = elsewhere(pools=1, pool_size=1, write_reserve=0)
    with db.cursor() as cursor:
        cursor.execute(question)
        before = cursor.fetchone()
        cursor.execute(change)
        cursor.execute(question)
        assert cursor.fetchone() == before
    if otherwise is not None:
        assert before == (otherwise,)
    with db.pinned(), db.cursor() as cursor:
        cursor.execute(change)
        cursor.execute(question)
        assert cursor.fetchone() != before
        cursor.execute("SELECT 1")
    with db.cursor() as cursor:
        cursor.execute(question)
        assert cursor.fetchone() == before


def test_set_local_costs_no_connection(elsewhere: Callable[..., DatabaseWrapper]) -> None:
    db = elsewhere(pools=1, pool_size=1, write_reserve=0)
    with transaction.atomic(), db.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '123kB'")
    with db.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert db.group.opened == 1


def test_pinned_yields_the_connection_itself(database: DatabaseWrapper) -> None:
    with database.pinned() as raw:
        assert raw is database.connection
        assert isinstance(raw, psycopg.Connection)
        insert("a")
        with transaction.atomic():
            insert("b")
        assert database.connection is raw
    assert database.connection is None
    assert names() == ["a", "b"]
