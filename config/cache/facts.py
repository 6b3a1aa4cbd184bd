"""Facts and their generations: how a write makes entries fall without knowing them.

A fact is a short name of something that can change (`person:7`). Its generation is a random token
in Redis; an entry is valid while the generations of its facts are what they were before its load
began. A write marks its facts right before COMMIT, so that nothing is stored or trusted on them
meanwhile, and bumps them right after. A mark has replaced the generation already: if the writer
dies, the mark expires and a new generation begins.
"""

import logging
import secrets
import threading
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, cast

from django.db import Error, transaction
from redis.exceptions import RedisError

from config.cache import freshness, server
from config.db.base import DatabaseWrapper
from config.db.errors import OutcomeUnknown

logger = logging.getLogger("config.cache")

EVERYTHING: Final = "everything"  # the fact that each entry depends on
CLOCK: Final = "clock"  # not a fact: changes with each mark and bump of any fact
NOBODY: Final = "nobody"  # a writer that has set no mark
MARK_TIMEOUT: Final = 1.0
DOUBT_TIMEOUT: Final = 60.0  # a COMMIT whose answer was lost may still arrive
OWED_AT_MOST: Final = 1000

_lock = threading.Lock()
_bumps = 0  # by this process
_owed: dict[str, int] = {}  # facts whose bump did not reach Redis, with the number of that bump


def changed(*facts: str) -> None:
    """Say that the current transaction changes these facts.

    May be called at any point of it; also by library code in a plain `atomic`. Outside a
    transaction call it after the statement: entries fall at once. Never fails.
    """
    db = _connection()
    if db.get_autocommit():
        bump(facts)
        return
    for guard in db.commit_guards:
        if isinstance(guard, _Changes):
            guard.facts.update(facts)
            return
    db.commit_guards.append(_Changes(facts))


def in_transaction() -> bool:
    """Return whether the current thread is in a transaction, which sees what nobody else may."""
    return not _connection().get_autocommit()


def bump(facts: Collection[str], writer: str = NOBODY) -> None:
    """Have all entries made from these facts fall now; what Redis cannot be told is owed."""
    _note_bump()
    try:
        server.bump(_names(facts), new_token(), writer)
    except RedisError:
        _owe(facts)


def bumps() -> int:
    """Return a number that changes with every bump by this process, also while Redis is away."""
    return _bumps


def read(names: Sequence[str], facts: Iterable[str]) -> tuple[list[str | None], dict[str, str]]:
    """Return the texts of the names and the generations of those facts that have one.

    One round trip, which also counts what the request has due; another where bumps are owed: until
    Redis knows them nothing it says can be trusted. Raises RedisError.
    """
    if _owed:
        pay()
    facts = [*facts]
    wanted = [*names, *(f"fact:{fact}" for fact in facts)]
    opened = freshness.current()
    if opened and opened.due:
        counts, found = server.count(opened.take_due(), wanted)
        opened.counts.update(counts)
    else:
        found = server.read(wanted)
    generations = zip(facts, found[len(names) :], strict=True)
    return found[: len(names)], {fact: token for fact, token in generations if token is not None}


def ensure(facts: Iterable[str]) -> dict[str, str]:
    """Return the generations of the facts; those without one get one. Raises RedisError."""
    facts = [*facts]
    found = server.ensure([f"fact:{fact}" for fact in facts], new_token())
    return dict(zip(facts, found, strict=True))


def is_marked(generation: str) -> bool:
    """Return whether a writer may be committing just now."""
    return "!" in generation


def new_token() -> str:
    """Return a text that never was a generation before; of one length, and plain to Lua."""
    return secrets.token_hex(8)


def pay() -> None:
    """Tell Redis of all bumps that are owed; raises RedisError."""
    with _lock:
        owed = dict(_owed)
    if owed:
        server.bump(_names(owed), new_token(), NOBODY)
        with _lock:
            for fact, number in owed.items():
                # Owed again meanwhile: what was sent may have been before that COMMIT.
                if _owed.get(fact) == number:
                    del _owed[fact]


def stats() -> dict[str, Any]:
    """Return how many bumps Redis does not know of yet."""
    return {"owed": len(_owed)}


class _Changes:
    """The facts that a transaction changes; a guard of its COMMIT (`DatabaseWrapper`)."""

    def __init__(self, facts: Iterable[str]) -> None:
        self.facts = set(facts)
        self._writer = new_token()

    def __enter__(self) -> None:
        with suppress(RedisError):
            self._mark(MARK_TIMEOUT)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None or (isinstance(error, Error) and not isinstance(error, OutcomeUnknown)):
            bump(self.facts, self._writer)
            return
        _note_bump()
        try:
            self._mark(DOUBT_TIMEOUT)
        except RedisError:
            _owe(self.facts)

    def _mark(self, timeout: float) -> None:
        server.mark(_names(self.facts), new_token(), self._writer, timeout)


def _connection() -> DatabaseWrapper:
    return cast(DatabaseWrapper, transaction.get_connection())


def _names(facts: Iterable[str]) -> list[str]:
    return [f"fact:{fact}" for fact in (CLOCK, *facts)]


def _note_bump() -> None:
    global _bumps
    with _lock:
        _bumps += 1
    freshness.forget()


def _owe(facts: Iterable[str]) -> None:
    with _lock:
        _owed.update(dict.fromkeys(facts, _bumps))
        if len(_owed) > OWED_AT_MOST:
            _owed.clear()
            _owed[EVERYTHING] = _bumps
    try:
        pay()
    except RedisError:
        server.leave()


server.when_back(pay)
