"""Shares one pair of embedded servers among all commands of a checkout.

The servers belong to a small process of their own, the keeper, so that no command takes them away
from another: it ends them when nobody uses them any more, however the users ended. All that is
known about each other are locks on bytes of one file, which the kernel drops with their process.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from config.dev.servers import Postgres, ServerError, Valkey

USERS: Final = 0  # shared by the commands that use the servers; the keeper's when they are to end
KEEPER: Final = 1  # the keeper's while it lives
STARTING: Final = 2  # of the command that starts a keeper
BASE_DIR: Final = Path(__file__).resolve().parents[2]


class Share:
    """This process's share in the servers, until it ends (also by becoming another program)."""

    def __init__(self, folder: Path) -> None:
        """Join the servers of a folder, starting them when needed; raises ServerError."""
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = _lock_file(folder)
        fcntl.lockf(self._file, fcntl.LOCK_SH, 1, USERS)
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, STARTING)
        if _lock_at_once(self._file, KEEPER):
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, KEEPER)
            self._keeper = _start_keeper(folder)
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, STARTING)
        self.urls: dict[str, str] = json.loads((folder / "urls.json").read_text())

    def reset(self) -> bool:
        """Empty the servers; return False, and leave them alone, if somebody else uses them."""
        import psycopg  # the keeper, which imports this module too, starts faster without
        import redis

        if not _lock_at_once(self._file, USERS):
            return False
        try:
            address = postgres(self.folder).params("postgres")
            with psycopg.connect(**address, autocommit=True) as connection:
                connection.execute("DROP DATABASE IF EXISTS stechuhr WITH (FORCE)")
                connection.execute("CREATE DATABASE stechuhr")
            with redis.Redis.from_url(self.urls["REDIS_URL"]) as cache:
                cache.flushall()
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_SH, 1, USERS)
        return True


def postgres(folder: Path) -> Postgres:
    """Return the shared PostgreSQL, started or not; each version has its own data."""
    return Postgres(folder / f"postgres-{Postgres.major()}")


def main(folder: Path) -> None:
    """Be the keeper: start the servers, say so (or why not) on standard output, end them."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    file = _lock_file(folder)
    fcntl.lockf(file, fcntl.LOCK_EX, 1, KEEPER)
    try:
        with postgres(folder) as database, Valkey(folder / "valkey") as cache:
            urls = {"DATABASE_URL": database.url(), "REDIS_URL": cache.url()}
            (folder / "urls.json").write_text(json.dumps(urls))
            print("ready", flush=True)
            os.dup2(2, 1)
            fcntl.lockf(file, fcntl.LOCK_EX, 1, USERS)
    except (ServerError, OSError) as error:
        sys.exit(print(error))


def _start_keeper(folder: Path) -> subprocess.Popen[str]:
    with (folder / "keeper.log").open("a") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "config.dev.keeper", folder],
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    assert keeper.stdout is not None
    with keeper.stdout as stdout:
        said = stdout.read().strip()
    if said != "ready":
        raise ServerError(said or f"The embedded servers did not start: see {folder}/keeper.log")
    return keeper


def _lock_file(folder: Path) -> int:
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    # The locks outlive exec, and with it `serve` becoming the app server, only with the file.
    os.set_inheritable(file, True)
    return file


def _lock_at_once(file: int, byte: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        return True
    return False


if __name__ == "__main__":
    main(Path(sys.argv[1]))
