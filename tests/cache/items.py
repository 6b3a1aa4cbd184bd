"""A table of versions, whose every write is one more; also for other processes than pytest's."""

from collections.abc import Callable

from django.db import connection

from config.cache import Cache, changed
from config.db.retry import write


class Items:
    """The table: item 7 is at version 0 at first. What is written is committed."""

    def __init__(self) -> None:
        self.loads = 0
        self.before_load: Callable[[], None] = lambda: None
        self.after_load: Callable[[], None] = lambda: None

    def load(self, number: int) -> int:
        """Return the version of an item."""
        self.loads += 1
        self.before_load()
        version = version_of(number)
        self.after_load()
        return version

    def version_of(self, number: int) -> int:
        """Return an item's version from its row."""
        return version_of(number)

    @write
    def advance(self, number: int) -> int:
        """Make an item's version one more."""
        version = advance(number)
        changed(f"item:{number}")
        return version


def cache_of(items: Items) -> Cache[int, int]:
    """Return a new cache of the versions."""
    return Cache("versions", load=items.load, facts=lambda number: [f"item:{number}"], ttl=60.0)


def version_of(number: int) -> int:
    """Return an item's version from its row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM cache_item WHERE id = %s", [number])
        [version] = cursor.fetchone()
        return int(version)


def advance(number: int) -> int:
    """Change the row; tells no cache."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE cache_item SET version = version + 1 WHERE id = %s RETURNING version", [number]
        )
        [version] = cursor.fetchone()
        return int(version)
