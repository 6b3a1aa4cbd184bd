"""The gate: never more than there are connections, in order, and nobody waits who need not."""

import threading
import time
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.db.gate import Gate
from config.db.intent import Intent

INTENTS: Final = st.sampled_from(Intent)


@dataclass
class Waiter:
    """One caller in a thread of its own; `order` collects who came through."""

    gate: Gate
    intent: Intent
    order: "list[Waiter]"
    may_give_up: bool = False
    outcome: bool | None = None
    thread: threading.Thread = field(init=False)

    def start(self) -> None:
        before = self.gate.numbers()[self.intent.value]["waiting"]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        until(
            lambda: (
                not self.thread.is_alive()
                or self.gate.numbers()[self.intent.value]["waiting"] != before
            )
        )

    def _run(self) -> None:
        self.outcome = self.gate.admit(self.intent, 10.0)
        if self.outcome:
            self.order.append(self)


def until(condition: object) -> None:
    deadline = time.monotonic() + 5
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.0002)


class GateMachine(RuleBasedStateMachine):
    """Compares the gate with a model that can be read at a glance."""

    @initialize(capacity=st.integers(1, 5), data=st.data())
    def begin(self, capacity: int, data: st.DataObject) -> None:
        self.capacity = capacity
        self.reserve = data.draw(st.integers(0, capacity - 1))
        self.gate = Gate(capacity, self.reserve)
        self.held: list[Intent] = []
        self.queues: dict[Intent, list[Waiter]] = {intent: [] for intent in Intent}
        self.arrived: list[Waiter] = []
        self.through: list[Waiter] = []

    def has_room(self, intent: Intent) -> bool:
        limit = self.capacity - (self.reserve if intent is Intent.READ else 0)
        return len(self.held) < self.capacity and self.held.count(intent) < limit

    @rule(intent=INTENTS)
    def ask(self, intent: Intent) -> None:
        """Admitted at once if and only if there is room and nobody is ahead."""
        expected = self.has_room(intent) and not self.queues[intent]
        assert self.gate.admit(intent, 0.0) is expected
        if expected:
            self.held.append(intent)

    @precondition(lambda self: sum(map(len, self.queues.values())) < 6)
    @rule(intent=INTENTS)
    def wait(self, intent: Intent) -> None:
        is_free = self.has_room(intent) and not self.queues[intent]
        waiter = Waiter(self.gate, intent, self.through)
        waiter.start()
        if is_free:
            waiter.thread.join(5)
            assert waiter.outcome is True
            self.held.append(intent)
            self.through.clear()
        else:
            self.queues[intent].append(waiter)
            self.arrived.append(waiter)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        """Whoever waited longest of those who may go comes next, and nobody else."""
        intent = data.draw(st.sampled_from(self.held))
        self.held.remove(intent)
        self.gate.release(intent, 0.01)
        heads = [queue[0] for queue in self.queues.values() if queue]
        ready = [waiter for waiter in heads if self.has_room(waiter.intent)]
        if ready:
            first = min(ready, key=self.arrived.index)
            first.thread.join(5)
            assert first.outcome is True
            assert self.through == [first]
            self.through.clear()
            self.queues[first.intent].remove(first)
            self.arrived.remove(first)
            self.held.append(first.intent)

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "gate"):
            return
        numbers = self.gate.numbers()
        assert self.gate.in_use == len(self.held) <= self.capacity
        for intent in Intent:
            assert numbers[intent.value]["in_use"] == self.held.count(intent)
            assert numbers[intent.value]["waiting"] == len(self.queues[intent])
            # Nobody waits who could be admitted.
            assert not (self.queues[intent] and self.has_room(intent))
        assert self.through == []

    def teardown(self) -> None:
        while getattr(self, "held", None) or any(getattr(self, "queues", {}).values()):
            for intent in list(self.held):
                self.held.remove(intent)
                self.gate.release(intent, 0.0)
            for queue in self.queues.values():
                for waiter in [waiter for waiter in queue if waiter.outcome]:
                    queue.remove(waiter)
                    self.held.append(waiter.intent)


GateMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestGate = GateMachine.TestCase


def test_waiting_ends_in_time_and_leaves_the_queue() -> None:
    gate = Gate(1, 0)
    assert gate.admit(Intent.WRITE, 0.0)
    began = time.monotonic()
    assert not gate.admit(Intent.READ, 0.05)
    assert 0.05 <= time.monotonic() - began < 0.5
    assert gate.numbers()["read"]["waiting"] == 0
    gate.release(Intent.WRITE, 0.0)
    assert gate.admit(Intent.READ, 0.0)


def test_figures() -> None:
    gate = Gate(2, 1)
    assert gate.admit(Intent.READ, 0.0)
    assert not gate.admit(Intent.READ, 0.0)
    gate.release(Intent.READ, 0.02)
    numbers = gate.numbers()["read"]
    assert (numbers["limit"], numbers["admitted"], numbers["refused"]) == (1, 1, 1)
    assert numbers["held"] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert numbers["held_seconds"] == 0.02


@pytest.mark.parametrize(("capacity", "reserve"), [(1, 1), (2, 3), (0, 0), (1, -1)])
def test_a_reserve_that_does_not_fit(capacity: int, reserve: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Gate(capacity, reserve)


def test_a_crowd_of_threads_never_exceeds_it() -> None:
    gate = Gate(3, 1)
    now, most, lock = [0], [0], threading.Lock()

    def work(intent: Intent) -> None:
        for _ in range(50):
            if gate.admit(intent, 0.02):
                with lock:
                    now[0] += 1
                    most[0] = max(most[0], now[0])
                time.sleep(0.0003)
                with lock:
                    now[0] -= 1
                gate.release(intent, 0.0)

    threads = [threading.Thread(target=work, args=(intent,)) for intent in Intent for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 3
    assert gate.in_use == 0
