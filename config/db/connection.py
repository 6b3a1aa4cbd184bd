"""One physical connection, with what its group notes about it."""

import contextlib
import os
import select
import socket
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self, cast

import psycopg
from psycopg import generators, pq
from psycopg.abc import PQGenConn
from psycopg.errors import error_from_result
from psycopg.pq.abc import PGresult

from config.db.intent import Intent

if TYPE_CHECKING:
    from config.db.pool import Pool, PoolGroup

# Plain numbers, as psycopg returns them: members of an enum are slow to look up.
IDLE: Final = int(pq.TransactionStatus.IDLE)
ACTIVE: Final = int(pq.TransactionStatus.ACTIVE)
IN_TRANSACTION: Final = (int(pq.TransactionStatus.INTRANS), int(pq.TransactionStatus.INERROR))
IN_ERROR: Final = int(pq.TransactionStatus.INERROR)
LOST: Final = int(pq.TransactionStatus.UNKNOWN)

# Seconds that a server may take to let somebody in, and to end a session; one that is paused or cut
# off never does.
CONNECT_TIMEOUT: Final = 0.7
LEAVE_TIMEOUT: Final = 0.5
GIVE_UP_INTERVAL: Final = 0.1  # as psycopg's at a log-in

# What tells the log-in of the current thread to give up.
_gives_up: ContextVar[Callable[[], object]] = ContextVar("_gives_up")

IDENTIFY: Final = b"SELECT pg_current_xact_id(), pg_backend_pid()"


class Connection(psycopg.Connection[Any]):
    """Always in psycopg's autocommit mode: BEGIN is sent by `begin`, COMMIT by `commit`.

    The attributes belong to whoever holds the connection, and to the group while it rests.
    """

    pool: "Pool"
    address: tuple[str, int]
    owner: "dict[Connection, PoolGroup]"  # what the thread that has it out has out
    intent: Intent
    label = ""
    taken_at = 0.0
    used_at = 0.0
    expires_at = 0.0
    gone_by = 0.0  # after `leave`
    statement_at = 0.0  # when the running statement began; 0.0 while none runs
    lease = 0  # which checkout this is: tells a cursor that its transaction is over
    pins = 0  # who needs this very connection beyond one statement or transaction
    is_new = True  # not yet set up by a wrapper
    retire = False  # holds session state, must not serve anyone else
    incarnation: str | None = None  # of the server, see config.db.outcome
    transaction_id: int | None = None  # of the running transaction, where it was recorded
    backend: int | None = None

    @classmethod
    def open(cls, params: Mapping[str, Any], gives_up: Callable[[], object]) -> Self:
        """Log in; raises psycopg.Error, also soon after `gives_up` returns something true.

        Each of several hosts has CONNECT_TIMEOUT: libpq's own shortest limit is two seconds.
        """
        token = _gives_up.set(gives_up)
        try:
            connection = cls.connect(**params, autocommit=True)
        finally:
            _gives_up.reset(token)
        connection._note_socket()
        info = connection.info
        connection.address = (info.hostaddr or info.host, info.port)
        return connection

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> PQGenConn[Self]:
        deadline, gives_up = monotonic() + CONNECT_TIMEOUT, _gives_up.get()
        login = super()._connect_gen(conninfo)
        try:
            awaited = next(login)
            while True:
                ready = yield awaited
                if not ready and (gives_up() or monotonic() >= deadline):
                    raise psycopg.errors.ConnectionTimeout(
                        "the server did not finish the log-in in time"
                    )
                awaited = login.send(ready)
        except StopIteration as done:
            return cast(Self, done.value)

    def _note_socket(self) -> None:
        # A second handle: libpq may close its own at any moment, and its number may then be another
        # file's.
        self.handle = socket.socket(fileno=os.dup(self.fileno()))
        self._poll = select.poll()
        self._poll.register(self.handle, select.POLLIN)

    def __del__(self, *_: object) -> None:
        """Say nothing: connections that rest when the process ends are in good order."""

    def close(self) -> None:
        """Close both handles; the server rolls back what was not committed."""
        super().close()
        self.handle.close()

    def leave(self) -> None:
        """Close our side; `close` or `await_gone` has to follow."""
        self.gone_by = monotonic() + LEAVE_TIMEOUT
        super().close()
        with contextlib.suppress(OSError):  # gone already
            self.handle.shutdown(socket.SHUT_WR)

    def await_gone(self, gives_up: Callable[[], object]) -> None:
        """Wait until the server has ended the session: then a successor is not one too many.

        The server's side closes when its process is gone, on purpose (PostgreSQL's `pqcomm.c`,
        "synchronous close"). One that is silent is waited for until LEAVE_TIMEOUT after `leave`, or
        until `gives_up` returns something true.
        """
        with self.handle, contextlib.suppress(OSError):
            while (left := self.gone_by - monotonic()) > 0 and not gives_up():
                self.handle.settimeout(min(left, GIVE_UP_INTERVAL))
                with contextlib.suppress(TimeoutError):
                    if not self.handle.recv(65536):
                        break

    def has_news(self) -> bool:
        """Return whether the server sent something unasked, as it does when it goes away."""
        return bool(self._poll.poll(0))

    def interrupt(self) -> None:
        """Make a thread that waits for the server on this connection fail; any thread may call."""
        with contextlib.suppress(OSError):  # gone already
            self.handle.shutdown(socket.SHUT_RDWR)

    def begin(self, statement: bytes) -> None:
        """Begin a transaction in one message, noting the ids that its last SELECT returns."""
        self.transaction_id = self.backend = None
        self._note(self._exchange(statement))

    def identify(self) -> None:
        """Note the ids of the running transaction, where `begin` could not ask for them."""
        self._note(self._exchange(IDENTIFY))

    def _exchange(self, statements: bytes) -> PGresult:
        """Send statements in one message; return the last result."""
        with self.lock:
            self.pgconn.send_query(statements)
            results = self.wait(generators.execute(self.pgconn))
        last: PGresult = results[-1]
        if last.status == pq.ExecStatus.FATAL_ERROR:
            raise error_from_result(last, encoding="utf-8")
        return last

    def _note(self, result: PGresult) -> None:
        if result.ntuples:
            transaction_id, backend = result.get_value(0, 0), result.get_value(0, 1)
            assert transaction_id is not None
            assert backend is not None
            self.transaction_id, self.backend = int(transaction_id), int(backend)
