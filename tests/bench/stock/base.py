"""The wrapper Django loads: its own for PostgreSQL, pool and connection handling untouched.

Only for reads: `@write` needs `config.db`.
"""

from typing import Any

from django.db.backends.postgresql import base

from config.db.limits import Limits


class DatabaseWrapper(base.DatabaseWrapper):
    """What the caches look at, and nothing that changes when a connection is held."""

    limits = Limits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commit_guards: list[Any] = []
