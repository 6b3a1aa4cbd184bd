"""What an error says about a transaction, and how to learn what became of a lost COMMIT."""

import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Final

import psycopg
from django.db import Error, InterfaceError, OperationalError

from config.db.errors import DatabaseShortage, DatabaseUnavailable, OutcomeUnknown
from config.db.intent import Intent, use

if TYPE_CHECKING:
    from config.db.base import DatabaseWrapper
    from config.db.connection import Connection

logger = logging.getLogger("config.db")

GRACE: Final = 0.1  # seconds that a COMMIT may still be running before its backend is ended
ASK_INTERVAL: Final = 0.05

# Names one life of a server. An id of a transaction whose WAL was not flushed is given out again
# after a crash, so "committed" could then be a stranger's. The server's statistics begin anew at
# each crash recovery and never at an orderly restart; the timeline changes at each promotion.
INCARNATION: Final = """
    SELECT CASE WHEN pg_is_in_recovery() THEN NULL
        ELSE left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) || stats_reset::text END
    FROM pg_stat_bgwriter"""
ASK: Final = f"""
    SELECT CASE WHEN life.name = %s THEN pg_xact_status(%s::xid8) ELSE 'reborn' END
    FROM ({INCARNATION}) life(name)"""  # noqa: S608
TERMINATE: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid = %s AND backend_xid::text = (%s::bigint %% 4294967296)::text"""

# Says whether the write at hand was applied, from what it stores itself; None: cannot tell. Asked
# only after a crash of the server between COMMIT and its answer. Called in autocommit, on a
# working connection; set it around the `@write` function or inside it:
#     was_applied.set(lambda: IdempotencyKey.objects.filter(key=key).exists())
was_applied: ContextVar[Callable[[], bool | None]] = ContextVar(
    "database_was_applied", default=lambda: None
)


class Kind(Enum):
    """What an error means for the transaction it struck."""

    SAFE = "safe"  # nothing was applied, and another attempt may succeed
    AMBIGUOUS = "ambiguous"  # the transaction may have been applied
    NEVER = "never"  # another attempt would fail as well, or must not be made


CONTENDED_STATES: Final = {"40001", "40P01", "55P03"}
SAFE_STATES: Final = {"08001", "08004", "53300", "57P03", *CONTENDED_STATES}
LOST_STATES: Final = {"08000", "08003", "08006", "08007", "57P01", "57P02"}


def kind_of(error: BaseException, *, committing: bool = False) -> Kind:
    """Classify an error of psycopg or Django; `committing` if it came in answer to COMMIT."""
    if isinstance(error, DatabaseShortage):
        return Kind.SAFE if isinstance(error, DatabaseUnavailable) else Kind.NEVER
    if isinstance(error, Error) and isinstance(error.__cause__, psycopg.Error):
        error = error.__cause__
    if not isinstance(error, psycopg.Error):
        return Kind.NEVER
    state = error.sqlstate
    if state in SAFE_STATES:
        return Kind.SAFE
    if state == "40003":
        return Kind.AMBIGUOUS
    if state in LOST_STATES or (state is None and isinstance(error, psycopg.OperationalError)):
        return Kind.AMBIGUOUS if committing else Kind.SAFE
    return Kind.NEVER


@dataclass(frozen=True, slots=True)
class LostCommit:
    """A transaction whose COMMIT was sent and not answered."""

    xid: int
    backend: int
    incarnation: str

    @classmethod
    def of(cls, connection: "Connection") -> "LostCommit | None":
        """Return what identifies a connection's transaction; None if that was not recorded."""
        xid, backend = connection.transaction_id, connection.backend
        if xid is None or backend is None or not connection.incarnation:
            return None
        return cls(xid, backend, connection.incarnation)


def read_incarnation(connection: "Connection") -> str | None:
    """Return the name of the server's present life; None where it has none to tell.

    That is a standby, or something that is not quite PostgreSQL: lost commits stay unknown then.
    """
    try:
        row = connection.execute(INCARNATION).fetchone()
    except psycopg.DatabaseError:
        if connection.closed:
            raise
        return None
    return row[0] if row else None


def settle(db: "DatabaseWrapper", lost: LostCommit, *, deadline: float) -> bool:
    """Return whether a lost COMMIT was applied; raises OutcomeUnknown.

    Asks on fresh connections until `deadline` (monotonic seconds). Whatever it returns is final:
    a transaction that is still running is ended first.
    """
    patience = monotonic() + GRACE
    with use(Intent.WRITE, label=f"outcome of transaction {lost.xid}", deadline=deadline):
        while True:
            try:
                status = _ask(db, lost)
                if status == "reborn":
                    status = {True: "committed", False: "aborted", None: ""}[was_applied.get()()]
                    if not status:
                        break
                if status in ("committed", "aborted"):
                    logger.warning("resolved commit xid=%s outcome=%s", lost.xid, status)
                    return status == "committed"
                if monotonic() >= patience:
                    _terminate(db, lost)
            except (OperationalError, InterfaceError) as error:
                logger.debug("commit unresolved xid=%s error=%s", lost.xid, error)
            if monotonic() + ASK_INTERVAL >= deadline:
                break
            time.sleep(ASK_INTERVAL)
    logger.error("unresolved commit xid=%s", lost.xid)
    raise OutcomeUnknown(
        f"the answer to COMMIT was lost, and what became of transaction {lost.xid} "
        "could not be learned"
    )


def _ask(db: "DatabaseWrapper", lost: LostCommit) -> str | None:
    with db.cursor() as cursor:
        cursor.execute(ASK, [lost.incarnation, str(lost.xid)])
        row = cursor.fetchone()
        return row[0] if row else None


def _terminate(db: "DatabaseWrapper", lost: LostCommit) -> None:
    with db.cursor() as cursor:
        cursor.execute(TERMINATE, [lost.backend, str(lost.xid)])
