"""Of the threads of a process that miss the same entry, one loads and the others wait."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection, connections

from config.cache import Cache, prefetch, scope
from config.db.errors import DatabaseUnavailable, PoolExhausted
from config.db.intent import Intent, use
from tests.cache.items import Items
from tests.race import at_once

TIMEOUT = 10.0


class Held:
    """Holds loads until `go` is called; `begun` says that one is on its way."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self._go = threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self._go.wait(TIMEOUT)

    def go(self) -> None:
        self._go.set()


@pytest.fixture
def held(items: Items) -> Held:
    items.after_load = Held()
    return items.after_load


def until(condition: Callable[[], bool]) -> None:
    """Wait until another thread has come that far."""
    waited = threading.Event()
    for _ in range(int(TIMEOUT / 0.002)):
        if condition():
            return
        waited.wait(0.002)
    raise AssertionError("it did not come that far")


def test_a_hundred_who_miss_cost_one_load(items: Items, versions: Cache[int, int]) -> None:
    assert at_once(100, lambda _: versions.get(7)) == [0] * 100
    assert items.loads == 1


def test_who_comes_just_too_late_to_wait_does_not_load_again(
    items: Items, versions: Cache[int, int]
) -> None:
    with scope(), ThreadPoolExecutor(1) as pool:
        prefetch((versions, 7))
        pool.submit(versions.get, 7).result(TIMEOUT)
        assert versions.get(7) == 0
    assert items.loads == 1


def test_who_waits_holds_no_connection(items: Items, versions: Cache[int, int], held: Held) -> None:
    group = connection.group  # type: ignore[attr-defined]
    with ThreadPoolExecutor(9) as pool:
        answers = [pool.submit(versions.get, 7) for _ in range(9)]
        until(lambda: versions.counts["waits"] == 8)
        assert held.begun.wait(TIMEOUT), "its statement has ended"
        assert group.gate.in_use == 0, "not even the load itself, between two statements"
        held.go()
        assert [answer.result(TIMEOUT) for answer in answers] == [0] * 9
    assert items.loads == 1


def test_who_waits_too_long_is_refused(
    items: Items, versions: Cache[int, int], held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(versions.get, 7)
        assert held.begun.wait(TIMEOUT)
        with monkeypatch.context() as short:
            db = connections["default"]
            limits = replace(db.limits, followup_timeout=0.02)  # type: ignore[attr-defined]
            short.setitem(db.__dict__, "limits", limits)
            with pytest.raises(PoolExhausted, match="versions"):
                versions.get(7)
        held.go()
        assert slow.result(TIMEOUT) == 0
    assert items.loads == 1


def test_a_load_from_before_a_write_is_not_shared(
    items: Items, versions: Cache[int, int], held: Held
) -> None:
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(versions.get, 7)
        assert held.begun.wait(TIMEOUT)
        items.advance(7)
        late = pool.submit(versions.get, 7)
        until(lambda: versions.counts["waits"] == 1)
        held.go()
        assert early.result(TIMEOUT) == 0
        assert late.result(TIMEOUT) == 1


def test_an_error_is_not_shared(database: None) -> None:
    """What was missing when that load began may be there by now."""
    held = Held()
    answers: list[LookupError | int] = [LookupError("no such thing"), 3]

    def load(key: int) -> int:
        answer = answers.pop(0)
        held()
        if isinstance(answer, Exception):
            raise answer
        return answer

    things = Cache("things", load=load, facts=lambda key: [f"thing:{key}"], ttl=60.0)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(things.get, 7)
        assert held.begun.wait(TIMEOUT)
        second = pool.submit(things.get, 7)
        until(lambda: things.counts["waits"] == 1)
        held.go()
        assert second.result(TIMEOUT) == 3
        with pytest.raises(LookupError):
            first.result(TIMEOUT)


def test_a_shortage_is_shared(items: Items, versions: Cache[int, int], held: Held) -> None:
    """It is no time for each of them to try by itself."""

    def refuse() -> None:
        held()
        raise DatabaseUnavailable("away")

    items.before_load = refuse
    with ThreadPoolExecutor(5) as pool:
        answers = [pool.submit(versions.get, 7) for _ in range(5)]
        until(lambda: versions.counts["waits"] == 4)
        held.go()
        for answer in answers:
            with pytest.raises(DatabaseUnavailable):
                answer.result(TIMEOUT)
    assert items.loads == 1


def test_a_write_does_not_share_a_reads_refusal(
    items: Items, versions: Cache[int, int], held: Held
) -> None:
    def refuse() -> None:
        items.before_load = lambda: None
        held()
        raise PoolExhausted("full for reads")

    def get(intent: Intent) -> int:
        with use(intent):
            return versions.get(7)

    items.before_load, items.after_load = refuse, lambda: None
    with ThreadPoolExecutor(2) as pool:
        read = pool.submit(get, Intent.READ)
        assert held.begun.wait(TIMEOUT)
        assert pool.submit(get, Intent.WRITE).result(TIMEOUT) == 0
        held.go()
        with pytest.raises(PoolExhausted):
            read.result(TIMEOUT)


def test_who_waits_for_one_that_dies_loads(items: Items, versions: Cache[int, int]) -> None:
    held = Held()

    def die() -> None:
        items.before_load = lambda: None
        held()
        raise KeyboardInterrupt

    items.before_load = die
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(versions.get, 7)
        assert held.begun.wait(TIMEOUT)
        second = pool.submit(versions.get, 7)
        until(lambda: versions.counts["waits"] == 1)
        held.go()
        assert second.result(TIMEOUT) == 0
        with pytest.raises(KeyboardInterrupt):
            first.result(TIMEOUT)
