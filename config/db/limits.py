"""How many connections a process may have and how long anyone may wait: OPTIONS["pool"]."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

from django.core.exceptions import ImproperlyConfigured

from config.db.intent import Intent

COMMAND: Final[dict[str, Any]] = {
    "pools": 1,
    "pool_size": 2,
    "write_reserve": 0,
    "read_statement_timeout": 0.0,
    "write_statement_timeout": 0.0,
    "lock_timeout": 0.0,
    "idle_in_transaction_timeout": 0.0,
    "intent": Intent.WRITE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one alias in one process; every `*_timeout` is in seconds.

    A timeout of 0 means: do not wait for a connection at all (`read_timeout`, `write_timeout`,
    `followup_timeout`), or: no limit (the others, which the server enforces).
    """

    pools: int = 5
    pool_size: int = 2
    write_reserve: int = 2
    read_timeout: float = 0.1
    followup_timeout: float = 1.0
    write_timeout: float = 2.0
    read_statement_timeout: float = 5.0
    write_statement_timeout: float = 15.0
    lock_timeout: float = 1.0
    idle_in_transaction_timeout: float = 10.0
    max_lifetime: float = 3600.0
    intent: Intent = Intent.READ  # of code that runs in no scope
    processes: int = 1  # that share the server; with `reserved` only for the check of the sum
    reserved: int = 20
    snapshots: Path | None = None  # the folder for this process's figures, once a second

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int and (type(value) is not int or value < 0):
                raise ImproperlyConfigured(f"{field.name} must be a whole number, not {value!r}.")
            if field.type is float and (
                isinstance(value, bool) or not isinstance(value, int | float) or value < 0
            ):
                raise ImproperlyConfigured(f"{field.name} must be seconds, not {value!r}.")
        for name in ("pools", "pool_size", "processes"):
            if getattr(self, name) < 1:
                raise ImproperlyConfigured(f"{name} must be at least 1.")
        if self.write_reserve >= self.connections:
            raise ImproperlyConfigured(
                f"write_reserve ({self.write_reserve}) must leave reads at least one of the "
                f"{self.connections} connections (pools x pool_size)."
            )

    @property
    def connections(self) -> int:
        """The connections of one process."""
        return self.pools * self.pool_size

    @classmethod
    def read(cls, options: Mapping[str, Any] | bool | None) -> Self:
        """Validate OPTIONS["pool"]; True or nothing at all means the defaults.

        Its `process` is "web", or "command" for a process that does one thing after the other:
        that one has two connections, writes unless told otherwise and takes its time.
        """
        given = dict(options) if isinstance(options, Mapping) else {}
        if given.pop("process", "web") == "command":
            return cls(**COMMAND)
        known = {field.name for field in fields(cls)}
        if unknown := given.keys() - known:
            raise ImproperlyConfigured(
                f"OPTIONS['pool'] has no {', '.join(sorted(unknown))}; "
                f"known are {', '.join(sorted(known))}."
            )
        return cls(**given)
