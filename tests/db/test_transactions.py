"""What Django documents about transactions holds, with a connection only while one is needed."""

# ruff: noqa: PT012  (what is to fail here is a transaction of several statements)

from typing import Any

import pytest
from django.db import (
    DatabaseError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    transaction,
)
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from config.db.base import DatabaseWrapper
from tests.db.conftest import Thing, insert, names


def test_a_statement_holds_nothing_afterwards(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert database.connection is None
        assert cursor.fetchall() == [(1,)]


def test_an_empty_atomic_needs_no_connection(database: DatabaseWrapper) -> None:
    before = database.group.gate.numbers()["read"]["admitted"]
    with transaction.atomic(), transaction.atomic(savepoint=False):
        pass
    assert database.group.gate.numbers()["read"]["admitted"] == before


def test_an_atomic_holds_one_from_its_first_statement_to_its_end(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        assert database.connection is None
        insert("a")
        held = database.connection
        assert held is not None
        assert names() == ["a"]
        assert database.connection is held
    assert database.connection is None
    assert names() == ["a"]


def test_an_error_rolls_back(database: DatabaseWrapper) -> None:
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        insert("a")
        raise ZeroDivisionError
    assert names() == []


def test_savepoints(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        insert("a")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            insert("b")
            raise ZeroDivisionError
        with transaction.atomic():
            insert("c")
    assert names() == ["a", "c"]


def test_a_savepoint_may_be_the_first_statement(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            Thing.objects.create(id=1, name="a")
            Thing.objects.create(id=1, name="b")
        insert("c")
    assert names() == ["c"]


def test_savepoints_by_hand(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        insert("a")
        sid = transaction.savepoint()
        insert("b")
        transaction.savepoint_rollback(sid)
        insert("c")
    assert names() == ["a", "c"]


def test_an_error_without_savepoint_forbids_further_queries(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic(savepoint=False):
            Thing.objects.create(id=1, name="a")
            Thing.objects.create(id=1, name="b")
        with pytest.raises(TransactionManagementError):
            names()
    assert names() == []


def test_a_swallowed_error_is_no_silent_rollback(database: DatabaseWrapper) -> None:
    with pytest.raises(InternalError, match="cannot be committed"), transaction.atomic():
        insert("a")
        with database.cursor() as cursor, pytest.raises(ProgrammingError):
            cursor.execute("SELECT nonsense")
    assert names() == []


def test_hooks_run_after_commit_with_nothing_held(database: DatabaseWrapper) -> None:
    seen: list[Any] = []
    with transaction.atomic():
        insert("a")
        transaction.on_commit(lambda: seen.append((database.connection, names())))
        assert seen == []
    assert seen == [(None, ["a"])]


def test_hooks_of_a_rolled_back_savepoint_do_not_run(database: DatabaseWrapper) -> None:
    seen: list[str] = []
    with transaction.atomic():
        transaction.on_commit(lambda: seen.append("outer"))
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            transaction.on_commit(lambda: seen.append("inner"))
            raise ZeroDivisionError
    assert seen == ["outer"]


def test_a_robust_hook_that_fails_does_not_stop_the_next(
    database: DatabaseWrapper, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise ZeroDivisionError

    with transaction.atomic():
        insert("a")
        transaction.on_commit(fail, robust=True)
        transaction.on_commit(lambda: seen.append("next"))
    assert seen == ["next"]


def test_a_hook_outside_a_transaction_runs_at_once(database: DatabaseWrapper) -> None:
    seen: list[str] = []
    transaction.on_commit(lambda: seen.append("now"))
    assert seen == ["now"]


def test_durable(database: DatabaseWrapper) -> None:
    with transaction.atomic(durable=True):
        insert("a")
    durable = transaction.atomic(durable=True)
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        durable.__enter__()
    assert names() == ["a"]


def test_set_rollback(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        insert("a")
        transaction.set_rollback(True)
    assert names() == []


def test_transactions_by_hand(database: DatabaseWrapper) -> None:
    transaction.set_autocommit(False)
    try:
        insert("a")
        assert database.connection is not None
        with pytest.raises(ProgrammingError):
            transaction.set_autocommit(True)
        transaction.commit()
        assert database.connection is None
        insert("b")
        transaction.rollback()
        with transaction.atomic():
            insert("c")
        transaction.commit()
    finally:
        transaction.set_autocommit(True)
    assert names() == ["a", "c"]


def test_select_for_update_needs_a_transaction(database: DatabaseWrapper) -> None:
    insert("a")
    with pytest.raises(TransactionManagementError):
        Thing.objects.select_for_update().get()
    with transaction.atomic():
        Thing.objects.select_for_update().get()


def test_close_in_atomic_ends_it_and_revives_later(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        insert("a")
        connection.close()
        with pytest.raises(ProgrammingError, match="the 'atomic' block"):
            insert("b")
    assert names() == []
    with transaction.atomic():
        insert("c")
    assert names() == ["c"]


def test_close_in_an_atomic_without_statements_ends_it_too(database: DatabaseWrapper) -> None:
    with transaction.atomic():
        connection.close()
        with pytest.raises(ProgrammingError, match="the 'atomic' block"):
            insert("b")
    insert("c")
    assert names() == ["c"]


def test_the_end_of_a_request_ends_what_it_left(database: DatabaseWrapper) -> None:
    transaction.set_autocommit(False)
    insert("a")
    connection.close_if_unusable_or_obsolete()
    assert database.connection is None
    assert transaction.get_autocommit()
    assert names() == []


def test_the_connections_of_a_lost_server_session_are_not_committed(
    database: DatabaseWrapper,
) -> None:
    with pytest.raises(OperationalError), transaction.atomic():
        insert("a")
        assert database.connection is not None
        database.connection.pgconn.finish()
        with pytest.raises(OperationalError):
            insert("b")
    assert names() == []


def test_queries_are_logged_as_django_does(database: DatabaseWrapper) -> None:
    with CaptureQueriesContext(connection) as queries:
        with transaction.atomic():
            insert("it's")
        with transaction.atomic():
            pass
    assert [query["sql"] for query in queries] == [
        "BEGIN",
        "INSERT INTO config_thing (name) VALUES ('it''s')",
        "COMMIT",
    ]


def test_deferred_constraints_fail_at_commit(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE config_thing ADD CONSTRAINT once UNIQUE (name) "
            "DEFERRABLE INITIALLY DEFERRED"
        )
    seen: list[str] = []
    with pytest.raises(DatabaseError), transaction.atomic():
        insert("a")
        insert("a")
        transaction.on_commit(lambda: seen.append("hook"))
    assert (names(), seen) == ([], [])
