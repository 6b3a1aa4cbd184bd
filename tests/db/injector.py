"""What is broken in `tests.db.faults`: each fault is one method, and strikes once."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from typing import Any

import psycopg

from config.dev.proxy import Proxy
from config.dev.servers import Postgres


class Injector:
    """Breaks a server or the way to it; a fault returns whether it hit anything."""

    def __init__(self, server: Postgres, proxy: Proxy, chance: random.Random) -> None:
        self.server = server
        self.proxy = proxy
        self.random = chance

    def inject(self) -> str | None:
        """Break something by chance and mend it; return its name, None if nothing was hit."""
        names, weights = zip(*((name, weight) for name, (weight, _) in FAULTS.items()), strict=True)
        name: str = self.random.choices(names, weights)[0]
        # The injector's own connection may be struck by what came before.
        with contextlib.suppress(psycopg.OperationalError, ProcessLookupError):
            return name if FAULTS[name][1](self) else None
        return None

    def admin(self) -> psycopg.Connection[Any]:
        """Return a superuser's connection, as soon as the server is up."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return psycopg.connect(**self.server.params("postgres", user="postgres"))
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _cut(self, arm: Callable[[bytes], Any], *texts: bytes) -> bool:
        hit = bool(arm(self.random.choice(texts)).wait(2.0))
        if not hit:  # an armed cut would strike later, uncounted
            self.proxy.stop()
            self.proxy.start()
        return hit

    def cut_before_commit(self) -> bool:
        return self._cut(self.proxy.cut_before, b"COMMIT")

    def cut_after_commit(self) -> bool:
        return self._cut(self.proxy.cut_after, b"COMMIT")

    def cut_statement(self) -> bool:
        return self._cut(self.proxy.cut_before, b"BEGIN", b"INSERT INTO entry", b"INSERT INTO key")

    def cut_answer(self) -> bool:
        return self._cut(self.proxy.cut_after, b"BEGIN", b"INSERT INTO entry", b"UPDATE counter")

    def cut_read(self) -> bool:
        return self._cut(self.proxy.cut_after, b"FETCH FORWARD", b"SELECT count")

    def cut_all(self) -> bool:
        self.proxy.cut()
        return True

    def terminate(self) -> bool:
        """End backends at work, most of them in COMMIT: the kill races the commit."""
        where = self.random.choice(("", "AND query LIKE '%COMMIT%'", "AND xact_start IS NOT NULL"))
        with self.admin() as admin:
            [[count]] = admin.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                f"WHERE datname = 'stechuhr' AND state <> 'idle' {where}"
            )
        return bool(count)

    def refuse(self) -> bool:
        self.proxy.stop()
        time.sleep(self.random.uniform(0.05, 0.4))
        self.proxy.start()
        return True

    def blackhole(self) -> bool:
        self.proxy.blackhole()
        time.sleep(self.random.uniform(0.1, 1.2))
        if self.random.random() < 0.5:
            self.proxy.cut()
        self.proxy.heal()
        return True

    def pause(self) -> bool:
        self.server.pause()
        time.sleep(self.random.uniform(0.1, 1.2))
        self.server.resume()
        return True

    def crash(self) -> bool:
        """SIGKILL every process of the server, often while a COMMIT is held open."""
        with contextlib.suppress(psycopg.OperationalError):
            self._wait_for_commit()
        self.server.kill()
        self.server.start()
        return True

    def crash_backend(self) -> bool:
        """SIGKILL one backend: the server ends all sessions and recovers."""
        with self.admin() as admin:
            row = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = 'stechuhr' ORDER BY random()"
            ).fetchone()
        if row is None:
            return False
        os.kill(row[0], signal.SIGKILL)
        return True

    def restart(self) -> bool:
        self.server.restart()
        return True

    def _wait_for_commit(self) -> None:
        with self.admin() as admin:
            for _ in range(200):
                row = admin.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COMMIT%' AND state = 'active'"
                ).fetchone()
                if row:
                    return
                time.sleep(0.001)


# How often, and what. The expensive ones take a second or more each.
FAULTS: dict[str, tuple[float, Callable[[Injector], bool]]] = {
    "cut before COMMIT": (20, Injector.cut_before_commit),
    "cut after COMMIT": (30, Injector.cut_after_commit),
    "cut before a statement": (8, Injector.cut_statement),
    "cut after a statement": (8, Injector.cut_answer),
    "cut after a read": (6, Injector.cut_read),
    "all connections cut": (6, Injector.cut_all),
    "backends terminated": (25, Injector.terminate),
    "connections refused": (2, Injector.refuse),
    "blackhole": (2, Injector.blackhole),
    "server paused": (2, Injector.pause),
    "server killed": (2.5, Injector.crash),
    "backend killed": (2, Injector.crash_backend),
    "server restarted": (1, Injector.restart),
}
