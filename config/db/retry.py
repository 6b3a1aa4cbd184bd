"""`@write`: WRITE intent, one transaction, and the only retry of the system.

Reads have none: a refusal is answered at once, so that nobody holds what others wait for.
"""

import inspect
import logging
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from time import monotonic
from typing import Final, ParamSpec, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, Error, connections, transaction
from django.db.transaction import TransactionManagementError

from config.db.base import DatabaseWrapper
from config.db.errors import Contended, DatabaseShortage, DatabaseUnavailable, in_one_line
from config.db.intent import Intent, current, use
from config.db.outcome import CONTENDED_STATES, Kind, kind_of

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger("config.db")

ATTEMPTS: Final = 3
BACKOFF: Final = 0.05  # seconds before the second attempt, at most; twice that before the third


class RetryBudget:
    """A token bucket: retries are at most `ratio` of the writes, after a first `burst`.

    So that retries cannot multiply the load of a server that is in trouble already.
    """

    def __init__(self, ratio: float = 0.1, burst: int = 10) -> None:
        self._ratio = ratio
        self._burst = float(burst)
        self._tokens = float(burst)
        self._lock = threading.Lock()

    def earn(self) -> None:
        """Count one write."""
        with self._lock:
            self._tokens = min(self._burst, self._tokens + self._ratio)

    def spend(self) -> bool:
        """Take one retry; return whether there was one."""
        with self._lock:
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True


budget = RetryBudget()


def pause_before(attempt: int, *, now: float, deadline: float, chance: float) -> float | None:
    """Return the seconds to sleep before a second or later attempt, or None to give up.

    `chance` is a random number from 0 to 1 (full jitter): writers that collided spread out.
    """
    if attempt > ATTEMPTS:
        return None
    pause = chance * BACKOFF * 2.0 ** (attempt - 2)
    return pause if now + pause < deadline else None


def write(function: Callable[P, T]) -> Callable[P, T]:
    """Make `function` one transaction that is applied exactly once or not at all.

    It may run up to three times, so it must do nothing but database work and leave its arguments
    alone. The outermost `@write` owns the transaction; one inside it joins. Raises what the
    function raises, else DatabaseUnavailable, Contended, PoolExhausted (nothing was applied) or
    OutcomeUnknown. Inside a READ scope or a plain `atomic` it raises TransactionManagementError.
    """
    if inspect.iscoroutinefunction(function):
        raise TypeError("@write is for ordinary functions")

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        db = cast(DatabaseWrapper, connections[DEFAULT_DB_ALIAS])
        if _is_inside(db):
            # An error that the outer one swallows must not leave half of this one applied.
            with transaction.atomic(savepoint=False):
                return function(*args, **kwargs)
        return _run(db, lambda: function(*args, **kwargs), function.__qualname__)

    return wrapper


def _is_inside(db: DatabaseWrapper) -> bool:
    scope = current()
    if scope is not None and scope.intent is Intent.READ:
        raise TransactionManagementError("@write in a scope that only reads")
    blocks = [block for block in db.atomic_blocks if not block._from_testcase]  # type: ignore[attr-defined]
    if not blocks:
        return False
    if isinstance(blocks[0], _Owned):
        return True
    raise TransactionManagementError("@write inside a plain atomic block cannot be retried")


class _Owned(transaction.Atomic):
    """The transaction of an outermost `@write`."""

    def __init__(self) -> None:
        super().__init__(DEFAULT_DB_ALIAS, savepoint=True, durable=False)


def _run(db: DatabaseWrapper, function: Callable[[], T], name: str) -> T:
    group = db.group
    outer = current()
    label = (outer.label if outer else "") or name
    deadline = monotonic() + group.limits.write_timeout
    budget.earn()
    attempt = 1
    with use(Intent.WRITE, label=label, deadline=deadline):
        while True:
            commits = db.commits
            try:
                with _Owned():
                    result = function()
                    _refuse_silent_rollback(db)
                return result
            except Error as error:
                # A hook of a transaction that is applied may fail as well: that is not ours.
                if db.commits != commits or kind_of(error) is not Kind.SAFE:
                    raise
                attempt += 1
                pause = pause_before(
                    attempt,
                    now=monotonic(),
                    deadline=deadline,
                    chance=random.random(),  # noqa: S311
                )
                if pause is None or not budget.spend():
                    if isinstance(error, DatabaseShortage):
                        raise
                    state = getattr(error.__cause__, "sqlstate", None)
                    refusal = Contended if state in CONTENDED_STATES else DatabaseUnavailable
                    raise refusal(
                        f"not applied in {attempt - 1} attempts: {in_one_line(error)}"
                    ) from error
                logger.warning("retry attempt=%s label=%r error=%s", attempt, label, error)
            group.retried += 1
            time.sleep(pause)


def _refuse_silent_rollback(db: DatabaseWrapper) -> None:
    if db.needs_rollback:
        with suppress(TransactionManagementError):
            db.validate_no_broken_transaction()
        raise TransactionManagementError(
            "the function returned although an error inside it rolls its transaction back"
        ) from db.rollback_exc
