"""One thread and one cache: what is kept, for how long, and what never is."""

from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache as redis

from config.cache import Cache, changed, reads, server, stats
from tests.cache.conftest import Clock
from tests.cache.items import Items


def by_key(key: Any) -> list[str]:
    return [f"thing:{key}"]


def test_it_works(items: Items, versions: Cache[int, int]) -> None:
    assert [versions.get(7), versions.get(7), versions.get(8)] == [0, 0, 0]
    assert items.loads == 2
    assert versions.counts == {"misses": 2, "loads": 2, "hits": 1}


def test_a_cached_none_differs_from_a_miss(database: None) -> None:
    asked = []

    def load(key: int) -> int | None:
        asked.append(key)
        return None

    nothing = Cache("nothing", load=load, facts=by_key, ttl=60.0)
    assert [nothing.get(7), nothing.get(7)] == [None, None]
    assert asked == [7]


def test_errors_are_never_cached(database: None) -> None:
    answers: list[Exception | int] = [LookupError("no such thing"), ValueError("broken"), 3]

    def load(key: int) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    things = Cache("things", load=load, facts=by_key, ttl=60.0)
    with pytest.raises(LookupError):
        things.get(7)
    with pytest.raises(ValueError, match="broken"):
        things.get(7)
    assert things.get(7) == 3


def test_an_entry_ages_at_its_ttl_less_jitter(
    items: Items, versions: Cache[int, int], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chance, fresh_for in ((0.0, 60.0), (0.5, 57.0), (1.0, 54.0)):
        monkeypatch.setattr("random.random", lambda chance=chance: chance)
        redis.clear()
        items.loads = 0
        versions.get(7)
        clock.later(fresh_for - 0.001)
        versions.get(7)
        assert items.loads == 1
        clock.later(0.001)
        versions.get(7)
        assert items.loads == 2


def test_callers_own_what_they_get(database: None) -> None:
    def load(key: int) -> dict[str, list[int]]:
        return {"numbers": [1]}

    things = Cache("things", load=load, facts=by_key, ttl=60.0)
    for _ in range(3):
        mine = things.get(7)
        assert mine == {"numbers": [1]}
        mine["numbers"].append(2)


def test_what_is_too_large_is_answered_but_not_kept(database: None) -> None:
    def load(key: int) -> str:
        return "x" * key

    texts = Cache("texts", load=load, facts=by_key, ttl=60.0, largest=300)
    for key in (100, 100, 400, 400):
        assert texts.get(key) == "x" * key
    assert texts.counts["loads"] == 3
    assert texts.counts["not_kept"] == 2


def test_keys_of_several_parts_do_not_run_together(database: None) -> None:
    def load(key: tuple[int, str]) -> str:
        return repr(key)

    things = Cache("things", load=load, facts=by_key, ttl=60.0)
    keys = [(1, "1,a"), (11, "a"), (1, "1"), (1, '1","a')]
    for _ in range(2):
        assert [things.get(key) for key in keys] == [repr(key) for key in keys]
    assert things.counts["loads"] == len(keys)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", '[1,2,3,"x"]', '[1,2,3,{"thing:7":4}]', "[[],0,9e9,{}]"]
)
def test_what_is_not_an_entry_is_a_miss(database: None, text: str) -> None:
    def load(key: int) -> int:
        return 3

    things = Cache("things", load=load, facts=by_key, ttl=60.0)
    server.store(things.name_of(7), text, 60.0)
    assert things.get(7) == 3
    assert things.get(7) == 3
    assert things.counts["loads"] == 1


def test_entries_of_another_release_are_not_read(database: None) -> None:
    @dataclass(frozen=True)
    class Card:
        id: int
        name: str

    @dataclass(frozen=True)
    class NewCard:
        id: int
        title: str

    NewCard.__qualname__ = Card.__qualname__

    def load(key: int) -> Card:
        return Card(key, "old")

    def load_new(key: int) -> NewCard:
        return NewCard(key, "new")

    load.__annotations__["return"] = Card
    load_new.__annotations__["return"] = NewCard
    Cache("cards", load=load, facts=by_key, ttl=60.0).get(7)
    reads._caches.clear()
    assert Cache("cards", load=load_new, facts=by_key, ttl=60.0).get(7) == NewCard(7, "new")


def test_a_load_says_what_it_returns(database: None) -> None:
    with pytest.raises(TypeError, match="cannot be declared"):
        Cache("things", load=lambda key: 3, facts=by_key, ttl=60.0)


def test_two_caches_cannot_share_a_name(versions: Cache[int, int], items: Items) -> None:
    with pytest.raises(ValueError, match="versions"):
        Cache("versions", load=items.load, facts=by_key, ttl=60.0)


def test_the_figures_say_what_happened(items: Items, versions: Cache[int, int]) -> None:
    versions.get(7)
    versions.get(7)
    changed("item:7")
    versions.get(7)
    figures = stats()
    assert figures["caches"] == {"versions": {"misses": 2, "loads": 2, "hits": 1}}
    assert figures["redis"]["owed"] == 0
    assert figures["redis"]["away"] is False
