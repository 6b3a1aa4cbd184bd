"""A COMMIT whose answer is lost: learned, repeated only if it was rolled back, or said unknown."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import connection, connections, transaction

from config.db import retry
from config.db.base import DatabaseWrapper
from config.db.errors import DatabaseUnavailable, OutcomeUnknown
from config.db.intent import Intent, use
from config.db.outcome import was_applied
from config.db.retry import RetryBudget, write
from config.dev.proxy import Proxy
from config.dev.servers import Postgres
from tests.db.conftest import Thing, insert, names

HOLD_COMMIT = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON config_thing DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION hold()"""


COMMITTING = "SELECT 1 FROM pg_stat_activity WHERE query = 'COMMIT' AND state = 'active'"


@pytest.fixture
def runs() -> list[str]:
    return []


@pytest.fixture
def store(runs: list[str]) -> Callable[[], str]:
    @write
    def store() -> str:
        runs.append("run")
        transaction.on_commit(lambda: runs.append("hook"))
        insert("row")
        return "done"

    return store


def hold_commit(seconds: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(HOLD_COMMIT.format(seconds=seconds))


@contextmanager
def telling(answer: bool | None) -> Iterator[None]:
    token = was_applied.set(lambda: answer)
    try:
        yield
    finally:
        was_applied.reset(token)


@contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Do something beside the block, in a thread."""
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def stored(server: Postgres) -> int:
    with psycopg.connect(**server.params()) as plain:
        [count] = plain.execute("SELECT count(*) FROM config_thing").fetchone() or [None]
        return int(count)


@pytest.fixture(autouse=True)
def _own(own: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test here breaks the server, and has repetitions of its own to spend."""
    monkeypatch.setattr(retry, "budget", RetryBudget())


def test_a_lost_answer_is_learned_and_hooks_run(
    proxy: Proxy, runs: list[str], store: Callable[[], str]
) -> None:
    cut = proxy.cut_after(b"COMMIT")
    assert store() == "done"
    assert cut.fired.is_set()
    assert (runs, names()) == (["run", "hook"], ["row"])
    assert connection.group.resolved == 1  # type: ignore[attr-defined]


def test_a_lost_commit_is_repeated(proxy: Proxy, runs: list[str], store: Callable[[], str]) -> None:
    cut = proxy.cut_before(b"COMMIT")
    assert store() == "done"
    assert cut.fired.is_set()
    assert (runs, names()) == (["run", "run", "hook"], ["row"])


@pytest.mark.parametrize("text", [b"BEGIN", b"INSERT"])
def test_a_lost_statement_is_repeated(
    proxy: Proxy, runs: list[str], store: Callable[[], str], text: bytes
) -> None:
    cut = proxy.cut_after(text)
    assert store() == "done"
    assert cut.fired.is_set()
    assert (runs[-1], names()) == ("hook", ["row"])


def test_a_commit_still_running_is_waited_for(
    proxy: Proxy, runs: list[str], store: Callable[[], str], own_postgres: Postgres
) -> None:
    hold_commit(0.08)
    with meanwhile(lambda: _cut_during_commit(own_postgres, proxy)):
        assert store() == "done"
    assert (runs, names()) == (["run", "hook"], ["row"])


def test_a_commit_that_does_not_end_is_ended(
    proxy: Proxy, runs: list[str], store: Callable[[], str], own_postgres: Postgres
) -> None:
    hold_commit(0.6)
    began = time.monotonic()
    with meanwhile(lambda: _cut_during_commit(own_postgres, proxy)):
        assert store() == "done"
    assert time.monotonic() - began < 1.9
    assert runs == ["run", "run", "hook"]
    assert names() == ["row"]


def test_the_losing_side_of_a_kill_that_races_the_commit(
    proxy: Proxy, own_postgres: Postgres
) -> None:
    """Whichever of the two wins: what was acknowledged is there once, nothing else is."""
    hold_commit(0.01)
    acknowledged = 0

    @write
    def store() -> None:
        insert("row")

    with psycopg.connect(**own_postgres.params(user="postgres"), autocommit=True) as admin:
        for n in range(20):
            killer = threading.Timer(0.004 + 0.0006 * n, _kill_committing, args=(admin,))
            killer.start()
            try:
                store()
                acknowledged += 1
            except DatabaseUnavailable:
                pass
            killer.join()
    assert stored(own_postgres) == acknowledged


@pytest.mark.parametrize("applied", [True, False, None])
def test_after_a_crash_the_key_decides(
    own: DatabaseWrapper,
    own_postgres: Postgres,
    runs: list[str],
    store: Callable[[], str],
    applied: bool | None,
) -> None:
    hold_commit(0.3)
    unknown: list[OutcomeUnknown] = []

    def run() -> None:
        connections["default"] = own.copy()
        with telling(applied):
            try:
                store()
            except OutcomeUnknown as error:
                unknown.append(error)

    # The other way round the server would end with the thread that starts it.
    with meanwhile(run):
        _wait_for_commit(own_postgres)
        own_postgres.kill()
        own_postgres.start()
    expected = {True: ["run", "hook"], False: ["run", "run", "hook"], None: ["run"]}
    assert runs == expected[applied]
    assert len(unknown) == (applied is None)
    assert stored(own_postgres) == runs.count("run") - 1


def test_without_an_answer_it_is_unknown(
    proxy: Proxy, runs: list[str], store: Callable[[], str]
) -> None:
    cut = proxy.cut_after(b"COMMIT")

    def fall_silent() -> None:
        assert cut.wait()
        proxy.stop()

    began = time.monotonic()
    with meanwhile(fall_silent), pytest.raises(OutcomeUnknown):
        store()
    assert time.monotonic() - began < 3
    assert runs == ["run"]
    proxy.start()


def test_a_plain_transaction_that_writes_is_resolved_but_not_repeated(proxy: Proxy) -> None:
    cut = proxy.cut_after(b"COMMIT")
    with use(Intent.WRITE), transaction.atomic():
        insert("a")
    assert cut.fired.is_set()
    proxy.cut_before(b"COMMIT")
    with (
        pytest.raises(DatabaseUnavailable, match="rolled back"),
        use(Intent.WRITE),
        transaction.atomic(),
    ):
        insert("b")
    assert names() == ["a"]


def test_a_transaction_begun_by_set_transaction_is_resolved_too(proxy: Proxy) -> None:
    cut = proxy.cut_after(b"COMMIT")
    with use(Intent.WRITE), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        insert("a")
    assert cut.fired.is_set()
    assert names() == ["a"]


def test_a_lost_statement_without_transaction(proxy: Proxy) -> None:
    proxy.cut_after(b"INSERT")
    with pytest.raises(OutcomeUnknown):
        insert("a")
    proxy.cut_after(b"SELECT")
    with pytest.raises(DatabaseUnavailable):
        names()
    assert names() == ["a"]


def test_a_lost_commit_of_a_read_is_a_refusal(proxy: Proxy) -> None:
    proxy.cut_after(b"COMMIT")
    with pytest.raises(OutcomeUnknown), use(Intent.READ), transaction.atomic():
        assert Thing.objects.count() == 0


def _cut_during_commit(server: Postgres, proxy: Proxy) -> None:
    _wait_for_commit(server)
    proxy.cut()


def _wait_for_commit(server: Postgres) -> None:
    deadline = time.monotonic() + 5
    with psycopg.connect(**server.params(user="postgres"), autocommit=True) as admin:
        while not admin.execute(COMMITTING).fetchone():
            assert time.monotonic() < deadline
            time.sleep(0.002)


def _kill_committing(admin: psycopg.Connection[Any]) -> None:
    admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'stechuhr' "
        "AND pid <> pg_backend_pid() AND usename = 'stechuhr' AND state <> 'idle'"
    )
