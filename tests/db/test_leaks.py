"""Whatever becomes of who holds a connection: the place is free again, and soon."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction

from config.db.base import DatabaseWrapper
from config.db.pool import PoolGroup
from tests.db.conftest import Elsewhere, Thing, insert, names
from tests.race import at_once


def settled(group: PoolGroup) -> bool:
    """Wait until nothing is held; return whether that came."""
    deadline = time.monotonic() + 2
    while group.gate.in_use or group.held():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return sum(pool.out for pool in group.pools) == 0


def in_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_thread_that_dies_in_a_transaction(database: DatabaseWrapper) -> None:
    kept: list[Any] = []

    def die() -> None:
        atomic = transaction.atomic()
        kept.append(atomic)
        atomic.__enter__()
        insert("a")

    in_thread(die)
    assert settled(database.group)
    assert names() == []


def test_a_thread_that_dies_in_a_pin(database: DatabaseWrapper) -> None:
    in_thread(lambda: connections["default"].pinned().__enter__())  # type: ignore[attr-defined]
    assert settled(database.group)


def test_many_threads_that_die_at_once(database: DatabaseWrapper) -> None:
    def die() -> None:
        transaction.set_autocommit(False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    threads = [threading.Thread(target=die) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert settled(database.group)


def test_a_forgotten_wrapper(database: DatabaseWrapper) -> None:
    other = database.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1")
    del other, cursor
    gc.collect()
    assert settled(database.group)


def test_an_abandoned_iterator(database: DatabaseWrapper) -> None:
    Thing.objects.bulk_create(Thing(name=str(n)) for n in range(30))
    rows = Thing.objects.iterator(chunk_size=10)
    next(rows)
    assert database.connection is not None
    del rows
    gc.collect()
    assert database.connection is None
    assert settled(database.group)


def test_an_iterator_collected_in_another_thread(database: DatabaseWrapper) -> None:
    Thing.objects.bulk_create(Thing(name=str(n)) for n in range(30))
    box = [Thing.objects.iterator(chunk_size=10)]
    next(box[0])
    in_thread(box.clear)
    assert len(names()) == 30  # the owner's next statement gives the connection back
    assert database.connection is None
    assert settled(database.group)


def test_an_abandoned_cursor(database: DatabaseWrapper) -> None:
    cursor = database.cursor()
    cursor.execute("SELECT 1")
    del cursor
    gc.collect()
    assert settled(database.group)


def test_a_cancelled_async_task(database: DatabaseWrapper) -> None:
    group = database.group
    began = threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                insert("a")
                began.set()
                time.sleep(0.2)
        finally:
            connection.close()

    async def main() -> None:
        task = asyncio.create_task(sync_to_async(slow)())
        while not began.is_set():
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert settled(group)


def test_async_queries(database: DatabaseWrapper) -> None:
    insert("a")

    async def main() -> int:
        count = await Thing.objects.acount()
        await sync_to_async(lambda: connection.close())()  # the thread's own, not this one's
        return count

    assert asyncio.run(main()) == 1
    assert settled(database.group)


def test_an_interrupted_statement(database: DatabaseWrapper) -> None:
    def interrupt(execute: Any, *args: Any) -> Any:
        execute(*args)
        raise KeyboardInterrupt

    with database.execute_wrapper(interrupt), pytest.raises(KeyboardInterrupt):
        insert("a")
    with (
        pytest.raises(KeyboardInterrupt),
        transaction.atomic(),
        database.execute_wrapper(interrupt),
    ):
        insert("b")
    assert settled(database.group)
    assert names() == ["a"]


def test_a_failing_receiver_of_connection_created(
    elsewhere: Callable[..., DatabaseWrapper],
) -> None:
    from django.db.backends.signals import connection_created

    def fail(**kwargs: Any) -> None:
        raise ZeroDivisionError

    db = elsewhere(pools=1, pool_size=1, write_reserve=0)
    connection_created.connect(fail)
    try:
        with pytest.raises(ZeroDivisionError):
            db.ensure_connection()
    finally:
        connection_created.disconnect(fail)
    db.ensure_connection()
    assert settled(db.group)
    assert db.group.opened == 2


def test_closing_the_pools_while_one_is_out(elsewhere: Callable[..., DatabaseWrapper]) -> None:
    db = elsewhere(pools=1, pool_size=2, write_reserve=0)
    with transaction.atomic(), db.cursor() as cursor:
        cursor.execute("SELECT 1")
        group = db.group
        db.close_pool()
        cursor.execute("SELECT 2")
    assert settled(group)
    assert [pool.idle for pool in group.pools] == [[]]
    db.ensure_connection()
    assert db.group is not group


def test_a_replaced_connection_is_gone_before_its_successor_comes(elsewhere: Elsewhere) -> None:
    db = elsewhere(pools=1, pool_size=2, write_reserve=0, read_timeout=5.0, max_lifetime=0.0)
    db.settings_dict["OPTIONS"]["application_name"] = "replaced"
    seen: list[int] = []

    def look(_: int) -> None:
        wrapper = db.copy()
        for _ in range(100):
            with wrapper.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'replaced'"
                )
                seen.append(cursor.fetchone()[0])

    at_once(4, look)
    assert db.group.opened == 400
    assert max(seen) == 2
