"""What the code at hand is about to do with the database: READ or WRITE.

Set in two places only: the middleware (by HTTP method) and `config.db.retry.write`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum


class Intent(Enum):
    """READ fails fast and is never retried; WRITE may wait and may use the write reserve."""

    READ = "read"
    WRITE = "write"

    # Identity is equality here; Enum's own hash runs Python code at every checkout.
    __hash__ = object.__hash__


@dataclass(slots=True)
class Scope:
    """One request's or one write's dealings with the database.

    `label` names it to people ("GET /api/me/"). `served` is set by the first checkout: what
    follows may wait longer, so that work done is not thrown away. `deadline` (monotonic
    seconds) bounds all waits of a write; None leaves each wait its own timeout.
    """

    intent: Intent
    label: str = ""
    deadline: float | None = None
    served: bool = False


_scope: ContextVar[Scope | None] = ContextVar("database_scope", default=None)


def current() -> Scope | None:
    """Return the scope of this context; None where nothing set one (the process's default)."""
    return _scope.get()


@contextmanager
def use(intent: Intent, *, label: str = "", deadline: float | None = None) -> Iterator[Scope]:
    """Run the block in a scope of its own."""
    scope = Scope(intent, label, deadline)
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)
