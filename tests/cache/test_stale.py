"""While the database is short, what is merely aged is served, and says so; nothing else is."""

from collections.abc import Callable

import pytest
from django.db import OperationalError

from config.cache import Cache, changed, scope
from config.db.errors import DatabaseShortage, DatabaseUnavailable, PoolExhausted
from tests.cache.conftest import Clock
from tests.cache.items import Items, advance

HOUR = 3600.0


@pytest.fixture
def away(items: Items) -> Callable[[], None]:
    """Takes the database away from loads."""

    def refuse() -> None:
        raise DatabaseUnavailable("away")

    def take_away() -> None:
        items.before_load = refuse

    return take_away


@pytest.mark.parametrize("kind", [DatabaseUnavailable, PoolExhausted, OperationalError])
def test_an_aged_entry_is_served(
    items: Items, versions: Cache[int, int], clock: Clock, kind: type[OperationalError]
) -> None:
    def refuse() -> None:
        raise kind("short")

    versions.get(7)
    clock.later(61.0)
    items.before_load = refuse
    with scope() as seen:
        assert versions.get(7) == 0
    assert seen.headers() == {"X-Cache": "stale", "X-Data-As-Of": "2023-11-14T22:13:20+00:00"}
    assert versions.counts["stale"] == 1
    assert items.loads == 2, "one attempt"


def test_a_fresh_entry_needs_no_database(
    versions: Cache[int, int], clock: Clock, away: Callable[[], None]
) -> None:
    versions.get(7)
    away()
    clock.later(53.9)
    with scope() as seen:
        assert versions.get(7) == 0
    assert seen.headers()["X-Cache"] == "hit"


def test_what_was_never_kept_is_refused(
    versions: Cache[int, int], away: Callable[[], None]
) -> None:
    away()
    with pytest.raises(DatabaseShortage):
        versions.get(7)


def test_what_has_fallen_is_never_served(
    versions: Cache[int, int], clock: Clock, away: Callable[[], None]
) -> None:
    versions.get(7)
    advance(7)
    changed("item:7")
    clock.later(61.0)
    away()
    with pytest.raises(DatabaseShortage):
        versions.get(7)


def test_other_errors_are_raised(items: Items, versions: Cache[int, int], clock: Clock) -> None:
    def fail() -> None:
        raise LookupError("deleted")

    versions.get(7)
    clock.later(61.0)
    items.before_load = fail
    with pytest.raises(LookupError):
        versions.get(7)


@pytest.mark.parametrize(("permission", "longest"), [(False, HOUR), (True, 60.0)])
def test_it_is_served_for_so_long(
    items: Items, clock: Clock, away: Callable[[], None], permission: bool, longest: float
) -> None:
    versions = Cache(
        "versions",
        load=items.load,
        facts=lambda number: [f"item:{number}"],
        ttl=60.0,
        permission=permission,
    )
    versions.get(7)
    away()
    clock.later(60.0 + longest - 0.001)
    assert versions.get(7) == 0
    clock.later(0.001)
    with pytest.raises(DatabaseShortage):
        versions.get(7)


def test_it_is_loaded_again_as_soon_as_that_works(
    items: Items, versions: Cache[int, int], clock: Clock, away: Callable[[], None]
) -> None:
    versions.get(7)
    away()
    clock.later(61.0)
    versions.get(7)
    items.before_load = lambda: None
    with scope() as seen:
        assert versions.get(7) == 0
    assert seen.headers() == {"X-Cache": "miss"}
