"""What the backend raises beside Django's own errors.

All derive from *django.db*'s OperationalError: only that family passes Django's error wrapping
unchanged, and code that handles "the database is in trouble" catches them without knowing them.
"""

from typing import ClassVar

from django.db import OperationalError


class DatabaseShortage(OperationalError):
    """The database cannot serve this now; `code` names the state, `retry_after` is in seconds."""

    code: ClassVar[str] = "database_unavailable"
    retry_after: ClassVar[float] = 1.0


class PoolExhausted(DatabaseShortage):
    """No connection became free within the time this caller may wait. Nothing was applied."""

    code = "pool_exhausted"


class DatabaseUnavailable(DatabaseShortage):
    """The server cannot be reached. Nothing was applied."""


class Contended(DatabaseShortage):
    """Others kept changing the same thing in every attempt. Nothing was applied."""

    code = "locked"


class OutcomeUnknown(DatabaseShortage):
    """The answer to COMMIT was lost and could not be learned; repeat with the same key."""

    code = "outcome_unknown"


def in_one_line(error: BaseException) -> str:
    """Return an error's text for a log line or another error's text."""
    return " ".join(str(error).split())
