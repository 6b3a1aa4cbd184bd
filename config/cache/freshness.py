"""What one request has read from the caches, and how fresh it was."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from config.cache.entry import Entry, Look

HIT: Final = "hit"
MISS: Final = "miss"
STALE: Final = "stale"
WORTH_SAYING: Final = 1.0  # seconds; what is younger needs no date


@dataclass(slots=True)
class Scope:
    """One request's reads: `state` is the worst of them, `as_of` the oldest (epoch seconds).

    `due` are names to be counted for as many seconds, `counts` the sums (`config.cache.counting`).
    """

    state: str = ""
    as_of: float | None = None
    looks: "dict[str, Look]" = field(default_factory=dict)
    entries: "dict[str, Entry]" = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def take_due(self) -> dict[str, float]:
        """Return what is due; nothing is from now on."""
        due, self.due = self.due, {}
        return due

    def note(self, state: str, as_of: float) -> None:
        """Count one read in."""
        self.state = max(self.state, state, key=("", HIT, MISS, STALE).index)
        self.as_of = as_of if self.as_of is None else min(self.as_of, as_of)

    def headers(self) -> dict[str, str]:
        """Return `X-Cache` and, where it is older than 1 s, `X-Data-As-Of`; {} without a read."""
        if self.as_of is None:
            return {}
        headers = {"X-Cache": self.state}
        if time() - self.as_of > WORTH_SAYING:
            headers["X-Data-As-Of"] = datetime.fromtimestamp(self.as_of, UTC).isoformat()
        return headers


_scope: ContextVar[Scope | None] = ContextVar("cache_scope", default=None)


def current() -> Scope | None:
    """Return the scope of this context; None where no request opened one."""
    return _scope.get()


@contextmanager
def scope() -> Iterator[Scope]:
    """Run a request: what it reads twice it fetches once, and it sees its own writes."""
    opened = Scope()
    token = _scope.set(opened)
    try:
        yield opened
    finally:
        _scope.reset(token)


def forget() -> None:
    """Have the current request fetch anew: it has just changed something."""
    if opened := _scope.get():
        opened.looks.clear()
        opened.entries.clear()
