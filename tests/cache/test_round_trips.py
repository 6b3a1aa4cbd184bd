"""How often a request goes to Redis, and what it may say about its answer."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.cache import Cache, depends_on, prefetch, scope
from tests.cache.conftest import Clock
from tests.cache.items import Items, version_of

Commands = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Counts: the names of the commands sent to Redis in a block."""

    @contextmanager
    def counted() -> Iterator[list[str]]:
        sent: list[str] = []
        execute = redis.Redis.execute_command

        def counting(self: Any, *arguments: Any, **options: Any) -> Any:
            sent.append(arguments[0])
            return execute(self, *arguments, **options)  # type: ignore[no-untyped-call]

        with monkeypatch.context() as patched:
            patched.setattr(redis.Redis, "execute_command", counting)
            yield sent

    return counted


@pytest.fixture
def page(items: Items) -> list[tuple[Cache[int, Any], int]]:
    """What a page start reads: five caches, some of which learn further facts while loading."""

    def load(number: int) -> int | None:
        return items.load(number)

    def load_more(number: int) -> int | None:
        depends_on(f"item:{number + 1}", f"item:{number + 2}")
        return version_of(number + 1)

    def facts(number: int) -> list[str]:
        return [f"item:{number}"]

    loads = [load, load_more, load, load_more, load]
    return [
        (Cache(f"part{number}", load=load, facts=facts, ttl=60.0), 7 + number)
        for number, load in enumerate(loads)
    ]


def test_a_hit_takes_one_round_trip_and_no_sql(
    versions: Cache[int, int], commands: Commands
) -> None:
    versions.get(7)
    with CaptureQueriesContext(connection) as queries, commands() as sent:
        versions.get(7)
    assert sent == ["MGET"]
    assert len(queries) == 0


def test_a_warm_page_takes_one_round_trip_and_no_sql(
    page: list[tuple[Cache[int, Any], int]], commands: Commands
) -> None:
    for cache, key in page:
        cache.get(key)
    with scope() as seen, CaptureQueriesContext(connection) as queries, commands() as sent:
        prefetch(*page)
        for cache, key in page * 2:
            cache.get(key)
    assert sent == ["MGET"]
    assert len(queries) == 0
    assert seen.state == "hit"
    assert all(cache.counts["hits"] == 1 for cache, _ in page)


def test_a_page_that_another_process_loaded_takes_two(
    page: list[tuple[Cache[int, Any], int]], commands: Commands
) -> None:
    for cache, key in page:
        cache.get(key)
        cache._hints.clear()
    with scope(), commands() as sent:
        prefetch(*page)
        for cache, key in page:
            cache.get(key)
    assert sent == ["MGET", "MGET"]


def test_a_page_is_loaded_once_where_it_was_cold(
    page: list[tuple[Cache[int, Any], int]],
) -> None:
    with scope() as seen:
        prefetch(*page)
        for cache, key in page * 2:
            cache.get(key)
    assert seen.state == "miss"
    assert all(cache.counts["loads"] == 1 for cache, _ in page)


def test_fetching_again_what_was_fetched_costs_nothing(
    page: list[tuple[Cache[int, Any], int]], commands: Commands
) -> None:
    with scope():
        prefetch(*page[:3])
        page[0][0].get(page[0][1])
        with commands() as sent:
            prefetch(*page[:3])
        assert sent == []
        with commands() as sent:
            prefetch(*page)
        assert sent == ["MGET"]


def test_without_a_request_prefetching_does_nothing(
    page: list[tuple[Cache[int, Any], int]], commands: Commands
) -> None:
    with commands() as sent:
        prefetch(*page)
    assert sent == []


def test_an_answer_is_as_old_as_its_oldest_part(
    items: Items, versions: Cache[int, int], clock: Clock
) -> None:
    versions.get(7)
    clock.later(20.0)
    versions.get(8)
    clock.later(20.0)
    with scope() as seen:
        assert seen.headers() == {}
        versions.get(8)
        assert seen.headers()["X-Data-As-Of"] == "2023-11-14T22:13:40+00:00"
        versions.get(7)
        assert seen.headers()["X-Data-As-Of"] == "2023-11-14T22:13:20+00:00"
        assert seen.state == "hit"
        versions.get(9)
        assert seen.state == "miss"
        assert seen.headers()["X-Data-As-Of"] == "2023-11-14T22:13:20+00:00"


def test_requests_do_not_share_what_they_read(items: Items, versions: Cache[int, int]) -> None:
    with scope() as outer:
        versions.get(7)
        with scope() as inner:
            assert inner.headers() == {}
            versions.get(8)
        assert (outer.state, len(outer.entries)) == ("miss", 1)
