"""The read-through cache: `Cache.get` answers from Redis, or loads once for all who ask."""

import json
import random
import threading
import typing
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import monotonic, time
from typing import Any, Final, Generic, TypeVar, cast

from django.db import OperationalError, transaction
from redis.exceptions import RedisError

from config.cache import facts, freshness, server
from config.cache.codec import codec_of
from config.cache.entry import UNKNOWN, Entry, Look, look
from config.cache.freshness import HIT, MISS, STALE
from config.db import intent
from config.db.base import DatabaseWrapper
from config.db.errors import PoolExhausted

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

STALE_TIMEOUT: Final = 3600.0
PERMISSION_STALE_TIMEOUT: Final = 60.0
JITTER: Final = 0.1
LARGEST: Final = 262_144
MANY_HINTS: Final = 10_000
JOINS: Final = 3

_caches: "dict[str, Cache[Any, Any]]" = {}
_learned: ContextVar[set[str] | None] = ContextVar("cache_learned", default=None)


class Cache(Generic[K, V]):
    """Values that `load` makes from the database, kept for `ttl` seconds less up to 10 %.

    `load` is annotated with what it returns, a type that `codec` knows; None is a value too.
    `facts` names what an entry of a key always depends on; `load` adds what it learns by
    `depends_on`. With `permission`, entries decide what someone may do: they are never served
    more than 60 s past `ttl`, others for an hour while the database is short. What takes more
    than `largest` characters of JSON is not kept. `is_shown=False`: no part of an answer, so its
    age counts only if it is served stale.
    """

    def __init__(
        self,
        name: str,
        *,
        load: Callable[[K], V],
        facts: Callable[[K], Iterable[str]],
        ttl: float,
        permission: bool = False,
        largest: int = LARGEST,
        is_shown: bool = True,
    ) -> None:
        if name in _caches:
            raise ValueError(f"there is a cache {name!r} already")
        self.name = name
        self.ttl = ttl
        self.stale_timeout = PERMISSION_STALE_TIMEOUT if permission else STALE_TIMEOUT
        self.largest = largest
        self.is_shown = is_shown
        self.counts: Counter[str] = Counter()
        self._load = load
        self._facts = facts
        self._codec = codec_of(typing.get_type_hints(load).get("return"))
        self._prefix = f"{name}:{self._codec.fingerprint}:"
        self._hints: dict[str, tuple[str, ...]] = {}
        self._flights: dict[object, _Flight] = {}
        self._lock = threading.Lock()
        _caches[name] = self

    def get(self, key: K) -> V:
        """Return the value of a key, as a copy of the caller's own.

        Raises what `load` raises, but a shortage of the database only if there is no true entry
        left to answer from. In a transaction, and in another `load`, it always loads: what is
        decided or made there is made from rows.
        """
        if _learned.get() is not None or facts.in_transaction():
            self._count("direct")
            depends_on(*self._facts(key))
            return self._load(key)
        name, opened = self.name_of(key), freshness.current() or freshness.Scope()
        entry = opened.entries.get(name)
        if entry is None:
            seen = opened.looks.pop(name, None) or look([(name, self.facts_of(key))])[0]
            entry, state = self._find(key, name, seen)
            opened.entries[name] = entry
            if self.is_shown or state == STALE:
                opened.note(state, entry.as_of)
        return cast(V, self._codec.load(entry.value))

    def name_of(self, key: K) -> str:
        """Return the name of a key's entry in Redis."""
        return self._prefix + json.dumps(key, separators=(",", ":"))

    def facts_of(self, key: K) -> set[str]:
        """Return the facts that a key's entry depends on, as far as this process knows."""
        return self._always(key).union(self._hints.get(self.name_of(key), ()))

    def _find(self, key: K, name: str, seen: Look) -> tuple[Entry, str]:
        if fresh := seen.fresh:
            self._count("hits")
            self._hint(key, name, fresh.generations)
            return fresh, HIT
        self._count("misses")
        try:
            return self._load_together(key, name), MISS
        except OperationalError:
            held = seen.held
            if held and time() < held.as_of + self.ttl + self.stale_timeout:
                self._count("stale")
                return held, STALE
            raise

    def _load_together(self, key: K, name: str) -> Entry:
        """Load, or wait for the thread of this process that is doing so."""
        limits = cast(DatabaseWrapper, transaction.get_connection()).limits
        deadline = monotonic() + limits.followup_timeout
        current = intent.current()
        # A write may wait longer for a connection than a read, so they share no refusals.
        flight_key = name, current and current.intent
        for _ in range(JOINS):
            with self._lock:
                flight = self._flights.get(flight_key)
                if leads := flight is None:
                    flight = self._flights[flight_key] = _Flight()
            if leads:
                try:
                    flight.entry = self._load_entry(key, name)
                    return flight.entry
                except OperationalError as error:
                    flight.shortage = error
                    raise
                finally:
                    with self._lock:
                        del self._flights[flight_key]
                    flight.landed.set()
            self._count("waits")
            if not flight.landed.wait(max(0.0, deadline - monotonic())):
                raise PoolExhausted(
                    f"{self.name}: another request was still loading this after "
                    f"{limits.followup_timeout} s"
                )
            if flight.shortage:
                raise flight.shortage
            # That load may have begun before a write which this caller knows of.
            if flight.entry and flight.entry.holds_now():
                return flight.entry
        return self._load_entry(key, name)

    def _load_entry(self, key: K, name: str) -> Entry:
        # Once more: whoever was loading may have stored it since.
        [seen] = look([(name, self.facts_of(key))])
        if fresh := seen.fresh:
            return fresh
        bumps, before = facts.bumps(), self._generations(key, seen)
        as_of = time()
        self._count("loads")
        with _learning() as learned:
            value = self._load(key)
        always = self._always(key)
        generations = _those_of(always | learned, before)
        entry = Entry(
            value=self._codec.dump(value),
            as_of=as_of,
            fresh_until=as_of + self.ttl * (1 - JITTER * random.random()),  # noqa: S311
            generations=generations,
            bumps=bumps if generations or before is None else UNKNOWN,
        )
        self._hint(key, name, always | learned)
        self._store(name, entry)
        return entry

    def _generations(self, key: K, seen: Look) -> dict[str, str] | None:
        """Return the generations of all facts known before the load; None if Redis is away."""
        if seen.generations is None:
            return None
        missing = {facts.CLOCK, *self.facts_of(key)} - seen.generations.keys()
        try:
            return seen.generations | (facts.ensure(missing) if missing else {})
        except RedisError:
            return None

    def _store(self, name: str, entry: Entry) -> None:
        if entry.is_storable and len(text := entry.text()) <= self.largest:
            with suppress(RedisError):
                server.store(name, text, self.ttl + self.stale_timeout)
                return
        self._count("not_kept")

    def _hint(self, key: K, name: str, facts: Iterable[str]) -> None:
        """Remember what an entry depends on, so that the next look asks for all of it at once."""
        always = self._always(key)
        further = tuple(fact for fact in facts if fact not in always)
        if further != self._hints.get(name, ()):
            if len(self._hints) >= MANY_HINTS:
                self._hints.clear()
            self._hints[name] = further

    def _always(self, key: K) -> set[str]:
        return {facts.EVERYTHING, *self._facts(key)}

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1


class _Flight:
    """A load under way, and what came of it."""

    def __init__(self) -> None:
        self.landed = threading.Event()
        self.entry: Entry | None = None
        self.shortage: OperationalError | None = None


def depends_on(*facts: str) -> None:
    """Say, in a `load`, that its value depends on further facts; anywhere else it says nothing."""
    if (learned := _learned.get()) is not None:
        learned.update(facts)


def prefetch(*wanted: tuple[Cache[Any, Any], Any]) -> None:
    """Fetch what this request is going to `get`: (cache, key), in one round trip, at most two."""
    opened = freshness.current()
    if opened is None or facts.in_transaction():
        return
    new = [(cache.name_of(key), cache.facts_of(key)) for cache, key in wanted]
    new = [each for each in new if each[0] not in opened.entries and each[0] not in opened.looks]
    if new:
        opened.looks.update(zip((name for name, _ in new), look(new), strict=True))


def stats() -> dict[str, Any]:
    """Return this process's figures since it began, JSON-able.

    Of each cache: `hits`, `misses` (also those answered `stale`), `loads`, `waits` for another
    thread's load, `direct` loads in transactions, `not_kept` (marked, too large, Redis away).
    """
    return {
        "caches": {cache.name: dict(cache.counts) for cache in _caches.values()},
        "redis": {**server.stats(), **facts.stats()},
    }


def _those_of(needed: set[str], before: dict[str, str] | None) -> dict[str, str]:
    """Return the generations that the facts had before the load; {} if that is not known."""
    if before is None:
        return {}
    if unknown := needed - before.keys():
        # Named by the load only: they are as they were if meanwhile nothing at all was written.
        try:
            after = facts.ensure({facts.CLOCK, *unknown})
        except RedisError:
            return {}
        if after[facts.CLOCK] != before[facts.CLOCK]:
            return {}
        before = before | after
    return {fact: before[fact] for fact in needed}


@contextmanager
def _learning() -> Iterator[set[str]]:
    learned: set[str] = set()
    token = _learned.set(learned)
    try:
        yield learned
    finally:
        _learned.reset(token)
