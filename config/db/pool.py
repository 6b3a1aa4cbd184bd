"""The connections of one alias: N pools behind one gate, shared by all threads of a process.

The gate decides who gets a connection and when; the pools never make anyone wait. A connection is
opened by the caller who needs it, in its own time, and given back after one statement or one
transaction. Nothing is opened before the first statement, so a process may fork before.
"""

import contextlib
import logging
import os
import random
import threading
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from math import inf
from time import monotonic
from typing import Any, Final

import psycopg

from config.db.connection import ACTIVE, IDLE, Connection
from config.db.errors import DatabaseUnavailable, PoolExhausted, in_one_line
from config.db.gate import Gate
from config.db.intent import Intent
from config.db.limits import Limits
from config.db.probe import addresses, any_answers
from config.db.watch import PROBE_TIMEOUT, Watch

__all__ = ["Limits", "Pool", "PoolGroup", "close_group", "find_group", "groups"]

logger = logging.getLogger("config.db")

# Seconds since its last use for which a connection is taken to be alive: without a look; and
# unless the server sent something, as it does when it goes.
TRUSTED_FOR: Final = 0.05
QUIET_FOR: Final = 0.5
PUBLISH_INTERVAL: Final = 1.0


class Pool:
    """`size` connections; those that rest are in `idle`, the last used at the end.

    `leaving` are closed, but the server may not have ended their sessions yet.
    """

    __slots__ = ("group", "idle", "leaving", "name", "out", "size")

    def __init__(self, group: "PoolGroup", name: str, size: int) -> None:
        self.group = group
        self.name = name
        self.size = size
        self.idle: list[Connection] = []
        self.leaving: list[Connection] = []
        self.out = 0


class PoolGroup:
    """The pools of one alias with one set of connection parameters."""

    def __init__(self, name: str, params: Mapping[str, Any], limits: Limits) -> None:
        self.name = name
        self.params = params
        self.limits = limits
        self.gate = Gate(limits.connections, limits.write_reserve)
        self.pools = [
            Pool(self, f"{name}-{n}", limits.pool_size) for n in range(1, limits.pools + 1)
        ]
        self.watch = Watch(self)
        self.is_closed = False
        self.opened = 0
        self.lost = 0
        self.retried = 0
        self.resolved = 0
        self._lock = threading.Lock()
        self._turn = 0
        self._held: set[Connection] = set()
        self._opening: list[float] = []  # since when
        # Filled by finalizers, which may run at any point of any thread, also while that thread
        # has a lock of ours: they only append here.
        self._abandoned: deque[Connection] = deque()
        self._published_at = 0.0

    def checkout(self, intent: Intent, wait_timeout: float, label: str) -> Connection:
        """Return a live connection; who has it owes one `give_back`.

        Waits at most `wait_timeout` seconds for others to give theirs back. Raises PoolExhausted
        or DatabaseUnavailable.
        """
        if self._abandoned:
            self.reclaim()
        if self.watch.away:
            raise self._unavailable(intent, label, self.watch.away)
        if not self.gate.admit(intent, wait_timeout):
            raise self._refusal(intent, label, wait_timeout)
        try:
            if self.watch.away:  # noticed while this caller waited
                raise self._unavailable(intent, label, self.watch.away)
            connection = self._idle()
            while connection is not None and not self._is_alive(connection):
                self._drop(connection)
                connection = None if self.watch.away else self._idle()
            if connection is None:
                connection = self._open(intent, label)
        except BaseException:
            self.gate.release(intent, 0.0)
            raise
        connection.intent = intent
        connection.label = label
        connection.taken_at = monotonic()
        connection.lease += 1
        connection.pins = 0
        connection.owner = owner = _marks.mark.held
        owner[connection] = self
        return connection

    def give_back(self, connection: Connection) -> None:
        """Let others have the connection; closes it if it is not fit for them."""
        now = monotonic()
        # Read before the connection rests: from then on it may be someone else's.
        intent, held_for, pool = connection.intent, now - connection.taken_at, connection.pool
        may_rest = (
            connection.pgconn.transaction_status == IDLE
            and not (connection.retire or connection.is_new or self.is_closed)
            and now < connection.expires_at
        )
        with self._lock:
            if connection not in self._held:
                return  # reclaimed meanwhile
            self._held.discard(connection)
            connection.owner.pop(connection, None)
            if may_rest:
                self.watch.answered = connection.used_at = now
                pool.idle.append(connection)
                pool.out -= 1
        if not may_rest:
            self._close(connection)
            with self._lock:
                pool.out -= 1
        self.gate.release(intent, held_for)

    def abandon(self, connection: Connection) -> None:
        """Have a connection closed whose holder is gone; for finalizers."""
        self._abandoned.append(connection)

    def reclaim(self) -> None:
        """Close what was abandoned and free its places."""
        while self._abandoned:
            connection = self._abandoned.popleft()
            connection.retire = True
            self.give_back(connection)

    def reconnect(self) -> bool:
        """Try to reach the server once; return whether it can be used again."""
        if not self.server_answers():
            return False
        pool = self._room()
        if pool is None:
            return True
        connection = None
        with contextlib.suppress(psycopg.Error, OSError):
            connection = self._connect(pool, lambda: self.is_closed)
            connection.used_at = monotonic()
        with self._lock:
            pool.out -= 1
            if connection is not None and not self.is_closed:
                pool.idle.append(connection)
                return True
        if connection is not None:
            connection.close()
        return False

    def close(self) -> None:
        """Close what rests now, and what is out when it comes back."""
        self.is_closed = True
        self.watch.stop()
        with self._lock:
            connections = [each for pool in self.pools for each in (*pool.idle, *pool.leaving)]
            for pool in self.pools:
                pool.idle.clear()
                pool.leaving.clear()
        for connection in connections:
            connection.close()

    def server_answers(self) -> bool:
        """Ask the server whether it is there; True too where its address is not known."""
        known = addresses(self.params)
        return not known or any_answers(known, PROBE_TIMEOUT)

    def opening_since(self) -> float:
        """Return since when somebody waits for a log-in; infinite if nobody does."""
        with self._lock:
            return min(self._opening, default=inf)

    def held(self) -> list[Connection]:
        """Return the connections that are out now."""
        with self._lock:
            return list(self._held)

    def numbers(self) -> dict[str, Any]:
        """Return the figures of this group, JSON-able."""
        now = monotonic()
        held = self.held()
        oldest = min(held, key=lambda c: c.taken_at, default=None)
        return {
            "name": self.name,
            "size": self.limits.connections,
            "reserve": self.limits.write_reserve,
            "idle": sum(len(pool.idle) for pool in self.pools),
            "in_use": len(held),
            "away": self.watch.away,
            "opened": self.opened,
            "lost": self.lost,
            "retried": self.retried,
            "resolved": self.resolved,
            "longest": now - oldest.taken_at if oldest else 0.0,
            "longest_label": oldest.label if oldest else "",
            "flows": self.gate.numbers(),
        }

    def publish(self, now: float) -> None:
        """Write this process's figures, at most once a second, if there is a folder for them."""
        if self.limits.snapshots and now - self._published_at >= PUBLISH_INTERVAL:
            self._published_at = now
            from config.db import stats

            stats.write(self.limits.snapshots)

    def _idle(self) -> Connection | None:
        """Take a resting connection, round-robin over the pools that have one."""
        pools = self.pools
        count = len(pools)
        with self._lock:
            self._turn = turn = (self._turn + 1) % count
            for n in range(turn, turn + count):
                pool = pools[n % count]
                if pool.idle:
                    pool.out += 1
                    connection = pool.idle.pop()
                    self._held.add(connection)
                    return connection
        return None

    def _room(self) -> Pool | None:
        """Return a pool with room for one more connection, and take the room."""
        with self._lock:
            for n in range(self._turn, self._turn + len(self.pools)):
                pool = self.pools[n % len(self.pools)]
                if pool.out + len(pool.idle) < pool.size:
                    pool.out += 1
                    return pool
        return None

    def _open(self, intent: Intent, label: str) -> Connection:
        if self.watch.away:  # noticed while this caller looked at an idle one
            raise self._unavailable(intent, label, self.watch.away)
        pool = self._room()
        if pool is None:  # the watch is trying the last place
            raise self._unavailable(intent, label, "it is being reconnected")
        since = monotonic()
        with self._lock:
            self._opening.append(since)
        try:
            connection = self._connect(pool, lambda: self.watch.away)
        except BaseException as error:
            with self._lock:
                self._opening.remove(since)
                pool.out -= 1
                others = sum(len(p.idle) + p.out for p in self.pools)
            if not isinstance(error, psycopg.Error):
                raise
            # After a silence the watch has asked.
            is_asked = self.watch.away or isinstance(error, psycopg.errors.ConnectionTimeout)
            # Others still have connections: the server is there, if busy. Only this one fails.
            reason = in_one_line(error)
            if not others or not (is_asked or self.server_answers()):
                self.watch.leave(reason)
            raise self._unavailable(intent, label, reason) from error
        with self._lock:
            self._opening.remove(since)
            self._held.add(connection)
        return connection

    def _connect(self, pool: Pool, gives_up: Callable[[], object]) -> Connection:
        self.watch.start()
        with self._lock:
            predecessor = pool.leaving.pop(0) if pool.leaving else None
        if predecessor is not None:
            predecessor.await_gone(gives_up)
        connection = Connection.open(self.params, gives_up)
        connection.pool = pool
        connection.expires_at = monotonic() + self.limits.max_lifetime * random.uniform(0.9, 1.0)  # noqa: S311
        self.watch.answered = monotonic()
        self.opened += 1
        return connection

    def _is_alive(self, connection: Connection) -> bool:
        now = monotonic()
        rested = now - connection.used_at
        if rested < TRUSTED_FOR or (rested < QUIET_FOR and not connection.has_news()):
            return True
        connection.statement_at = now
        try:
            connection.execute("")
        except psycopg.Error:
            return False
        finally:
            connection.statement_at = 0.0
        return not connection.closed

    def _close(self, connection: Connection) -> None:
        if connection.broken:
            self.lost += 1
        # Amid a statement a hard end is noticed sooner.
        if self.is_closed or connection.pgconn.transaction_status == ACTIVE:
            connection.close()
            return
        connection.leave()
        with self._lock:
            connection.pool.leaving.append(connection)

    def _drop(self, connection: Connection) -> None:
        self._close(connection)
        with self._lock:
            self._held.discard(connection)
            connection.pool.out -= 1

    def _unavailable(self, intent: Intent, label: str, reason: str) -> DatabaseUnavailable:
        line = "refused state=away intent=%s label=%r pool=%s reason=%r"
        logger.warning(line, intent.value, label, self.name, reason)
        return DatabaseUnavailable(f"database {self.name!r} cannot be reached: {reason}")

    def _refusal(self, intent: Intent, label: str, waited: float) -> PoolExhausted:
        flows = self.gate.numbers()
        reads, writes = flows["read"], flows["write"]
        line = "refused state=full intent=%s label=%r pool=%s waited=%.3f"
        logger.warning(line, intent.value, label, self.name, waited)
        return PoolExhausted(
            f"no connection of {self.name!r} became free in {max(waited, 0):.2f} s: "
            f"{self.limits.connections} connections ({self.limits.write_reserve} for writes only), "
            f"in use {reads['in_use']} reading and {writes['in_use']} writing, "
            f"waiting {reads['waiting']} and {writes['waiting']}"
        )


class _Mark:
    """What a thread has out; goes when the thread goes, which frees it."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held: dict[Connection, PoolGroup] = {}

    def __del__(self) -> None:
        for connection, group in list(self.held.items()):
            group.abandon(connection)


class _Marks(threading.local):
    def __init__(self) -> None:
        self.mark = _Mark()


_marks = _Marks()
_groups: dict[Hashable, PoolGroup] = {}
_groups_lock = threading.Lock()


def find_group(key: Hashable, make: Callable[[], PoolGroup]) -> PoolGroup:
    """Return this process's group for a key, made on demand."""
    with _groups_lock:
        group = _groups.get(key)
        if group is None or group.is_closed:
            group = _groups[key] = make()
        return group


def close_group(group: PoolGroup) -> None:
    """Close a group and forget it; the next statement makes a new one."""
    with _groups_lock:
        for key in [key for key, known in _groups.items() if known is group]:
            del _groups[key]
    group.close()


def groups() -> list[PoolGroup]:
    """Return the groups of this process."""
    with _groups_lock:
        return list(_groups.values())


def _forget_after_fork() -> None:
    # The sockets are the parent's; psycopg does not end their sessions from another process.
    global _groups_lock
    _groups_lock = threading.Lock()
    for group in _groups.values():
        group.is_closed = True
    _groups.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
