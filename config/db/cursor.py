"""Cursors that take a connection when a statement runs, and no longer.

psycopg's client-side cursors hold the whole result once `execute` returns, so the connection can
serve others while rows are fetched. What needs the connection for longer pins it: server-side
cursors and COPY until they are closed, `cursor.connection` until the cursor is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg

from config.db.connection import Connection

if TYPE_CHECKING:
    from config.db.base import DatabaseWrapper

# Tags of statements that change the session, so that their connection must serve no one else.
STATEFUL: Final = frozenset({"SET", "LISTEN", "PREPARE", "LOAD", "CREATE TABLE"})


class Cursor:
    """A client-side cursor, psycopg's interface."""

    __slots__ = ("_arraysize", "_cursor", "_db", "_is_closed", "_pinned")

    def __init__(self, db: "DatabaseWrapper") -> None:
        self._db = db
        self._cursor: Any = None
        self._is_closed = False
        self._pinned: Connection | None = None
        self._arraysize: int | None = None

    def execute(self, sql: Any, params: Any = None, **options: Any) -> Self:
        """Run a statement on a connection of its own, or on the transaction's."""
        db = self._db
        connection = db.hold(sql)
        try:
            cursor = self._cursor = self._new(connection)
            connection.statement_at = monotonic()
            cursor.execute(sql, params, **options)
            if _keeps_state(cursor.statusmessage, sql):
                connection.retire = not connection.is_new
        except psycopg.Error as error:
            db.explain(connection, error, sql)
            raise
        finally:
            connection.statement_at = 0.0
            db.rest()
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return (self._cursor or self._opened()).fetchone()

    def fetchmany(self, size: int = 0) -> Any:
        """Return the next rows."""
        return (self._cursor or self._opened()).fetchmany(size)

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        return (self._cursor or self._opened()).fetchall()

    def executemany(self, sql: Any, params_seq: Any, **options: Any) -> None:
        """Run a statement once for each set of parameters."""
        self._run("executemany", sql, params_seq, **options)

    def callproc(self, name: Any, args: Any = None) -> Any:
        """Call a stored procedure."""
        return self._run("callproc", name, args)

    def mogrify(self, sql: Any, params: Any = None) -> Any:
        """Return the statement with its parameters in place; nothing is sent."""
        return self._run("mogrify", sql, params)

    @contextmanager
    def copy(self, statement: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        """Run a COPY; the connection is pinned for the block."""
        connection = self._db.hold()
        connection.pins += 1
        try:
            self._cursor = self._new(connection)
            connection.statement_at = monotonic()
            with self._cursor.copy(statement, params, **options) as copy:
                yield copy
        except psycopg.Error as error:
            self._db.explain(connection, error, statement)
            raise
        finally:
            connection.statement_at = 0.0
            self._db.unpin(connection)

    def stream(self, sql: Any, params: Any = None, **options: Any) -> Iterator[Any]:
        """Yield rows as they arrive; the connection is pinned until the iterator is done."""
        connection = self._db.hold()
        connection.pins += 1
        try:
            self._cursor = self._new(connection)
            connection.statement_at = monotonic()
            yield from self._cursor.stream(sql, params, **options)
        except psycopg.Error as error:
            self._db.explain(connection, error, sql)
            raise
        finally:
            connection.statement_at = 0.0
            self._db.unpin(connection)

    @property
    def connection(self) -> Connection:
        """The physical connection, pinned until the cursor is closed."""
        if self._pinned is None:
            self._pinned = self._db.hold()
            self._pinned.pins += 1
        return self._pinned

    def close(self) -> None:
        """Close the cursor; what it pinned is free again."""
        self._is_closed = True
        if self._cursor is not None:
            self._cursor.close()
        if self._pinned is not None:
            pinned, self._pinned = self._pinned, None
            self._db.unpin(pinned)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._is_closed

    @property
    def arraysize(self) -> int:
        """How many rows `fetchmany` returns by default."""
        return self._arraysize or 1

    @arraysize.setter
    def arraysize(self, value: int) -> None:
        self._arraysize = value
        if self._cursor is not None:
            self._cursor.arraysize = value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._opened())

    def __next__(self) -> Any:
        return next(self._opened())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened(), name)

    @property
    def _query(self) -> Any:
        """What Django's debug log asks for, also where a statement found no connection."""
        return None if self._cursor is None else self._cursor._query

    def _opened(self) -> Any:
        """Return psycopg's cursor; its rows, if any, are in memory."""
        if self._cursor is None:
            connection = self._db.hold()
            try:
                self._cursor = self._new(connection)
            finally:
                self._db.rest()
        return self._cursor

    def _new(self, connection: Connection) -> Any:
        if self._is_closed:
            raise psycopg.InterfaceError("the cursor is closed")
        # Django compares time zones here; ours are alike, as a change of zone closes the pools.
        cursor = connection.cursor()
        if self._arraysize is not None:
            cursor.arraysize = self._arraysize
        return cursor

    def _run(self, method: str, *args: Any, **options: Any) -> Any:
        connection = self._db.hold()
        try:
            self._cursor = self._new(connection)
            connection.statement_at = monotonic()
            return getattr(self._cursor, method)(*args, **options)
        except psycopg.Error as error:
            self._db.explain(connection, error, args[0])
            raise
        finally:
            connection.statement_at = 0.0
            self._db.rest()


class ServerCursor(Cursor):
    """A server-side cursor: the rows stay on the server, so the connection stays pinned."""

    __slots__ = ("_lease", "_name")

    def __init__(self, db: "DatabaseWrapper", name: str) -> None:
        super().__init__(db)
        self._name = name
        self._lease = 0

    def execute(self, sql: Any, params: Any = None, **options: Any) -> Self:
        """Declare the cursor."""
        self._exchange("execute", sql, params, **options)
        return self

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        return self._exchange("fetchone")

    def fetchmany(self, size: int = 0) -> Any:
        """Return the next rows."""
        return self._exchange("fetchmany", size or self.arraysize)

    def fetchall(self) -> Any:
        """Return the rows that are left."""
        return self._exchange("fetchall")

    def scroll(self, value: int, mode: str = "relative") -> None:
        """Move in the result."""
        self._exchange("scroll", value, mode)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        return self._exchange("__next__")

    def close(self) -> None:
        """Close the cursor, on the server too where that can still be done.

        The garbage collector may call this in a foreign thread or in the midst of a statement:
        then the connection is only marked, to be closed by who has it.
        """
        cursor, connection = self._cursor, self._pinned
        if self._is_closed or cursor is None or connection is None:
            super().close()
            return
        self._is_closed = True
        try:
            if self._is_over():
                return
            if self._db.is_own_thread() and not connection.lock.locked():
                self._exchange("close")
            else:
                connection.retire = True
        finally:
            # psycopg's local part of closing, without which it complains.
            psycopg.Cursor.close(cursor)
            self._pinned = None
            self._db.unpin(connection)

    def _opened(self) -> Any:
        if self._cursor is None:
            connection = self.connection
            self._lease = connection.lease
            if self._is_closed:
                raise psycopg.InterfaceError("the cursor is closed")
            self._cursor = self._db.server_cursor(connection, self._name)
        return self._cursor

    def _exchange(self, method: str, *args: Any, **options: Any) -> Any:
        cursor = self._opened()
        connection = self.connection
        if self._is_over():
            raise psycopg.InterfaceError("the connection of this server-side cursor was closed")
        connection.statement_at = monotonic()
        try:
            return getattr(cursor, method)(*args, **options)
        except psycopg.Error as error:
            self._db.explain(connection, error, "SELECT")
            raise
        finally:
            connection.statement_at = 0.0

    def _is_over(self) -> bool:
        # Whoever had this connection now must not see our FETCH: it would break what they do.
        pinned = self._pinned
        return pinned is None or self._db.connection is not pinned or pinned.lease != self._lease


def _keeps_state(tag: str | None, sql: Any) -> bool:
    """Return whether a statement left something in the session that outlives its transaction."""
    if tag is None or not isinstance(sql, str):
        return tag in STATEFUL
    if tag.startswith("SELECT"):
        return "advisory_lock" in sql or "set_config" in sql
    if tag not in STATEFUL:
        return False
    text = sql.lstrip().upper()
    if tag == "CREATE TABLE":
        return "TEMP" in text
    return not text.startswith(("SET LOCAL", "SET TRANSACTION"))
