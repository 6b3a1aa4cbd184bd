"""The database wrapper Django loads: PostgreSQL's, with a connection per transaction.

Django's wrapper stands for one connection; this one takes a connection from the process's pools
when a statement runs, and gives it back when the statement or the outermost `atomic` is over.
`self.connection` is that connection while it is held and None otherwise. Policy is elsewhere:
who may have one in `gate`, opening and closing in `pool`, lost commits in `outcome`.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any, Final

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql.base import ServerSideCursor  # type: ignore[attr-defined]
from django.db.backends.signals import connection_created
from django.db.backends.utils import debug_transaction  # type: ignore[attr-defined]
from django.db.utils import Error, InternalError, ProgrammingError
from django.utils.asyncio import async_unsafe
from django.utils.functional import cached_property

from config.db.connection import (
    IDENTIFY,
    IDLE,
    IN_ERROR,
    IN_TRANSACTION,
    LOST,
    Connection,
)
from config.db.cursor import Cursor, ServerCursor
from config.db.errors import DatabaseUnavailable, OutcomeUnknown, in_one_line
from config.db.intent import Intent, Scope, current
from config.db.outcome import Kind, LostCommit, kind_of, read_incarnation, settle
from config.db.transactional import TransactionalWrapper

logger = logging.getLogger("config.db")

SETTLE_TIMEOUT: Final = 1.0  # seconds to learn what became of a COMMIT, where less are left


class DatabaseWrapper(TransactionalWrapper):
    """What `django.db.connection` is; one for each thread, sharing the process's pools."""

    # Django's own, which the stubs leave out.
    rollback_exc: BaseException | None
    _thread_ident: int
    _configure_connection: Callable[[Connection], bool]
    _prepare_cursor: Callable[[Any], Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.autocommit = self.settings_dict["AUTOCOMMIT"]
        self.commits = 0  # how many transactions this wrapper knows to be applied
        # Entered right before COMMIT of the current transaction is sent, left with what became of
        # it (no exception: applied) when the connection is given back; forgotten at a rollback.
        # They must neither raise nor use the database.
        self.commit_guards = []

    def __del__(self) -> None:
        """Free what a wrapper still held when it was forgotten."""
        connection = self.__dict__.get("connection")
        if connection is not None:
            connection.pool.group.abandon(connection)

    # --- The connection, while a statement or transaction needs it --------------------------------

    @contextmanager
    def pinned(self) -> Iterator[Connection]:
        """Hold one connection for the block, whatever runs in it; yields psycopg's connection.

        For what lives in a session: SET, LISTEN, temporary tables, session-level locks. The
        connection is closed afterwards, so that none of it reaches anyone else.
        """
        with self._holding() as connection:
            connection.retire = True
            yield connection

    def hold(self, statement: Any = None) -> Connection:
        """Return the connection for `statement`, with a transaction begun if one is due."""
        # The base method it is that tests replace to forbid database access.
        super().ensure_connection()
        connection = self.connection
        assert connection is not None
        if not self.autocommit and connection.pgconn.transaction_status == IDLE:
            self._begin_transaction(connection, statement)
        return connection

    def rest(self) -> None:
        """Give the connection back if neither a transaction nor a pin needs it."""
        connection = self.connection
        if connection is None or not self.autocommit or connection.pins:
            return
        status = connection.pgconn.transaction_status
        if status in (IDLE, LOST):
            self._give_back(connection)

    def unpin(self, connection: Connection) -> None:
        """Undo one pin."""
        connection.pins -= 1
        if self.connection is connection and self.is_own_thread():
            self.rest()

    def explain(self, connection: Connection, error: psycopg.Error, statement: Any) -> None:
        """Raise what a lost connection means; return if the error is the statement's own."""
        if not connection.closed or kind_of(error) is not Kind.SAFE:
            return
        reason = f"the connection to {self.alias!r} was lost: {in_one_line(error)}"
        logger.warning("lost label=%r pool=%s error=%s", connection.label, self.alias, error)
        is_read = isinstance(statement, str) and statement.lstrip()[:6].upper() == "SELECT"
        if self.autocommit and not is_read:
            raise OutcomeUnknown(f"{reason}; the statement may have been applied") from error
        raise DatabaseUnavailable(reason) from error

    def validate_no_broken_transaction(self) -> None:
        """Raise if the transaction can only roll back; what lost its connection may be retried.

        `atomic` raises what broke a savepoint, not that going back to it found no connection.
        """
        connection = self.connection
        if self.needs_rollback and connection is not None and connection.closed:
            raise DatabaseUnavailable(f"the connection to {self.alias!r} was lost")
        super().validate_no_broken_transaction()

    def is_own_thread(self) -> bool:
        """Return whether the current thread may use this wrapper."""
        return self.allow_thread_sharing or self._thread_ident == threading.get_ident()

    def connect(self) -> None:
        """Take a connection from the pools; `ensure_connection` calls this."""
        self._revive()
        group = self.group
        limits = group.limits
        scope = current() or Scope(limits.intent)
        if scope.intent is Intent.READ:
            wait_timeout = limits.followup_timeout if scope.served else limits.read_timeout
        elif scope.deadline is None:
            wait_timeout = limits.write_timeout
        else:
            wait_timeout = min(limits.write_timeout, scope.deadline - monotonic())
        self.connection = connection = group.checkout(scope.intent, wait_timeout, scope.label)
        scope.served = True
        if connection.is_new:
            self._set_up(connection)

    @async_unsafe
    def ensure_connection(self) -> None:
        """Make sure that the server can be reached; in a transaction, take its connection."""
        self.hold()
        self.rest()

    @async_unsafe
    def close(self) -> None:
        """Close the connection if one is held; in a transaction, roll it back and end it."""
        self.validate_thread_sharing()
        self.run_on_commit = []
        self.commit_guards = []
        if self.closed_in_transaction:
            return
        connection = self.connection
        if connection is not None:
            connection.retire = True
            self._give_back(connection)
        if self.in_atomic_block:
            self.closed_in_transaction = True
            self.needs_rollback = True
        else:
            self._reset()
        if self.alias == NO_DB_ALIAS:
            self.close_pool()
        self._group = None

    def close_if_unusable_or_obsolete(self) -> None:
        """End what a request left behind; called between requests."""
        if self.connection is not None or self.autocommit != self.settings_dict["AUTOCOMMIT"]:
            self.close()
        self._revive()

    def close_if_health_check_failed(self) -> None:
        """Do nothing: the pools hand out living connections."""

    def is_usable(self) -> bool:
        """Return whether the server can be used now."""
        if self.connection is not None:
            return super().is_usable()
        try:
            self.ensure_connection()
        except Error:
            return False
        return True

    @contextmanager
    def temporary_connection(self) -> Iterator[Any]:
        """Yield a cursor; there is no connection to be left dangling."""
        with self.cursor() as cursor:
            yield cursor

    # --- Cursors ----------------------------------------------------------------------------------

    def server_cursor(self, connection: Connection, name: str) -> Any:
        """Return psycopg's server-side cursor; outside a transaction it outlives its statement."""
        if self.settings_dict["OPTIONS"].get("server_side_binding") is True:
            return connection.cursor(name, scrollable=False, withhold=self.autocommit)
        return ServerSideCursor(connection, name=name, scrollable=False, withhold=self.autocommit)

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that takes a connection when it executes."""
        return ServerCursor(self, name) if name else Cursor(self)

    def _cursor(self, name: str | None = None) -> Any:
        self._revive()
        if self.alias == NO_DB_ALIAS:
            self.ensure_connection()  # Django falls back to another database if this fails
        return self._prepare_cursor(self.create_cursor(name))

    # --- Transactions -----------------------------------------------------------------------------

    def get_autocommit(self) -> bool:
        """Return the flag; needs no connection."""
        self._revive()
        return bool(self.autocommit)

    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        """Set the flag; BEGIN goes with the next statement. Runs the hooks of a commit."""
        self.validate_no_atomic_block()
        connection = self.connection
        if (
            connection is not None
            and autocommit != self.autocommit
            and connection.pgconn.transaction_status in IN_TRANSACTION
        ):
            raise ProgrammingError("can't change 'autocommit' now: a transaction is in progress")
        self.autocommit = autocommit
        self.rest()
        if autocommit and self.run_commit_hooks_on_set_autocommit_on:
            self.run_and_clear_commit_hooks()
            self.run_commit_hooks_on_set_autocommit_on = False

    def _begin_transaction(self, connection: Connection, statement: Any) -> None:
        begin = self._begin[connection.intent]
        if isinstance(statement, str) and statement.lstrip()[:15].upper() == "SET TRANSACTION":
            begin = begin.removesuffix(b"; " + IDENTIFY)  # it must come before any query
        with debug_transaction(self, "BEGIN"), self._speaking(connection):
            connection.begin(begin)

    @contextmanager
    def _speaking(self, connection: Connection) -> Iterator[None]:
        """Run what is sent beside the caller's own statements, before COMMIT."""
        connection.statement_at = monotonic()
        try:
            with self.wrap_database_errors:
                yield
        except Error as error:
            if isinstance(error.__cause__, psycopg.Error):
                self.explain(connection, error.__cause__, "SELECT")
            raise
        finally:
            connection.statement_at = 0.0

    def _commit(self) -> None:
        guards, self.commit_guards = self.commit_guards, []
        with ExitStack() as stack:
            for guard in guards:
                stack.enter_context(guard)
            self._send_commit()

    def _send_commit(self) -> None:
        connection = self.connection
        if connection is None:  # no statement was sent, so nothing was begun
            self.commits += 1
            return
        if connection.closed:
            self._give_back(connection)
            raise DatabaseUnavailable(f"the connection to {self.alias!r} was lost before COMMIT")
        if connection.pgconn.transaction_status == IN_ERROR:
            # The server would answer COMMIT with a silent ROLLBACK.
            raise InternalError("a statement of this transaction failed: it cannot be committed")
        if connection.intent is Intent.WRITE and connection.transaction_id is None:
            with self._speaking(connection):
                connection.identify()
        try:
            with debug_transaction(self, "COMMIT"), self.wrap_database_errors:
                connection.statement_at = monotonic()
                connection.commit()
        except Error as error:
            if not connection.closed and kind_of(error, committing=True) is not Kind.AMBIGUOUS:
                raise  # the server has answered: it was rolled back
            connection.retire = True
            self._give_back(connection)
            self._learn_outcome(connection, error)
        finally:
            connection.statement_at = 0.0
        self.commits += 1
        if self.connection is connection and not connection.pins:
            self._give_back(connection)

    def _learn_outcome(self, connection: Connection, error: Error) -> None:
        """Return if a lost COMMIT was applied; raise what else became of it."""
        lost, scope = LostCommit.of(connection), current()
        if lost is None:
            raise OutcomeUnknown(f"the answer to COMMIT was lost: {in_one_line(error)}") from error
        deadline = monotonic() + SETTLE_TIMEOUT
        if scope and scope.deadline is not None:
            deadline = max(deadline, scope.deadline)
        with self._aside():
            is_applied = settle(self, lost, deadline=deadline)
        self.group.resolved += 1
        if not is_applied:
            raise DatabaseUnavailable(
                f"the connection to {self.alias!r} was lost and the transaction rolled back"
            ) from error

    def _rollback(self) -> None:
        self.commit_guards = []
        connection = self.connection
        if connection is None:
            return
        try:
            if not connection.closed:  # the server rolls back what it lost
                with debug_transaction(self, "ROLLBACK"), self.wrap_database_errors:
                    connection.statement_at = monotonic()
                    connection.rollback()
        except Error:
            if not connection.closed:
                raise
        finally:
            connection.statement_at = 0.0
            if connection.closed or not connection.pins:
                self._give_back(connection)

    # --- Set-up and state -------------------------------------------------------------------------

    @cached_property
    def pg_version(self) -> int:
        """The server's version."""
        with self._holding() as connection:
            return int(connection.info.server_version)

    def _give_back(self, connection: Connection) -> None:
        self.connection = None
        connection.pool.group.give_back(connection)

    def _set_up(self, connection: Connection) -> None:
        """Do once for a physical connection what Django does whenever it connects."""
        try:
            with self._aside(connection):
                connection.pins += 1
                connection.statement_at = monotonic()
                self._configure_connection(connection)
                connection.incarnation = read_incarnation(connection)
                self.init_connection_state()
                connection_created.send(sender=self.__class__, connection=self)
                connection.pins -= 1
                connection.is_new = False
        except BaseException as error:
            self._give_back(connection)  # which closes what is still new
            if isinstance(error, psycopg.Error):
                self.explain(connection, error, "SELECT")
            raise
        finally:
            connection.statement_at = 0.0

    @contextmanager
    def _holding(self) -> Iterator[Connection]:
        connection = self.hold()
        connection.pins += 1
        try:
            yield connection
        finally:
            self.unpin(connection)
