"""A server that is gone, paused or cut off: refused within a second, back within a second."""

import contextlib
import logging
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from config.db.base import DatabaseWrapper
from config.db.errors import DatabaseShortage, DatabaseUnavailable
from config.db.intent import Intent, use
from config.db.probe import any_answers
from config.dev.proxy import Proxy
from config.dev.servers import Postgres
from tests.db.conftest import Elsewhere, names

LATEST = 1.5  # seconds: one, and what a loaded machine adds to it


def read(seconds: float = 0) -> None:
    with use(Intent.READ, label="GET /x"), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])


def refusal() -> float:
    """Return how long a read took to be refused."""
    began = time.monotonic()
    with pytest.raises(DatabaseShortage):
        read()
    return time.monotonic() - began


def recovery() -> float:
    """Return how long it takes until reads succeed again."""
    began = time.monotonic()
    while True:
        try:
            read()
            return time.monotonic() - began
        except DatabaseUnavailable:
            assert time.monotonic() - began < 5
            time.sleep(0.005)


Fault = Callable[[Postgres, Proxy], None]
FAULTS: dict[str, tuple[Fault, Fault]] = {
    "killed": (lambda server, _: server.kill(), lambda server, _: _start(server)),
    "stopped": (lambda server, _: server.stop(), lambda server, _: _start(server)),
    "paused": (lambda server, _: server.pause(), lambda server, _: server.resume()),
    "refused": (lambda _, proxy: proxy.stop(), lambda _, proxy: _listen(proxy)),
    "silent": (lambda _, proxy: proxy.blackhole(), lambda _, proxy: proxy.heal()),
}


def _start(server: Postgres) -> None:
    server.start()


def _listen(proxy: Proxy) -> None:
    proxy.start()


@pytest.mark.parametrize("fault", FAULTS)
def test_refused_within_a_second_and_back_within_a_second(
    own: DatabaseWrapper, own_postgres: Postgres, proxy: Proxy, fault: str
) -> None:
    read()
    begin, end = FAULTS[fault]
    begin(own_postgres, proxy)
    try:
        assert refusal() < LATEST
        assert sorted(refusal() for _ in range(21))[10] < 0.02
    finally:
        end(own_postgres, proxy)
    assert recovery() < LATEST
    assert names() == []


@contextmanager
def in_flight(own: DatabaseWrapper, seconds: float) -> Iterator[list[float | Exception]]:
    """Run a slow statement beside the block; the list holds how it ended and when."""
    ended: list[float | Exception] = []

    def run() -> None:
        with use(Intent.READ), own.copy().cursor() as cursor:
            try:
                cursor.execute("SELECT pg_sleep(%s)", [seconds])
            except DatabaseShortage as error:
                ended.append(error)
            ended.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.1)
    yield ended
    thread.join()


@pytest.mark.parametrize("fault", ["paused", "silent"])
def test_a_statement_under_way_is_freed(
    own: DatabaseWrapper, own_postgres: Postgres, proxy: Proxy, fault: str
) -> None:
    begin, end = FAULTS[fault]
    with in_flight(own, 4.0) as ended:
        began = time.monotonic()
        begin(own_postgres, proxy)
        while not ended and time.monotonic() - began < 3:
            time.sleep(0.01)
        end(own_postgres, proxy)
    error, at = ended
    assert isinstance(error, DatabaseUnavailable)
    assert isinstance(at, float)
    assert at - began < LATEST


def freed(own: DatabaseWrapper, proxy: Proxy) -> list[float]:
    """Return after how long those were refused who log in, and who wait behind them."""
    refused: list[float] = []

    def read_again() -> None:
        began = time.monotonic()
        with use(Intent.READ) as scope, contextlib.closing(own.copy()) as db, db.cursor() as cursor:
            scope.served = True  # so that it waits for one of the connections
            with pytest.raises(DatabaseUnavailable):
                cursor.execute("SELECT 1")
        refused.append(time.monotonic() - began)

    threads = [threading.Thread(target=read_again) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    proxy.heal()
    assert recovery() < LATEST
    assert own.group.gate.in_use == 0
    assert sum(pool.out for pool in own.group.pools) == 0
    assert own.group.opening_since() == math.inf
    return refused


def test_those_who_log_in_are_freed_too(
    own: DatabaseWrapper, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch asks for them: neither who logs in nor who waits behind has to run out of time."""
    monkeypatch.setattr("config.db.connection.CONNECT_TIMEOUT", 60.0)
    own.close_pool()
    proxy.blackhole()
    refused = freed(own, proxy)
    assert len(refused) == 3
    assert max(refused) < LATEST


def test_those_who_wait_for_a_session_to_end_are_freed_too(
    own: DatabaseWrapper, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.db.connection.LEAVE_TIMEOUT", 60.0)
    with own.pinned():
        proxy.blackhole()
    assert [len(pool.leaving) for pool in own.group.pools] in ([0, 1], [1, 0])
    own.group._turn = [len(pool.leaving) for pool in own.group.pools].index(1) - 1
    refused = freed(own, proxy)
    assert len(refused) == 3
    assert max(refused) < LATEST


def test_a_slow_statement_on_a_healthy_server_is_left_alone(own: DatabaseWrapper) -> None:
    with in_flight(own, 1.5) as ended:
        pass
    assert len(ended) == 1
    assert not own.group.watch.away
    assert own.group.lost == 0


def test_it_is_logged_once_each_way(
    own: DatabaseWrapper, own_postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    own_postgres.kill()
    with caplog.at_level(logging.WARNING, "config.db"):
        for _ in range(5):
            refusal()
        own_postgres.start()
        recovery()
    assert caplog.text.count("database away pool=default") == 1
    assert caplog.text.count("database back pool=default") == 1


def test_several_hosts_of_which_one_is_gone(
    own_postgres: Postgres, proxy: Proxy, elsewhere: Elsewhere
) -> None:
    params = own_postgres.params(port=proxy.port)
    db = elsewhere({**params, "host": "127.0.0.1,127.0.0.1", "port": f"1,{proxy.port}"})
    db.settings_dict["OPTIONS"]["target_session_attrs"] = "read-write"
    read()
    proxy.stop()
    assert max(refusal() for _ in range(3)) < LATEST
    proxy.start()
    assert recovery() < LATEST
    db.close_pool()
    proxy.blackhole()
    assert refusal() < LATEST
    began = time.monotonic()
    assert not any_answers([("127.0.0.1", proxy.port)] * 4, 0.5)
    assert time.monotonic() - began < 1.5, "not one after the other"
    proxy.heal()
    assert any_answers([("127.0.0.1", 1), ("127.0.0.1", proxy.port)], 5.0)
    assert recovery() < LATEST


def test_a_server_that_stops_amid_a_log_in(elsewhere: Elsewhere) -> None:
    """It answers the probe, and then nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        accepted = []

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    accepted.append(client)
                    client.sendall(b"N")

        thread = threading.Thread(target=answer)
        thread.start()
        params = {"host": host, "port": port, "user": "stechuhr", "dbname": "x", "password": "x"}
        elsewhere(params, pools=1, pool_size=1, write_reserve=0)
        try:
            assert refusal() < LATEST
            assert len(accepted) >= 2
        finally:
            connections["default"].close_pool()  # type: ignore[attr-defined]
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for client in accepted:
                client.close()
