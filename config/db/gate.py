"""Admits checkouts: never more than there are connections, in order, within a deadline.

Knows no database: it counts. A pool behind the gate never makes anyone wait, because the gate
admits no more than the pool has; and as every wait happens here, in one queue per intent, no
newcomer overtakes a waiter and nobody sleeps beside a free connection.
"""

import threading
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from config.db.intent import Intent

# Upper bounds in seconds; what is longer than the last lands in a bucket of its own.
BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)


class Histogram:
    """Counts of durations by `BUCKETS`; changed only under its owner's lock."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds


@dataclass(slots=True)
class Flow:
    """What one intent has at the gate; all numbers are since the process began."""

    limit: int
    in_use: int = 0
    admitted: int = 0
    refused: int = 0
    waiting: deque["_Waiter"] = field(default_factory=deque)
    waited: Histogram = field(default_factory=Histogram)
    held: Histogram = field(default_factory=Histogram)


class _Waiter:
    """One caller in the queue; its lock is released when it is admitted."""

    __slots__ = ("admitted", "bell", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.admitted = False
        self.bell = threading.Lock()
        self.bell.acquire()


class Gate:
    """`capacity` connections, of which `reserve` are never used by reads.

    At every moment: reads in use <= capacity - reserve, all in use <= capacity, and nobody waits
    who could be admitted. Within an intent the order is first come, first served; between the
    intents the longest-waiting one that may go goes.
    """

    def __init__(self, capacity: int, reserve: int) -> None:
        if not 0 <= reserve < capacity:
            raise ValueError(f"a reserve of {reserve} does not fit {capacity} connections")
        self.capacity = capacity
        self.in_use = 0
        self._lock = threading.Lock()
        self._flows = {
            Intent.READ: Flow(limit=capacity - reserve),
            Intent.WRITE: Flow(limit=capacity),
        }

    def admit(self, intent: Intent, wait_timeout: float) -> bool:
        """Wait at most `wait_timeout` seconds (0: not at all); return whether admitted.

        Who was admitted owes one `release` with the same intent.
        """
        flow = self._flows[intent]
        with self._lock:
            # A queue means that the flow is at its limit: what frees up belongs to the queue.
            if not flow.waiting and flow.in_use < flow.limit and self.in_use < self.capacity:
                self.in_use += 1
                flow.in_use += 1
                flow.admitted += 1
                return True
            if wait_timeout <= 0:
                flow.refused += 1
                return False
            waiter = _Waiter(monotonic())
            flow.waiting.append(waiter)
        try:
            waiter.bell.acquire(timeout=wait_timeout)
        except BaseException:
            # Interrupted while waiting: leave the queue, or hand on what was just given.
            with self._lock:
                if not waiter.admitted:
                    flow.waiting.remove(waiter)
                    raise
            self.release(intent, 0.0)
            raise
        with self._lock:
            flow.waited.add(monotonic() - waiter.since)
            if not waiter.admitted:
                flow.waiting.remove(waiter)
                flow.refused += 1
            return waiter.admitted

    def release(self, intent: Intent, held: float) -> None:
        """Give back one admission that was held for `held` seconds; admit who waited longest."""
        flow = self._flows[intent]
        with self._lock:
            self.in_use -= 1
            flow.in_use -= 1
            flow.held.add(held)
            if self._flows[Intent.WRITE].waiting or self._flows[Intent.READ].waiting:
                self._admit_next()

    def _admit_next(self) -> None:
        while self.in_use < self.capacity:
            ready = [f for f in self._flows.values() if f.waiting and f.in_use < f.limit]
            if not ready:
                return
            flow = min(ready, key=lambda f: f.waiting[0].since)
            waiter = flow.waiting.popleft()
            waiter.admitted = True
            self.in_use += 1
            flow.in_use += 1
            flow.admitted += 1
            waiter.bell.release()

    def numbers(self) -> dict[str, dict[str, Any]]:
        """Return the figures of both intents, JSON-able, at one moment."""
        with self._lock:
            return {
                intent.value: {
                    "limit": flow.limit,
                    "in_use": flow.in_use,
                    "waiting": len(flow.waiting),
                    "admitted": flow.admitted,
                    "refused": flow.refused,
                    "waited": list(flow.waited.counts),
                    "waited_seconds": flow.waited.total,
                    "held": list(flow.held.counts),
                    "held_seconds": flow.held.total,
                }
                for intent, flow in self._flows.items()
            }
