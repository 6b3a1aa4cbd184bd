"""A write makes what was made from its facts fall: at once, for everyone, and for good."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache as redis
from django.db import transaction

from config.cache import EVERYTHING, Cache, changed, depends_on, facts, scope, server
from config.db.base import DatabaseWrapper
from config.db.errors import DatabaseUnavailable, OutcomeUnknown
from config.db.retry import write
from tests.cache.items import Items, advance, version_of


class Died(BaseException):
    """The process is gone; nothing after this line ran."""


def in_thread(function: Callable[[], Any]) -> Any:
    """Run a function as another request would, with a connection of its own; return its result."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()))
    thread.start()
    thread.join(10)
    assert results, "the other thread failed"
    return results[0]


def test_a_write_makes_entries_fall(items: Items, versions: Cache[int, int]) -> None:
    versions.get(7)
    versions.get(8)
    items.advance(7)
    assert versions.get(7) == 1
    assert versions.get(8) == 0
    assert items.loads == 3
    assert versions.get(7) == 1
    assert items.loads == 3


def test_so_does_a_library_in_a_plain_transaction(items: Items, versions: Cache[int, int]) -> None:
    versions.get(7)
    with transaction.atomic():
        advance(7)
        changed("item:7")
    assert versions.get(7) == 1


def test_so_does_a_single_statement(items: Items, versions: Cache[int, int]) -> None:
    versions.get(7)
    advance(7)
    changed("item:7")
    assert versions.get(7) == 1


def test_all_facts_of_a_transaction_fall(items: Items, versions: Cache[int, int]) -> None:
    assert [versions.get(each) for each in (1, 2, 3)] == [0, 0, 0]

    @write
    def outer() -> None:
        items.advance(1)
        with transaction.atomic():
            items.advance(2)
        advance(3)
        changed("item:3", "item:4")

    outer()
    assert [versions.get(each) for each in (1, 2, 3)] == [1, 1, 1]


def test_nothing_falls_before_the_commit_or_after_a_rollback(
    items: Items, versions: Cache[int, int]
) -> None:
    versions.get(7)
    with transaction.atomic():
        advance(7)
        changed("item:7")
        assert in_thread(lambda: versions.get(7)) == 0
        transaction.set_rollback(True)
    with transaction.atomic():
        advance(8)
    assert versions.get(7) == 0
    assert items.loads == 1


def test_everything_falls_at_once(items: Items, versions: Cache[int, int]) -> None:
    versions.get(7)
    advance(7)
    changed(EVERYTHING)
    assert versions.get(7) == 1


def test_a_slow_reader_stores_a_miss(items: Items, versions: Cache[int, int]) -> None:
    def write_meanwhile() -> None:
        items.after_load = lambda: None
        in_thread(lambda: items.advance(7))

    items.after_load = write_meanwhile
    assert versions.get(7) == 0, "its load began before the write"
    assert versions.get(7) == 1
    assert in_thread(lambda: versions.get(7)) == 1


def test_a_slow_reader_stores_a_miss_after_a_flush(items: Items, versions: Cache[int, int]) -> None:
    """Redis forgets all generations twice, so that counters would start over and match."""

    def write_meanwhile() -> None:
        items.after_load = lambda: None
        in_thread(lambda: items.advance(7))
        redis.clear()
        in_thread(lambda: versions.get(8))
        facts.ensure(["item:7", EVERYTHING])

    items.after_load = write_meanwhile
    versions.get(7)
    assert versions.get(7) == 1


def test_while_a_writer_commits_nothing_is_trusted_or_kept(
    items: Items, versions: Cache[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    send_commit = DatabaseWrapper._send_commit

    def commit(db: DatabaseWrapper) -> None:
        seen.append(in_thread(lambda: versions.get(7)))
        send_commit(db)
        seen.append(in_thread(lambda: versions.get(7)))

    versions.get(7)
    monkeypatch.setattr(DatabaseWrapper, "_send_commit", commit)
    items.advance(7)
    assert seen == [0, 1], "both were loaded"
    assert versions.counts["hits"] == 0
    assert versions.counts["not_kept"] == 2


def test_a_writer_that_dies_after_its_commit_leaves_no_lie(
    items: Items, versions: Cache[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> None:
        raise Died

    versions.get(7)
    with monkeypatch.context() as dying:
        dying.setattr(facts, "bump", die)
        with pytest.raises(Died):
            items.advance(7)
    assert versions.get(7) == 1
    time.sleep(facts.MARK_TIMEOUT + 0.05)
    assert versions.get(7) == 1
    assert items.loads == 3
    assert versions.get(7) == 1, "kept again"
    assert items.loads == 3


def test_a_writers_bump_takes_only_its_own_mark_away(
    items: Items, versions: Cache[int, int]
) -> None:
    names = ["fact:item:7"]
    for order in ("ab", "ba"):
        server.mark(names, facts.new_token(), "a", 10.0)
        server.mark(names, facts.new_token(), "b", 10.0)
        for writer in order:
            versions.get(7)
            before = server.read(names)
            server.bump(names, facts.new_token(), writer)
            assert server.read(names) != before
    assert versions.counts["not_kept"] == 4
    versions.get(7)
    versions.get(7)
    assert versions.counts["hits"] == 1


def test_a_mark_lasts_as_long_as_its_last_writer_said(items: Items) -> None:
    names = ["fact:item:7"]
    server.mark(names, facts.new_token(), "a", 10.0)
    server.mark(names, facts.new_token(), "b", 0.01)
    time.sleep(0.05)
    server.bump(names, facts.new_token(), "b")
    [left] = server.read(names)
    assert left is not None
    assert facts.is_marked(left)


def test_an_unknown_outcome_casts_doubt_for_longer(
    items: Items, versions: Cache[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The COMMIT may still arrive, also after the mark of an ordinary write would have expired."""
    monkeypatch.setattr(facts, "MARK_TIMEOUT", 0.05)

    def lose(db: DatabaseWrapper) -> None:
        raise OutcomeUnknown("the answer to COMMIT was lost")

    versions.get(7)
    with monkeypatch.context() as broken:
        broken.setattr(DatabaseWrapper, "_send_commit", lose)
        with pytest.raises(OutcomeUnknown):
            items.advance(7)
    time.sleep(0.1)
    assert versions.get(7) == 0
    in_thread(lambda: advance(7))  # now it has arrived
    assert versions.get(7) == 1


def test_a_failed_commit_leaves_no_mark(
    items: Items, versions: Cache[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(db: DatabaseWrapper) -> None:
        raise DatabaseUnavailable("the connection was lost before COMMIT")

    @transaction.atomic
    def write_once() -> None:
        advance(7)
        changed("item:7")

    with monkeypatch.context() as broken:
        broken.setattr(DatabaseWrapper, "_send_commit", fail)
        with pytest.raises(DatabaseUnavailable):
            write_once()
    versions.get(7)
    assert versions.get(7) == 0
    assert versions.counts["hits"] == 1


def test_in_a_transaction_everything_is_read_from_rows(
    items: Items, versions: Cache[int, int]
) -> None:
    versions.get(7)
    with scope(), transaction.atomic():
        advance(7)
        assert versions.get(7) == 1
        assert versions.get(8) == 0
        transaction.set_rollback(True)
    assert versions.get(7) == 0, "what was rolled back was not kept"
    assert versions.counts["direct"] == 2


def test_a_request_sees_its_own_writes(items: Items, versions: Cache[int, int]) -> None:
    with scope():
        assert versions.get(7) == 0
        items.advance(7)
        assert versions.get(7) == 1


class Pairs:
    """An entry made from two items, of which only the load finds out the second."""

    def __init__(self, items: Items) -> None:
        self.items = items

    def load(self, number: int) -> tuple[int, int]:
        depends_on(f"item:{number + 1}")
        second = version_of(number + 1)
        return self.items.load(number), second


@pytest.fixture
def pairs(items: Items) -> Cache[int, tuple[int, int]]:
    return Cache("pairs", load=Pairs(items).load, facts=lambda n: [f"item:{n}"], ttl=60.0)


def test_a_fact_named_by_the_load_counts(items: Items, pairs: Cache[int, Any]) -> None:
    assert pairs.get(7) == pairs.get(7) == (0, 0)
    assert items.loads == 1, "kept at the first load"
    items.advance(8)
    assert pairs.get(7) == pairs.get(7) == (0, 1)
    assert items.loads == 2
    items.advance(7)
    assert pairs.get(7) == (1, 1)


def test_a_process_that_never_loaded_it_sees_such_a_fact_fall(
    items: Items, pairs: Cache[int, Any]
) -> None:
    pairs.get(7)
    pairs._hints.clear()
    assert pairs.get(7) == (0, 0)
    assert items.loads == 1
    items.advance(8)
    pairs._hints.clear()
    assert pairs.get(7) == (0, 1)


@pytest.mark.parametrize("number", [7, 8])
def test_a_write_meanwhile_spoils_facts_that_only_the_load_named(
    items: Items, pairs: Cache[int, Any], number: int
) -> None:
    def write_meanwhile() -> None:
        items.after_load = items.before_load = lambda: None
        in_thread(lambda: items.advance(number))

    items.after_load = write_meanwhile
    pairs.get(7)
    assert pairs.get(7) == ((1, 0) if number == 7 else (0, 1))


def test_an_entry_made_from_another_cache_has_its_facts(
    items: Items, pairs: Cache[int, Any]
) -> None:
    def load(number: int) -> int:
        return sum(pairs.get(number))

    sums = Cache("sums", load=load, facts=lambda number: [f"sum:{number}"], ttl=60.0)
    assert sums.get(7) == sums.get(7) == 0
    assert items.loads == 1
    for number, total in ((7, 1), (8, 2)):
        items.advance(number)
        assert sums.get(7) == total
    assert pairs.counts == {"direct": 3}, "never made from what may be aged"
