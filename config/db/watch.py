"""Notices that the server is away, and that it is back: one thread for each group of pools.

A server that is gone says so: log-ins are refused, sockets close. One that is paused or cut off
says nothing, so whoever waits would wait for ever. The watch asks it (`config.db.probe`) when a
statement or a log-in has run for a while and nothing came back on any connection; if it does not
answer either, it is away, and those who wait are interrupted. A slow statement on a healthy server
is never touched: the server answers the probe.
"""

import logging
import random
import threading
from time import monotonic
from typing import TYPE_CHECKING, Final

from config.db.probe import answers

if TYPE_CHECKING:
    from config.db.pool import PoolGroup

logger = logging.getLogger("config.db")

# Seconds. Callers of a paused server are to have their answer within one, also where it pauses
# right after a probe was sent, so that only the next one tells.
TICK: Final = 0.1
STALL: Final = 0.2
PROBE_TIMEOUT: Final = 0.4
PROBE_INTERVAL: Final = 0.3
RETRY_FIRST: Final = 0.05
RETRY_LAST: Final = 0.4


class Watch:
    """`away` says why the server cannot be used now, or is empty."""

    def __init__(self, group: "PoolGroup") -> None:
        self._group = group
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._ask_at = 0.0
        self._retry_at = 0.0
        self._delay = RETRY_FIRST
        self.away = ""
        self.answered = 0.0  # when a connection was last opened or given back whole

    def start(self) -> None:
        """Run from now on, in this process; harmless when it runs."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, name=f"database-watch-{self._group.name}", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """End after the present tick."""
        self._stop.set()

    def leave(self, reason: str) -> None:
        """Refuse everyone from now on, until the watch has reached the server again."""
        if not self.away:
            self._delay = RETRY_FIRST
            self._retry_at = 0.0
            self.away = reason
            logger.error("database away pool=%s reason=%r", self._group.name, reason)

    def _run(self) -> None:
        expected = monotonic() + TICK
        while not self._stop.wait(TICK):
            now = monotonic()
            # A tick that comes late means that this very process gets no time: then silence
            # says nothing about the server.
            is_starved = now - expected > STALL
            try:
                self._group.reclaim()
                if self.away:
                    self._try_again(now)
                elif not is_starved:
                    self._listen(now)
                self._group.publish(now)
            except Exception:
                logger.exception("database watch pool=%s", self._group.name)
            expected = monotonic() + TICK

    def _listen(self, now: float) -> None:
        group = self._group
        stuck = [c for c in group.held() if c.statement_at and now - c.statement_at > STALL]
        if not stuck and now - group.opening_since() <= STALL:
            return
        if now - self.answered < STALL or now < self._ask_at:
            return
        self._ask_at = now + PROBE_INTERVAL
        is_there = answers(*stuck[0].address, PROBE_TIMEOUT) if stuck else group.server_answers()
        if not is_there and self.answered < now:
            self.leave("the server does not answer")
            self._interrupt()

    def _try_again(self, now: float) -> None:
        self._interrupt()
        if now < self._retry_at:
            return
        if self._group.reconnect():
            logger.warning("database back pool=%s", self._group.name)
            self.away = ""
        else:
            self._retry_at = monotonic() + self._delay * random.uniform(0.5, 1.0)  # noqa: S311
            self._delay = min(self._delay * 2, RETRY_LAST)

    def _interrupt(self) -> None:
        for connection in self._group.held():
            if connection.statement_at:
                connection.interrupt()
