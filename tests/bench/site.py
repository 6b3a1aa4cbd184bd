"""The whole product on servers of its own: PostgreSQL, Valkey, demo data, app server."""

import contextlib
import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from config.dev import accounts, environment
from config.dev.servers import Postgres, Valkey, free_port

BASE_DIR: Final = Path(__file__).resolve().parents[2]
START_TIMEOUT: Final = 60.0


class Site:
    """PostgreSQL and Valkey with the demo's data; `serving` runs app servers before them.

    `people` demo-like members are added, so that load comes from as many persons as it claims.
    """

    def __init__(self, *, people: int = 0, postgres: Mapping[str, str] | None = None) -> None:
        environment.var_dir().mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=environment.var_dir()))
        self.postgres = Postgres(self.folder / "postgres", tcp=True, settings=postgres or {})
        self.valkey = Valkey(self.folder / "valkey")
        self.people = people
        self.cookies: list[str] = []

    def __enter__(self) -> Self:
        self.postgres.start()
        self.valkey.start()
        os.environ.update(self.environment())
        import django

        django.setup()
        from django.core.management import call_command

        from tests.bench import people

        call_command("migrate", verbosity=0)
        self.cookies = people.sign_in(self.people)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.valkey.stop()
        self.postgres.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, database_url: str | None = None) -> dict[str, str]:
        """Return what settings read, for processes on these servers."""
        return {
            "SECRET_KEY": "bench",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "STECHUHR_DEV": "0",
            "DATABASE_URL": database_url or self.postgres.url(),
            "REDIS_URL": self.valkey.url(),
            "VAR_DIR": str(self.folder),
            "DJANGO_SETTINGS_MODULE": "tests.bench.plain",
            "STECHUHR_PROCESS": "command",
        }

    def copy_database(self, name: str) -> None:
        """Make another database of the same server with what is stored now."""
        import psycopg
        from django.db import connections

        # A database that is copied must have no connection.
        connections["default"].close_pool()  # type: ignore[attr-defined]
        with psycopg.connect(**self.postgres.params("postgres"), autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name} TEMPLATE stechuhr")

    @contextlib.contextmanager
    def serving(
        self, settings: Mapping[str, str] | None = None, *, database_url: str | None = None
    ) -> Iterator[int]:
        """Run the app server as `serve` does, with extra settings; yield its port once it answers.

        Nothing but `settings` and the site's own addresses reaches it from this environment.
        """
        port = free_port()
        chosen = {**self.environment(database_url), "STECHUHR_PROCESS": "web", **(settings or {})}
        chosen["PORT"] = str(port)
        connections = int(chosen.get("DB_POOLS", "5")) * int(chosen.get("DB_POOL_SIZE", "2"))
        given = {
            "host": "127.0.0.1",
            "port": port,
            "workers": chosen.get("WEB_WORKERS", "2"),
            "threads": chosen.get("WEB_THREADS", str(min(16, 2 * connections))),  # as in settings
            "stop-timeout": 2,
            "log-level": "error",
        }
        path = self.folder / f"web-{port}.log"
        with path.open("wb") as log:
            server = subprocess.Popen(
                accounts.as_child(
                    [
                        *(sys.executable, "-m", "config.serving"),
                        *(f"--{name}={value}" for name, value in given.items()),
                    ]
                ),
                cwd=BASE_DIR,
                env={"PATH": os.environ["PATH"], **chosen},
                stdout=log,
                stderr=log,
            )
            try:
                _await(server, port, path)
                yield port
            finally:
                server.terminate()
                try:
                    server.wait(10)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()


def _await(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/livez")
            if connection.getresponse().status == 200:
                return
        connection.close()
        time.sleep(0.05)
    raise RuntimeError(f"the app server did not start:\n{log.read_text(errors='replace')[-2000:]}")
