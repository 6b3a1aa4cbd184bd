"""Redis refused, frozen, killed: every get loads, nothing fails, nobody waits for long."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.cache import cache as redis
from redis import Redis

from config.cache import EVERYTHING, Cache, facts, server, stats
from config.dev.proxy import Proxy
from config.dev.servers import Valkey
from tests.cache.items import Items


@pytest.fixture
def valkey(own_valkey: Valkey, settings: Any) -> Valkey:
    """A server of the test's own, which the caches use."""
    return _use(own_valkey.url(), own_valkey, settings)


@pytest.fixture
def cut(own_valkey: Valkey, valkey_proxy: Proxy, settings: Any) -> Proxy:
    """A proxy between the caches and a server of the test's own."""
    _use(own_valkey.url(port=valkey_proxy.port), own_valkey, settings)
    return valkey_proxy


def _use(url: str, valkey: Valkey, settings: Any) -> Valkey:
    caches = {**settings.CACHES, "default": {**settings.CACHES["default"], "LOCATION": url}}
    settings.CACHES = caches
    return valkey


@pytest.fixture(autouse=True)
def _no_debts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test pay what another owes."""
    monkeypatch.setattr(facts, "_owed", {})


def until(condition: Callable[[], bool], within: float) -> None:
    """Wait until it is so; fails if that takes longer than `within` seconds."""
    start = time.monotonic()
    while not condition():
        assert time.monotonic() - start < within
        time.sleep(0.01)


def test_without_redis_everything_is_loaded(
    items: Items, versions: Cache[int, int], valkey: Valkey
) -> None:
    valkey.stop()
    for version in range(3):
        assert versions.get(7) == version
        assert items.advance(7) == version + 1
    assert versions.counts == {"misses": 3, "loads": 3, "not_kept": 3}
    assert stats()["redis"]["away"] is True
    assert stats()["redis"]["owed"] == 1


@pytest.mark.parametrize("fault", ["pause", "blackhole"])
def test_a_redis_that_does_not_answer_costs_one_timeout(
    items: Items, versions: Cache[int, int], own_valkey: Valkey, cut: Proxy, fault: str
) -> None:
    versions.get(7)
    own_valkey.pause() if fault == "pause" else cut.blackhole()
    try:
        for _ in range(30):
            versions.get(7)
            items.advance(7)
            redis.get("session")
    finally:
        own_valkey.resume() if fault == "pause" else cut.heal()
    assert items.loads == 31
    # Each failure is one wait of 0.25 s; there were 150 commands to send.
    assert stats()["redis"]["failures"] == 1


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_hits_come_back_within_two_seconds(
    versions: Cache[int, int], valkey: Valkey, fault: str
) -> None:
    versions.get(7)
    getattr(valkey, fault)()
    versions.get(7)
    valkey.start() if fault == "kill" else valkey.resume()
    hits = versions.counts["hits"]

    def is_hit() -> bool:
        versions.get(7)
        return versions.counts["hits"] > hits

    until(is_hit, within=2.0)


@pytest.mark.parametrize("fault", ["pause", "cut"])
def test_a_write_that_redis_does_not_hear_of_is_seen_here_at_once(
    items: Items, versions: Cache[int, int], own_valkey: Valkey, cut: Proxy, fault: str
) -> None:
    """Redis comes back with the old entry and its old generation in it."""
    assert versions.get(7) == 0
    own_valkey.pause() if fault == "pause" else cut.stop()
    assert items.advance(7) == 1
    assert versions.get(7) == 1
    own_valkey.resume() if fault == "pause" else cut.start()
    hits = versions.counts["hits"]

    def is_hit() -> bool:
        assert versions.get(7) == 1
        return versions.counts["hits"] > hits

    until(is_hit, within=2.0)
    assert stats()["redis"]["owed"] == 0


def test_other_processes_hear_of_it_even_if_this_one_reads_nothing(
    items: Items, versions: Cache[int, int], cut: Proxy
) -> None:
    versions.get(7)
    cut.stop()
    items.advance(7)
    cut.start()
    until(lambda: stats()["redis"]["owed"] == 0, within=2.0)
    until(lambda: not stats()["redis"]["away"], within=2.0)
    assert versions.get(7) == 1


def test_writes_are_heard_before_reads_are_let_back_in(
    items: Items, versions: Cache[int, int], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SETTLE_TIMEOUT", 3.0)
    pool = server._client().connection_pool
    versions.get(7)
    valkey.pause()
    items.advance(7)
    assert stats()["redis"]["owed"] == 1
    valkey.resume()
    until(lambda: pool._answers_since and not stats()["redis"]["owed"], within=2.0)
    items.advance(7)
    assert stats()["redis"] == {"away": True, "failures": 1, "owed": 0}
    assert versions.get(7) == 2
    assert versions.counts["hits"] == 0


def test_where_no_thread_can_wait_for_it_each_command_finds_out(
    items: Items, versions: Cache[int, int], valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    valkey.stop()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert [versions.get(7), items.advance(7), versions.get(7)] == [0, 1, 1]
        assert stats()["redis"]["away"] is False
    valkey.start()
    assert versions.get(7) == 1
    assert stats()["redis"]["owed"] == 0


def test_too_many_debts_are_paid_by_everything(
    items: Items, versions: Cache[int, int], cut: Proxy
) -> None:
    versions.get(7)
    versions.get(8)
    cut.stop()
    facts.bump([f"other:{number}" for number in range(facts.OWED_AT_MOST + 1)])
    assert facts._owed.keys() == {EVERYTHING}
    items.advance(7)
    cut.start()
    until(lambda: stats()["redis"]["owed"] == 0, within=2.0)
    until(lambda: not stats()["redis"]["away"], within=2.0)
    versions.get(8)
    assert versions.get(7) == 1
    assert versions.counts["hits"] == 0


def test_a_debt_that_grows_while_it_is_paid_is_not_forgotten(
    items: Items, valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[list[str]] = []

    def send(names: list[str], token: str, writer: str) -> None:
        sent.append(names)
        if len(sent) == 1:
            facts._note_bump()
            facts._owed["item:7"] = facts._bumps

    monkeypatch.setattr(server, "bump", send)
    facts._owed["item:7"] = facts._bumps
    facts.pay()
    assert stats()["redis"]["owed"] == 1
    facts.pay()
    assert stats()["redis"]["owed"] == 0
    assert sent == [["fact:clock", "fact:item:7"]] * 2


def test_while_redis_is_away_a_load_from_before_a_write_is_not_shared(
    items: Items, versions: Cache[int, int], valkey: Valkey
) -> None:
    valkey.stop()
    with ThreadPoolExecutor(1) as pool:

        def write_meanwhile() -> None:
            items.after_load = lambda: None
            items.advance(7)
            late.append(pool.submit(versions.get, 7))
            until(lambda: versions.counts["waits"] == 1, within=5.0)

        late: list[Any] = []
        items.after_load = write_meanwhile
        assert versions.get(7) == 0
        assert late[0].result(5.0) == 1


def test_a_redis_that_refuses_to_store_is_as_good_as_none(
    items: Items, versions: Cache[int, int], valkey: Valkey
) -> None:
    client = Redis.from_url(valkey.url())
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)
    assert [versions.get(7), items.advance(7), versions.get(7)] == [0, 1, 1]
    assert stats()["redis"]["owed"] == 1
    assert stats()["redis"]["away"] is True
    client.config_set("maxmemory", 0)
    until(lambda: not stats()["redis"]["away"], within=2.0)
    assert stats()["redis"]["owed"] == 0
    assert [versions.get(7), versions.get(7)] == [1, 1]
    assert versions.counts["hits"] == 1


def test_what_redis_refuses_to_store_is_remembered_here(valkey: Valkey) -> None:
    """As a replica does after a fail-over, or a server whose memory is full."""
    with Redis.from_url(valkey.url()) as client:
        redis.set("kept", [1.0])
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        redis.set("limit", [1.0, 2.0], 60)
        assert redis.get("limit") == [1.0, 2.0]
        assert redis.add("lock", "y", 60)
        assert not redis.add("lock", "y", 60)
        assert redis.delete("lock")
        assert redis.add("lock", "y", 60)
        client.config_set("maxmemory", "100mb")
    assert redis.get("kept") == [1.0]
