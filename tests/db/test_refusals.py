"""Who may have a connection, who waits how long, and what the refused are told."""

import logging
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import DatabaseError, OperationalError, connection, transaction

from config.db.base import DatabaseWrapper
from config.db.errors import DatabaseShortage, PoolExhausted
from config.db.intent import Intent, use
from config.db.retry import write
from tests.db.conftest import Elsewhere, busy


def query() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def took(work: object) -> float:
    began = time.monotonic()
    with pytest.raises(PoolExhausted):
        work()  # type: ignore[operator]
    return time.monotonic() - began


@pytest.fixture
def db(elsewhere: Elsewhere) -> DatabaseWrapper:
    return elsewhere(pools=3, pool_size=1, write_reserve=1, write_timeout=0.4)


def test_a_read_is_refused_after_its_short_wait(db: DatabaseWrapper) -> None:
    with busy(db, 3, Intent.WRITE), use(Intent.READ, label="GET /x"):
        assert 0.09 <= took(query) < 0.5


def test_reads_leave_the_reserve_to_writes(db: DatabaseWrapper) -> None:
    with busy(db, 2, Intent.READ):
        with use(Intent.READ):
            took(query)
        write(query)()
    assert db.group.gate.numbers()["write"]["waited_seconds"] == 0.0


def test_a_write_waits_for_its_deadline(db: DatabaseWrapper) -> None:
    with busy(db, 3, Intent.WRITE):
        assert 0.35 <= took(write(query)) < 1.2


def test_a_write_gets_what_becomes_free(db: DatabaseWrapper) -> None:
    with busy(db, 2, Intent.READ):
        held, released = threading.Event(), threading.Event()

        def hold() -> None:
            with use(Intent.WRITE), db.copy().pinned():
                held.set()
                released.wait(5)

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(5)
        threading.Timer(0.15, released.set).start()
        write(query)()
        assert db.group.gate.numbers()["write"]["waited_seconds"] > 0.05
        holder.join()


def test_strict_mode_refuses_within_five_milliseconds(elsewhere: Elsewhere) -> None:
    db = elsewhere(pools=1, pool_size=2, write_reserve=1, read_timeout=0.0)
    with busy(db, 1, Intent.READ), use(Intent.READ):
        times = sorted(took(query) for _ in range(21))
    assert times[5] <= 0.005  # a loaded machine adds to some


def test_a_request_already_served_waits_longer(elsewhere: Elsewhere) -> None:
    db = elsewhere(pools=1, pool_size=1, write_reserve=0, read_timeout=0.0, followup_timeout=0.2)
    with use(Intent.READ):
        query()
        with busy(db, 1, Intent.WRITE):
            assert 0.18 <= took(query) < 0.8
    with use(Intent.READ), busy(db, 1, Intent.WRITE):
        assert took(query) < 0.15


def test_the_message_and_the_log_carry_the_numbers(
    db: DatabaseWrapper, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        busy(db, 2, Intent.READ),
        use(Intent.READ, label="GET /x"),
        pytest.raises(PoolExhausted) as caught,
        caplog.at_level(logging.WARNING, "config.db"),
    ):
        query()
    text = str(caught.value)
    for part in ("'default'", "0.10 s", "3 connections (1 for writes only)", "2 reading"):
        assert part in text
    assert "refused state=full intent=read label='GET /x' pool=default" in caplog.text
    assert db.group.gate.numbers()["read"]["refused"] == 1


def test_a_refusal_passes_as_django_s_own_error(db: DatabaseWrapper) -> None:
    with busy(db, 3, Intent.WRITE), pytest.raises(OperationalError) as caught:
        query()
    assert isinstance(caught.value, DatabaseShortage | DatabaseError)
    assert caught.value.code == "pool_exhausted"  # type: ignore[attr-defined]
    assert caught.value.retry_after > 0  # type: ignore[attr-defined]


def test_the_debug_log_asks_for_no_connection(db: DatabaseWrapper) -> None:
    db.force_debug_cursor = True
    with busy(db, 3, Intent.WRITE), use(Intent.READ):
        assert took(query) < 0.19
    assert db.group.gate.numbers()["read"]["refused"] == 1


def test_a_refused_transaction_leaves_nothing_behind(db: DatabaseWrapper) -> None:
    with busy(db, 3, Intent.WRITE), pytest.raises(PoolExhausted), transaction.atomic():
        query()
    with transaction.atomic():
        query()
    assert db.connection is None


def test_reads_are_never_repeated(db: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []
    admit = db.group.gate.admit

    def count(intent: Intent, wait_timeout: float) -> bool:
        asked.append(wait_timeout)
        return admit(intent, wait_timeout)

    monkeypatch.setattr(db.group.gate, "admit", count)
    with busy(db.copy(), 3, Intent.WRITE), use(Intent.READ):
        asked.clear()
        took(query)
    assert asked == [0.1]


def test_never_more_backends_than_the_budget(elsewhere: Elsewhere) -> None:
    db = elsewhere(pools=2, pool_size=2, write_reserve=1, read_timeout=5.0, followup_timeout=5.0)
    stop = threading.Event()

    def work() -> None:
        wrapper = db.copy()
        while not stop.is_set():
            with wrapper.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.002)")

    watcher = elsewhere(pools=1, pool_size=1, write_reserve=0)
    threads = [threading.Thread(target=work) for _ in range(20)]
    for thread in threads:
        thread.start()
    seen = list(_backends(watcher, 60))
    stop.set()
    for thread in threads:
        thread.join()
    assert max(seen) == 3  # the reserve is not for reads
    assert db.group.gate.numbers()["read"]["refused"] == 0


def _backends(db: DatabaseWrapper, times: int) -> Iterator[int]:
    for _ in range(times):
        with db.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%'"
            )
            yield cursor.fetchone()[0]
        time.sleep(0.01)


def test_a_query_is_one_process_of_the_server(database: DatabaseWrapper) -> None:
    with database.cursor() as cursor:
        cursor.execute("SHOW max_parallel_workers_per_gather")
        assert cursor.fetchone() == ("0",)
