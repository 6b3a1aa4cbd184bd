"""`@write`: one transaction, repeated only where nothing was applied, never after a commit."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from psycopg import errors

from config.db import retry
from config.db.base import DatabaseWrapper
from config.db.errors import Contended, DatabaseUnavailable, OutcomeUnknown, PoolExhausted
from config.db.intent import Intent, current, use
from config.db.outcome import Kind, kind_of
from config.db.retry import RetryBudget, pause_before, write
from tests.db.conftest import insert, names


@pytest.fixture(autouse=True)
def _fresh_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "budget", RetryBudget())


class Flaky:
    """Inserts a row, and fails the first times it runs."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        insert("row")
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def conflict() -> OperationalError:
    error = OperationalError("could not serialize access")
    error.__cause__ = errors.SerializationFailure("could not serialize access")
    return error


def run(function: Callable[[], Any]) -> Any:
    return write(lambda: function())()


def test_it_returns_and_commits(database: DatabaseWrapper) -> None:
    assert run(Flaky()) == "done"
    assert names() == ["row"]


def test_it_writes_with_intent_and_deadline(database: DatabaseWrapper) -> None:
    def look() -> tuple[Intent, str, bool]:
        scope = current()
        assert scope is not None
        return scope.intent, scope.label, scope.deadline is not None

    with use(Intent.WRITE, label="POST /x"):
        assert run(look) == (Intent.WRITE, "POST /x", True)


def test_a_statement_has_the_time_of_a_write(database: DatabaseWrapper) -> None:
    def timeout() -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return cursor.fetchone()

    assert (timeout(), run(timeout)) == (("5s",), ("15s",))


def test_a_conflict_is_repeated_and_applied_once(database: DatabaseWrapper) -> None:
    flaky = Flaky(conflict())
    assert run(flaky) == "done"
    assert (flaky.runs, names()) == (2, ["row"])


def test_three_attempts_and_no_more(database: DatabaseWrapper) -> None:
    flaky = Flaky(*(conflict() for _ in range(5)))
    with pytest.raises(Contended, match="3 attempts"):
        run(flaky)
    assert (flaky.runs, names()) == (3, [])


@pytest.mark.parametrize(
    "error",
    [
        PoolExhausted("full"),
        OutcomeUnknown("lost"),
        ZeroDivisionError(),
        OperationalError("made by hand"),
    ],
)
def test_other_errors_are_not_repeated(database: DatabaseWrapper, error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        run(flaky)
    assert (flaky.runs, names()) == (1, [])


def test_nested_writes_join(database: DatabaseWrapper) -> None:
    inner = Flaky(conflict())
    outer_runs = []

    def outer() -> None:
        outer_runs.append(1)
        insert("outer")
        write(inner.__call__)()

    run(outer)
    assert (len(outer_runs), inner.runs, names()) == (2, 2, ["outer", "row"])


def test_a_failure_of_a_nested_write_cannot_be_swallowed(database: DatabaseWrapper) -> None:
    def outer() -> None:
        insert("outer")
        with pytest.raises(ZeroDivisionError):
            write(Flaky(ZeroDivisionError()).__call__)()

    with pytest.raises(TransactionManagementError, match="rolls its transaction back"):
        run(outer)
    assert names() == []


def test_a_failing_hook_does_not_repeat_what_is_applied(database: DatabaseWrapper) -> None:
    flaky = Flaky()

    def fail() -> None:
        raise DatabaseUnavailable("in a hook")

    def store() -> None:
        transaction.on_commit(fail)
        flaky()

    with pytest.raises(DatabaseUnavailable, match="in a hook"):
        run(store)
    assert (flaky.runs, names()) == (1, ["row"])


def test_a_write_in_a_hook_is_one_of_its_own(database: DatabaseWrapper) -> None:
    hook = Flaky(conflict())
    run(lambda: transaction.on_commit(write(hook.__call__)))
    assert (hook.runs, names()) == (2, ["row"])


def test_hooks_run_once_however_often_it_is_repeated(database: DatabaseWrapper) -> None:
    seen: list[str] = []
    flaky = Flaky(conflict())

    def store() -> None:
        transaction.on_commit(lambda: seen.append("hook"))
        flaky()

    run(store)
    assert seen == ["hook"]


def test_reads_may_not_write(database: DatabaseWrapper) -> None:
    with use(Intent.READ), pytest.raises(TransactionManagementError, match="only reads"):
        run(Flaky())
    assert names() == []


def test_it_may_not_be_inside_a_plain_transaction(database: DatabaseWrapper) -> None:
    with transaction.atomic(), pytest.raises(TransactionManagementError, match="plain atomic"):
        run(Flaky())
    assert names() == []


def test_coroutines_are_refused() -> None:
    async def function() -> None: ...

    with pytest.raises(TypeError):
        write(function)


def test_nothing_is_held_while_it_sleeps(
    database: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []
    monkeypatch.setattr("time.sleep", lambda _: held.append(database.group.held()))
    run(Flaky(conflict(), conflict()))
    assert held == [[], []]


def test_the_budget_bounds_repetitions(
    database: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "budget", RetryBudget(ratio=0.5, burst=1))
    assert run(Flaky(conflict())) == "done"
    flaky = Flaky(conflict())
    with pytest.raises(Contended):
        run(flaky)
    assert flaky.runs == 1


def test_a_real_serialization_failure(database: DatabaseWrapper) -> None:
    insert("row")
    meeting = threading.Barrier(2, timeout=5)
    runs: list[int] = []

    @write
    def rename(name: str) -> None:
        runs.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT name FROM config_thing")
            if len(runs) <= 2:
                meeting.wait()
            cursor.execute("UPDATE config_thing SET name = name || %s", [name])

    threads = [threading.Thread(target=rename, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs) == 3
    assert names() in (["rowab"], ["rowba"])


def test_the_budget_earns_a_share_of_the_writes() -> None:
    budget = RetryBudget(ratio=0.1, burst=2)
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(9):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    budget.earn()
    assert budget.spend()


@pytest.mark.parametrize(
    ("attempt", "chance", "pause"),
    [(2, 1.0, 0.05), (3, 1.0, 0.1), (2, 0.0, 0.0), (3, 0.5, 0.05), (4, 0.0, None)],
)
def test_backoff(attempt: int, chance: float, pause: float | None) -> None:
    assert pause_before(attempt, now=10.0, deadline=12.0, chance=chance) == pause


def test_no_attempt_begins_after_the_deadline() -> None:
    assert pause_before(2, now=11.97, deadline=12.0, chance=1.0) is None


@pytest.mark.parametrize(
    ("state", "before", "committing"),
    [
        *((state, Kind.SAFE, Kind.SAFE) for state in ("08001", "08004", "53300", "57P03")),
        *((state, Kind.SAFE, Kind.SAFE) for state in ("40001", "40P01", "55P03")),
        *((state, Kind.SAFE, Kind.AMBIGUOUS) for state in ("57P01", "57P02", None)),
        *((state, Kind.SAFE, Kind.AMBIGUOUS) for state in ("08000", "08003", "08006", "08007")),
        ("40003", Kind.AMBIGUOUS, Kind.AMBIGUOUS),
        *((state, Kind.NEVER, Kind.NEVER) for state in ("22001", "23505", "25006", "28P01")),
        *((state, Kind.NEVER, Kind.NEVER) for state in ("42P01", "53100", "53200", "57014")),
        ("0A000", Kind.NEVER, Kind.NEVER),
    ],
)
def test_kinds(state: str | None, before: Kind, committing: Kind) -> None:
    error = errors.lookup(state)("x") if state else psycopg.OperationalError("lost")
    assert kind_of(error) is before
    assert kind_of(error, committing=True) is committing


def test_errors_of_other_making_are_never_repeated() -> None:
    assert kind_of(psycopg.InterfaceError("x")) is Kind.NEVER
    assert kind_of(ValueError("x")) is Kind.NEVER
