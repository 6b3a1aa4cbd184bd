"""Breaks a database in every way there is while clients write and read, and counts what came of it.

    python -m tests.db.faults --faults 1000 --seconds 600 --seed 7

Starts servers of its own. Clients write through `@write`, each operation under a key of its own;
one injector breaks one thing after the other. At the end the tables say what was really applied.
Nothing stops an operation from being applied twice but the backend: the tables have no constraint.
Exit code 1 if an invariant broke; the seed repeats the order of faults, not the threads' timing.
"""

import argparse
import logging
import random
import shutil
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django
import psycopg
from django.conf import settings
from django.db import Error

from config.dev.proxy import Proxy
from config.dev.servers import Postgres
from tests.db.injector import Injector

SCHEMA = """
CREATE TABLE entry (op uuid, part int, slow float DEFAULT 0);
CREATE TABLE key (op uuid);
CREATE TABLE counter (id int PRIMARY KEY, n int NOT NULL);
INSERT INTO counter SELECT n, 0 FROM generate_series(1, 4) n;
CREATE FUNCTION hold_commit() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(NEW.slow); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hold_commit AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.slow > 0) EXECUTE FUNCTION hold_commit();
"""
LIMITS = {"pools": 3, "pool_size": 2, "write_reserve": 2}
WRITERS, READERS = 8, 3
# What a caller may wait: detection of a silent server, and a loaded machine's hiccups.
READ_LIMIT = 1.5


@dataclass
class Operation:
    """One write as its client knows it."""

    key: uuid.UUID
    parts: int
    counter: int
    outcome: str = "running"  # acknowledged, refused or unknown


@dataclass
class Report:
    """What happened; `broken` says in words which invariant did not hold."""

    seed: int
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    numbers: dict[str, Any] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=lambda: {"ok": 0.0, "refused": 0.0})

    def __str__(self) -> str:
        lines = [f"seed {self.seed}: {sum(self.faults.values())} faults in {self.seconds:.0f} s"]
        lines += [f"  {count:5} {name}" for name, count in sorted(self.faults.items())]
        lines += [f"  {count:7} {name}" for name, count in sorted(self.outcomes.items())]
        lines += [f"  {took:6.2f} s slowest read {name}" for name, took in self.slowest.items()]
        lines.append("  " + " ".join(f"{name}={value}" for name, value in self.numbers.items()))
        lines += [f"BROKEN: {text}" for text in self.broken] or ["all invariants hold"]
        return "\n".join(lines)


class Drill:
    """The servers, the clients and what they know."""

    def __init__(self, server: Postgres, proxy: Proxy, seed: int) -> None:
        self.server = server
        self.injector = Injector(server, proxy, random.Random(seed))
        self.report = Report(seed)
        self.operations: list[Operation] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    def run(self, faults: int, seconds: float) -> Report:
        """Inject `faults` faults, in at most `seconds`; return what came of it."""
        began = time.monotonic()
        clients = [threading.Thread(target=self._write_on, args=(n,)) for n in range(WRITERS)]
        clients += [threading.Thread(target=self._read_on, args=(n,)) for n in range(READERS)]
        for client in clients:
            client.start()
        try:
            time.sleep(0.3)
            while sum(self.report.faults.values()) < faults:
                if time.monotonic() - began > seconds:
                    break
                if name := self.injector.inject():
                    self.report.faults[name] += 1
        finally:
            self.stopping.set()
            for client in clients:
                client.join(30)
        self.report.seconds = time.monotonic() - began
        if alive := [client.name for client in clients if client.is_alive()]:
            self.report.broken.append(f"{len(alive)} clients never came back")
        self._judge()
        return self.report

    # --- Clients ----------------------------------------------------------------------------------

    def _write_on(self, number: int) -> None:
        chance = random.Random(f"{self.report.seed} {number}")
        while not self.stopping.is_set():
            operation = Operation(uuid.uuid4(), chance.choice((1, 1, 3)), chance.randint(1, 4))
            self.operations.append(operation)
            slow = chance.choice((0, 0, 0, 0, 0, 0.02, 0.3))
            is_persistent = chance.random() < 0.5
            while operation.outcome != "acknowledged":
                outcome = self._write(operation, slow, chance.random() < 0.7)
                self._count(f"write {outcome}")
                # That a repetition was refused says nothing of the attempt before it.
                if outcome == "acknowledged" or operation.outcome != "unknown":
                    operation.outcome = outcome
                if self.stopping.is_set():
                    break
                if operation.outcome == "refused" and not is_persistent:
                    break
                if outcome != "acknowledged":
                    time.sleep(0.05)

    def _write(self, operation: Operation, slow: float, can_tell: bool) -> str:
        from config.db.errors import OutcomeUnknown
        from config.db.outcome import was_applied

        token = was_applied.set(lambda: _has_key(operation.key) if can_tell else None)
        try:
            # Only who was told "unknown" looks first: nothing else stops a second application.
            _apply(operation, slow, looks_first=operation.outcome == "unknown")
        except OutcomeUnknown:
            return "unknown"
        except Error as error:
            self._expect_shortage(error)
            return "refused"
        finally:
            was_applied.reset(token)
        return "acknowledged"

    def _read_on(self, number: int) -> None:
        from django.db import connection

        from config.db.intent import Intent, use

        chance = random.Random(f"{self.report.seed} reader {number}")
        while not self.stopping.is_set():
            began = time.monotonic()
            kind = chance.choice(("select", "iterator", "atomic"))
            outcome = "ok"
            try:
                with use(Intent.READ, label=kind):
                    _READS[kind](connection)
            except Error as error:
                outcome = "refused"
                self._expect_shortage(error)
            took = time.monotonic() - began
            with self._lock:
                self.report.slowest[outcome] = max(self.report.slowest[outcome], took)
            self._count(f"read {outcome}")
            time.sleep(0.002 if outcome == "ok" else 0.02)

    def _expect_shortage(self, error: Error) -> None:
        from config.db.errors import DatabaseShortage

        if not isinstance(error, DatabaseShortage):
            with self._lock:
                self.report.broken.append(f"a client saw {type(error).__name__}: {error}")

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.report.outcomes[outcome] += 1

    # --- Judgement --------------------------------------------------------------------------------

    def _judge(self) -> None:
        from django.db import connection

        broken, numbers = self.report.broken, self.report.numbers
        self.injector.admin().close()  # waits until the server is up
        with psycopg.connect(**self.server.params()) as plain:
            rows = plain.execute("SELECT op, part, count(*) FROM entry GROUP BY op, part")
            applied: dict[uuid.UUID, Counter[int]] = {}
            for op, part, count in rows.fetchall():
                applied.setdefault(op, Counter())[part] += count
            [total] = plain.execute("SELECT sum(n) FROM counter").fetchone() or [0]
        twice = missing = false_refusals = partial = 0
        for operation in self.operations:
            parts = applied.get(operation.key, Counter())
            twice += any(count > 1 for count in parts.values())
            partial += len(parts) not in (0, operation.parts)
            missing += operation.outcome == "acknowledged" and not parts
            false_refusals += operation.outcome == "refused" and bool(parts)
        numbers |= {"operations": len(self.operations), "applied": len(applied)}
        numbers |= {"twice": twice, "missing": missing, "partial": partial}
        numbers |= {"refused_but_applied": false_refusals}
        for name in ("twice", "missing", "partial", "refused_but_applied"):
            if numbers[name]:
                broken.append(f"{numbers[name]} operations {name.replace('_', ' ')}")
        if total != len(applied):
            broken.append(f"the counters say {total}, the entries {len(applied)}")
        self._judge_pool(connection.group)  # type: ignore[attr-defined]
        if max(self.report.slowest.values()) > READ_LIMIT:
            broken.append(f"a read took {max(self.report.slowest.values()):.2f} s")

    def _judge_pool(self, group: Any) -> None:
        deadline = time.monotonic() + 2
        while group.watch.away and time.monotonic() < deadline:
            time.sleep(0.01)
        flows = group.gate.numbers()
        leaked = group.gate.in_use + len(group.held()) + sum(pool.out for pool in group.pools)
        waiting = sum(flow["waiting"] for flow in flows.values())
        rest = sum(len(pool.idle) for pool in group.pools)
        self.report.numbers |= {"leaked": leaked, "waiting": waiting, "idle": rest}
        self.report.numbers |= {"retried": group.retried, "resolved": group.resolved}
        self.report.numbers |= {"opened": group.opened, "lost": group.lost}
        if leaked or waiting:
            self.report.broken.append(f"{leaked} places leaked, {waiting} still waiting")
        if rest > group.limits.connections:
            self.report.broken.append(f"{rest} connections rest")
        if group.watch.away:
            self.report.broken.append("still away after the last fault")


def _select(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM counter")
        assert cursor.fetchone() == (4,)


def _iterate(connection: Any) -> None:
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT n FROM generate_series(1, 50) n")
        rows = [row for chunk in iter(lambda: cursor.fetchmany(20), []) for row in chunk]
        assert len(rows) == 50


def _atomic(connection: Any) -> None:
    from django.db import transaction

    with transaction.atomic():
        _select(connection)
        _select(connection)


_READS: dict[str, Callable[[Any], None]] = {
    "select": _select,
    "iterator": _iterate,
    "atomic": _atomic,
}


def _has_key(key: uuid.UUID) -> bool:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM key WHERE op = %s", [key])
        return cursor.fetchone() is not None


def _apply(operation: Operation, slow: float, *, looks_first: bool) -> None:
    """The write: what an HTTP handler with an Idempotency-Key does."""
    from django.db import connection

    from config.db.retry import write

    @write
    def apply() -> None:
        if looks_first and _has_key(operation.key):
            return
        with connection.cursor() as cursor:
            for part in range(operation.parts):
                cursor.execute("INSERT INTO entry VALUES (%s, %s, %s)", [operation.key, part, slow])
            cursor.execute("UPDATE counter SET n = n + 1 WHERE id = %s", [operation.counter])
            cursor.execute("INSERT INTO key VALUES (%s)", [operation.key])

    apply()


def drill(*, faults: int, seconds: float, seed: int, folder: Path) -> Report:
    """Run a drill with servers of its own in `folder`; configures Django in this process."""
    with (
        Postgres(folder, durable=False, tcp=True) as server,
        Proxy(("127.0.0.1", server.port or 0)) as proxy,
    ):
        params = server.params(port=proxy.port)
        settings.configure(
            USE_TZ=True,
            DATABASES={
                "default": {
                    "ENGINE": "config.db",
                    "NAME": params["dbname"],
                    "USER": params["user"],
                    "PASSWORD": params["password"],
                    "HOST": params["host"],
                    "PORT": params["port"],
                    "OPTIONS": {"pool": LIMITS},
                }
            },
        )
        django.setup()
        with psycopg.connect(**server.params(), autocommit=True) as plain:
            plain.execute(SCHEMA)
        from django.db import connection

        try:
            return Drill(server, proxy, seed).run(faults, seconds)
        finally:
            connection.close_pool()  # type: ignore[attr-defined]


def main() -> int:
    """Run a drill as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.db.faults", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--verbose", action="store_true", help="log what the backend says")
    options = parser.parse_args()
    level = logging.INFO if options.verbose else logging.CRITICAL
    logging.basicConfig(level=level, format="%(relativeCreated)d %(message)s")
    print(f"seed {options.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        report = drill(
            faults=options.faults, seconds=options.seconds, seed=options.seed, folder=folder
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report)
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(main())
