"""What Django notes of a transaction on its wrapper: put aside for a while, or begun anew."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from config.db.connection import Connection
from config.db.pooled import PooledWrapper

TRANSACTION_STATE: Final = (
    "connection",
    "autocommit",
    "in_atomic_block",
    "needs_rollback",
    "savepoint_ids",
    "atomic_blocks",
    "commit_on_exit",
    "run_on_commit",
    "commit_guards",
)


class TransactionalWrapper(PooledWrapper):
    """A wrapper with pools whose state can be that of one just connected."""

    commit_guards: list[AbstractContextManager[object]]

    def _revive(self) -> None:
        """Be usable again after a `close` in an `atomic` that is over by now."""
        if self.closed_in_transaction and not self.in_atomic_block:
            self._reset()

    def _reset(self) -> None:
        """Be as if just connected, outside any transaction."""
        self.autocommit = self.settings_dict["AUTOCOMMIT"]
        self.in_atomic_block = False
        self.closed_in_transaction = False
        self.needs_rollback = False
        self.savepoint_ids = []
        self.atomic_blocks = []

    @contextmanager
    def _aside(self, connection: Connection | None = None) -> Iterator[None]:
        """Run the block as if outside any transaction, on a given connection or on others."""
        saved = {name: getattr(self, name) for name in TRANSACTION_STATE}
        self._reset()
        self.connection = connection
        self.autocommit = True
        self.run_on_commit = []
        self.commit_guards = []
        try:
            yield
        finally:
            for name, value in saved.items():
                setattr(self, name, value)
