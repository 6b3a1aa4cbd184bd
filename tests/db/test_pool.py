"""The pools: every checkout is returned, nobody is refused falsely, no two have the same one."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from config.db.connection import IDLE, LOST
from config.db.errors import DatabaseUnavailable, PoolExhausted
from config.db.intent import Intent
from config.db.limits import Limits
from config.db.pool import Pool, PoolGroup

IN_TRANSACTION = 2


class FakePGconn:
    def __init__(self) -> None:
        self.transaction_status = IDLE


class FakeConnection:
    """What the group needs of a connection, without a server."""

    def __init__(self, server: "FakeServer") -> None:
        self.server = server
        self.pgconn = FakePGconn()
        self.is_new = False
        self.retire = False
        self.closed = False
        self.used_at = self.taken_at = self.statement_at = 0.0
        self.expires_at = float("inf")
        self.lease = self.pins = 0
        server.open.add(self)

    @property
    def broken(self) -> bool:
        return self.pgconn.transaction_status == LOST

    def has_news(self) -> bool:
        return self.broken

    def execute(self, statement: str) -> None:
        if self.broken:
            raise psycopg.OperationalError("lost")

    def close(self) -> None:
        self.closed = True
        self.server.open.discard(self)

    leave = close

    def await_gone(self, gives_up: Callable[[], object]) -> None:
        """The set has forgotten it already."""


class FakeServer:
    def __init__(self) -> None:
        self.open: set[FakeConnection] = set()
        self.is_up = True


class FakeGroup(PoolGroup):
    """The real group on a server that is a set; the watch is called by hand."""

    def __init__(self, server: FakeServer, limits: Limits) -> None:
        super().__init__("fake", {}, limits)
        self.server = server

    def _connect(self, pool: Pool, gives_up: Callable[[], object]) -> Any:
        if not self.server.is_up:
            raise psycopg.OperationalError("refused")
        connection = FakeConnection(self.server)
        connection.pool = pool  # type: ignore[attr-defined]
        self.opened += 1
        return connection

    def server_answers(self) -> bool:
        return self.server.is_up


class PoolMachine(RuleBasedStateMachine):
    @initialize(pools=st.integers(1, 3), size=st.integers(1, 2), data=st.data())
    def begin(self, pools: int, size: int, data: st.DataObject) -> None:
        reserve = data.draw(st.integers(0, pools * size - 1))
        self.limits = Limits(pools=pools, pool_size=size, write_reserve=reserve)
        self.server = FakeServer()
        self.group = FakeGroup(self.server, self.limits)
        self.held: list[Any] = []

    @rule(intent=st.sampled_from(Intent))
    def check_out(self, intent: Intent) -> None:
        reads = sum(held.intent is Intent.READ for held in self.held)
        is_full = len(self.held) == self.limits.connections or (
            intent is Intent.READ and reads == self.limits.connections - self.limits.write_reserve
        )
        try:
            connection = self.group.checkout(intent, 0.0, "label")
        except PoolExhausted:
            assert is_full
        except DatabaseUnavailable:
            assert self.group.watch.away or not self.server.is_up
        else:
            assert not is_full
            assert connection not in self.held
            assert not connection.broken
            assert not connection.closed
            self.held.append(connection)

    @precondition(lambda self: self.held)
    @rule(
        data=st.data(),
        how=st.sampled_from(["whole", "lost", "in transaction", "retired", "expired", "new"]),
    )
    def give_back(self, data: st.DataObject, how: str) -> None:
        connection = data.draw(st.sampled_from(self.held))
        self.held.remove(connection)
        match how:
            case "lost":
                connection.pgconn.transaction_status = LOST
            case "in transaction":
                connection.pgconn.transaction_status = IN_TRANSACTION
            case "retired":
                connection.retire = True
            case "expired":
                connection.expires_at = 0.0
            case "new":
                connection.is_new = True
        self.group.give_back(connection)
        self.group.give_back(connection)  # harmless: the finalizer and the holder may both come
        assert connection.closed is (how != "whole")

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        connection = data.draw(st.sampled_from(self.held))
        self.held.remove(connection)
        self.group.abandon(connection)
        self.group.abandon(connection)
        self.group.reclaim()
        assert connection.closed

    @rule()
    def break_what_rests(self) -> None:
        """Long enough ago to be looked at: one used a moment before is trusted."""
        for pool in self.group.pools:
            for connection in pool.idle:
                connection.pgconn.transaction_status = LOST  # type: ignore[misc]
                connection.used_at = 0.0

    @rule()
    def go_down(self) -> None:
        self.server.is_up = False

    @rule()
    def come_up(self) -> None:
        self.server.is_up = True
        if self.group.watch.away:
            assert self.group.reconnect()
            self.group.watch.away = ""

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "group"):
            return
        pools = self.group.pools
        assert len(self.server.open) <= self.limits.connections
        assert self.group.gate.in_use == len(self.held)
        assert set(self.group.held()) == set(self.held)
        assert sum(pool.out for pool in pools) == len(self.held)
        assert all(pool.out + len(pool.idle) <= pool.size for pool in pools)
        assert len(self.server.open) == len(self.held) + sum(len(pool.idle) for pool in pools)

    def teardown(self) -> None:
        for connection in getattr(self, "held", []):
            self.group.give_back(connection)
        if hasattr(self, "group"):
            self.group.close()
            assert self.server.open == set()
            assert self.group.gate.in_use == 0


PoolMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestPool = PoolMachine.TestCase


@pytest.fixture
def group() -> Iterator[FakeGroup]:
    group = FakeGroup(FakeServer(), Limits(pools=3, pool_size=1, write_reserve=0))
    yield group
    group.close()


def test_the_pools_take_turns(group: FakeGroup) -> None:
    held = [group.checkout(Intent.READ, 0.0, "") for _ in range(3)]
    assert {connection.pool.name for connection in held} == {"fake-1", "fake-2", "fake-3"}
    for connection in held:
        group.give_back(connection)
    turns = []
    for _ in range(6):
        connection = group.checkout(Intent.READ, 0.0, "")
        turns.append(connection.pool.name)
        group.give_back(connection)
    assert turns[:3] == turns[3:]
    assert len(set(turns)) == 3


def test_after_the_first_failure_everyone_fails_at_once(group: FakeGroup) -> None:
    group.server.is_up = False
    with pytest.raises(DatabaseUnavailable, match="refused"):
        group.checkout(Intent.WRITE, 1.0, "")
    group.server.is_up = True
    with pytest.raises(DatabaseUnavailable, match="refused"):
        group.checkout(Intent.WRITE, 1.0, "")
    assert group.reconnect()
    group.watch.away = ""
    group.give_back(group.checkout(Intent.WRITE, 1.0, ""))


def test_who_waited_while_the_server_went_is_refused_at_once(group: FakeGroup) -> None:
    held = [group.checkout(Intent.READ, 0.0, "") for _ in range(3)]
    refused: list[Exception] = []

    def wait() -> None:
        try:
            group.checkout(Intent.READ, 10.0, "")
        except DatabaseUnavailable as error:
            refused.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not group.gate.numbers()["read"]["waiting"]:
        time.sleep(0.001)
    group.watch.leave("the server does not answer")
    group.give_back(held[0])
    thread.join(5)
    assert [str(error) for error in refused] == [
        "database 'fake' cannot be reached: the server does not answer"
    ]
    assert len(group.pools[0].idle) + len(group.pools[1].idle) + len(group.pools[2].idle) == 1
    for connection in held[1:]:
        group.give_back(connection)


def test_a_failed_reconnection_keeps_no_place(group: FakeGroup) -> None:
    def connect(pool: Pool, gives_up: Callable[[], object]) -> Any:
        raise OSError("too many open files")

    group._connect = connect  # type: ignore[method-assign]
    assert not group.reconnect()
    assert sum(pool.out for pool in group.pools) == 0


def test_a_connection_that_comes_after_the_end_is_closed(group: FakeGroup) -> None:
    group.close()
    assert not group.reconnect()
    assert group.server.open == set()


def test_one_failed_login_does_not_stop_those_who_have_connections(group: FakeGroup) -> None:
    held = group.checkout(Intent.READ, 0.0, "")
    group.server_answers = lambda: True  # type: ignore[method-assign]
    group.server.is_up = False
    with pytest.raises(DatabaseUnavailable):
        group.checkout(Intent.READ, 0.0, "")
    assert not group.watch.away
    group.give_back(held)
    assert group.checkout(Intent.READ, 0.0, "") is held
    group.give_back(held)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pools": 0}, "pools must be at least 1"),
        ({"pool_size": 2.5}, "pool_size must be a whole number"),
        ({"pools": 1, "pool_size": 1, "write_reserve": 1}, "must leave reads at least one"),
        ({"read_timeout": -1}, "read_timeout must be seconds"),
        ({"read_timeout": "1"}, "read_timeout must be seconds"),
        ({"size": 3}, "has no size; known are"),
    ],
)
def test_wrong_limits_are_refused_with_their_name(options: Any, message: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=message):
        Limits.read(options)


def test_limits_of_a_command() -> None:
    limits = Limits.read({"process": "command", "pools": 7})
    assert (limits.connections, limits.write_reserve, limits.intent) == (2, 0, Intent.WRITE)
    assert Limits.read(None) == Limits.read(True) == Limits()


def test_errors_are_django_s() -> None:
    assert issubclass(PoolExhausted, Error)
