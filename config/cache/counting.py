"""How often something happened in a window of time: a number in Redis that expires with it.

Windows are fixed, not sliding: that is one number instead of a list, and one command that no other
request can come between. Twice as much can so happen around the end of one.
"""

from dataclasses import dataclass
from time import time
from zlib import crc32

from django.core.cache import caches
from redis.exceptions import RedisError

from config.cache import freshness, server


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time in which something is counted now; all in seconds."""

    name: str
    duration: float
    left: float

    @classmethod
    def of(cls, what: str, duration: float) -> "Window":
        """Return the present window of what is counted."""
        # They end at different moments, so that not all who were refused come back at once.
        shift = crc32(what.encode()) % duration
        number, passed = divmod(time() + shift, duration)
        return cls(f"count:{what}:{int(number)}", duration, duration - passed)


def count_soon(window: Window) -> None:
    """Count one more along with what the request fetches next; `count` then only looks."""
    if opened := freshness.current():
        opened.due[window.name] = window.duration


def count(window: Window) -> int | None:
    """Count one more and return how many there are; None if Redis cannot say."""
    opened = freshness.current()
    if opened is not None:
        opened.due.pop(window.name, None)
        if (counted := opened.counts.get(window.name)) is not None:
            return counted
    try:
        return server.count({window.name: window.duration})[0].get(window.name)
    except RedisError:
        return None


def count_here(window: Window) -> int:
    """Count one more in this process alone and return how many there are."""
    own = caches["process"]
    own.add(window.name, 0, window.duration)
    return own.incr(window.name)
