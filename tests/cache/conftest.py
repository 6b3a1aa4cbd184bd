"""Items and caches over them, and a clock to set."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from config.cache import Cache, entry, freshness, reads
from tests.cache.items import Items, cache_of


class Clock:
    """The time of day as the caches see it; `later(seconds)` moves it on."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def later(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database, with commits that are real; nothing but the own table is written."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def items(database: None) -> Iterator[Items]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE cache_item (id int PRIMARY KEY, version int NOT NULL)")
        cursor.execute("INSERT INTO cache_item SELECT id, 0 FROM generate_series(0, 99) id")
    yield Items()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE cache_item")


@pytest.fixture(autouse=True)
def _forget_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test name its caches as it likes."""
    monkeypatch.setattr(reads, "_caches", {})


@pytest.fixture
def versions(items: Items) -> Cache[int, int]:
    """A cache of the items' versions."""
    return cache_of(items)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (entry, freshness, reads):
        monkeypatch.setattr(module, "time", clock)
    return clock
