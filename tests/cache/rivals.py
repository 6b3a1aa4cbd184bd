"""Readers and writers of the same entries, and the checker that no read is older than it may be.

Run as a program it is the second process of a contest: `python -m tests.cache.rivals DATABASE
LEDGER SECONDS` prints what happened as JSON; `... DATABASE` alone writes item 7 and dies between
COMMIT and bump.
"""

import json
import mmap
import os
import random
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

ITEMS: Final = 22  # of the application: two for each of its caches, one for either process
SLACK: Final = 0.2  # seconds that a mark may outlast its time on a busy machine
PAUSE: Final = 0.004


class Died(BaseException):
    """The writer is gone: nothing after COMMIT ran."""


class Ledger:
    """What all processes know: of each item the version last acknowledged, and the version and
    time (microseconds) of the last write whose writer died after its COMMIT."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(3 * 8 * ITEMS))
        with path.open("r+b") as file:
            cells = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")
        self.acknowledged = cells[:ITEMS]
        self.left_behind = cells[ITEMS : 2 * ITEMS]
        self.died_at = cells[2 * ITEMS :]

    def floor(self, item: int, mark_timeout: float) -> int:
        """Return the oldest version that a read which begins now may return."""
        floor, left_behind = self.acknowledged[item], self.left_behind[item]
        if left_behind > floor and self.is_settled(item, mark_timeout):
            return left_behind
        return floor

    def is_settled(self, item: int, mark_timeout: float) -> bool:
        """Return whether a death is long enough ago to be noticed by all."""
        return monotonic() > self.died_at[item] / 1e6 + mark_timeout + SLACK


class Contest:
    """Threads of this process that read all items and write `mine` for some seconds."""

    def __init__(
        self,
        ledger: Ledger,
        mine: range,
        *,
        deaths: float = 0.0,
        items: Any = None,
        cache: Any = None,
    ) -> None:
        from tests.cache.items import Items, cache_of

        self.ledger = ledger
        self.mine = mine
        self.deaths = deaths
        self.items = items or Items()
        self.items.before_load = self.items.after_load = pause
        self.cache = cache or cache_of(self.items)
        self.happened: Counter[str] = Counter()
        self.violations: list[str] = []
        self.errors: list[str] = []
        # FLUSHALL between a mark and its COMMIT, followed by death, is beyond what marks can do.
        self.flush_lock = threading.Lock()
        self._locks = {item: threading.Lock() for item in mine}
        self._doomed = threading.local()
        self._stop = threading.Event()

    def run(
        self, seconds: float, *, flush_every: float = 0.0, until_violated: bool = False
    ) -> None:
        """Let them contend."""
        from django.core.cache import cache as redis

        self._stop.clear()
        actions = [self._read, self._read, self._read, self._write, self._write]
        threads = [threading.Thread(target=self._repeat, args=(each,)) for each in actions]
        for thread in threads:
            thread.start()
        end = monotonic() + seconds
        while monotonic() < end and not self.errors and not (until_violated and self.violations):
            sleep(random.uniform(0.5, 1.5) * (flush_every or 0.02))
            if flush_every:
                with self.flush_lock:
                    redis.clear()
                self.happened["flushes"] += 1
        self._stop.set()
        for thread in threads:
            thread.join()

    def report(self) -> dict[str, Any]:
        """Return what happened, JSON-able."""
        counts = self.happened + self.cache.counts
        return {"counts": counts, "violations": self.violations, "errors": self.errors}

    def die_if_doomed(self) -> None:
        """Be called before a bump."""
        if getattr(self._doomed, "now", False):
            raise Died

    def _repeat(self, action: Callable[[], None]) -> None:
        try:
            while not self._stop.is_set():
                action()
        except Exception as error:
            self.errors.append(repr(error))

    def _read(self) -> None:
        from config.cache.facts import MARK_TIMEOUT

        item = random.randrange(ITEMS)
        floor = self.ledger.floor(item, MARK_TIMEOUT)
        version = self.cache.get(item)
        self.happened["reads"] += 1
        if version < floor:
            self.violations.append(f"item {item}: read {version}, known {floor}")

    def _write(self) -> None:
        from config.cache.facts import MARK_TIMEOUT

        item = random.choice(self.mine)
        with self._locks[item]:
            # A later write would make up for the one whose writer died.
            if not self.ledger.is_settled(item, MARK_TIMEOUT + 1.0):
                return
            if random.random() < self.deaths:
                with self.flush_lock:
                    self._write_and_die(item)
            else:
                self.ledger.acknowledged[item] = self.items.advance(item)
                self.happened["writes"] += 1

    def _write_and_die(self, item: int) -> None:
        self._doomed.now = True
        try:
            self.items.advance(item)
        except Died:
            self.ledger.died_at[item] = int(monotonic() * 1e6)
            self.ledger.left_behind[item] = self.items.version_of(item)
            self.happened["deaths"] += 1
        finally:
            self._doomed.now = False


def pause() -> None:
    """Let the others overtake, sometimes."""
    if random.random() < 0.3:
        sleep(random.random() * PAUSE)


@contextmanager
def steps(contest: Contest) -> Iterator[None]:
    """Put pauses before and after all that a read or a write does, and death before a bump."""
    from config.cache import facts, server
    from config.db.base import DatabaseWrapper

    def between_pauses(function: Callable[..., Any]) -> Callable[..., Any]:
        def paused(*arguments: Any) -> Any:
            pause()
            try:
                return function(*arguments)
            finally:
                pause()

        return paused

    def mortal(function: Callable[..., Any]) -> Callable[..., Any]:
        def bump(*arguments: Any) -> None:
            contest.die_if_doomed()
            function(*arguments)

        return bump

    replaced: list[tuple[Any, str, Callable[..., Any]]] = [
        *((server, name, between_pauses) for name in ("read", "ensure", "mark", "bump", "store")),
        (DatabaseWrapper, "_send_commit", between_pauses),
        (facts, "bump", mortal),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, replace in replaced:
        setattr(owner, name, replace(getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def main(database: str, ledger: str = "", seconds: str = "") -> None:
    """Be the second process."""
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    django.setup()
    if not ledger:
        _die_between_commit_and_bump()
    contest = Contest(Ledger(Path(ledger)), range(ITEMS // 2, ITEMS))
    with steps(contest):
        contest.run(float(seconds))
    json.dump(contest.report(), sys.stdout)


def _die_between_commit_and_bump() -> None:
    from config.cache import facts
    from tests.cache.items import Items

    facts.bump = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    Items().advance(7)


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    main(*sys.argv[1:])
