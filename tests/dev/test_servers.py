"""The launcher: real servers that start fast, break on request and never outlive their parent."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config.dev import accounts, processes
from config.dev.servers import Postgres, ServerError, Valkey

STARTER = """
import pathlib, sys, time
from config.dev.servers import Postgres, Valkey
Postgres(pathlib.Path(sys.argv[1]), durable=False).start()
Valkey(pathlib.Path(sys.argv[1]) / "cache").start()
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(private_folder: Path) -> Iterator[Path]:
    path = private_folder / "launched"
    yield path
    shutil.rmtree(path, ignore_errors=True)


def query(server: Postgres, sql: str, port: int | None = None) -> list[tuple[object, ...]]:
    with psycopg.connect(**server.params(port=port)) as connection:
        return connection.execute(sql.encode()).fetchall()


def test_a_commit_survives_a_crash_at_the_same_address(own_postgres: Postgres) -> None:
    with psycopg.connect(**own_postgres.params()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    before = own_postgres.url(port=own_postgres.port)
    own_postgres.kill()
    assert own_postgres.processes() == []
    own_postgres.start()
    assert own_postgres.url(port=own_postgres.port) == before
    assert query(own_postgres, "TABLE kept") == [(1,)]


def test_a_test_server_gives_up_only_safety_from_power_cuts(own_postgres: Postgres) -> None:
    names = ("fsync", "full_page_writes", "synchronous_commit", "server_encoding")
    values = [query(own_postgres, f"SHOW {name}")[0][0] for name in names]
    assert values == ["off", "off", "on", "UTF8"]


def test_a_paused_server_is_silent_until_resumed(own_postgres: Postgres) -> None:
    with psycopg.connect(**own_postgres.params()) as connection:
        own_postgres.pause()
        states = {processes.state(pid) for pid in own_postgres.processes()}
        assert states == {"T"}
        own_postgres.resume()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_pause_reaches_those_just_born(own_postgres: Postgres) -> None:
    is_over = threading.Event()

    def log_in_and_out() -> None:
        while not is_over.is_set():
            with psycopg.connect(**own_postgres.params()):
                time.sleep(0.01)

    threads = [threading.Thread(target=log_in_and_out) for _ in range(8)]
    for thread in threads:
        thread.start()
    seen = set()
    try:
        for _ in range(20):
            own_postgres.pause()
            seen |= {processes.state(pid) for pid in own_postgres.processes()}
            own_postgres.resume()
            time.sleep(0.02)
    finally:
        own_postgres.resume()
        is_over.set()
        for thread in threads:
            thread.join()
    assert seen == {"T"}


def test_a_paused_server_can_be_stopped(own_postgres: Postgres) -> None:
    own_postgres.pause()
    own_postgres.stop()
    assert own_postgres.processes() == []


def test_tcp_asks_for_the_password(own_postgres: Postgres) -> None:
    assert query(own_postgres, "SELECT 1", own_postgres.port) == [(1,)]
    wrong = own_postgres.params(port=own_postgres.port) | {"password": "wrong"}
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**wrong)


def test_a_server_has_none_of_roots_powers(own_postgres: Postgres) -> None:
    assert own_postgres.process is not None
    status = Path(f"/proc/{own_postgres.process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status


def test_only_the_owner_reaches_the_folder(own_postgres: Postgres) -> None:
    for path in (own_postgres.folder, own_postgres.sockets, own_postgres.data):
        assert path.stat().st_mode & 0o077 == 0


def test_valkey_answers_by_socket_and_by_tcp_with_a_password(own_valkey: Valkey) -> None:
    for url in (own_valkey.url(), own_valkey.url(3, port=own_valkey.port)):
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    with socket.create_connection(("127.0.0.1", own_valkey.port or 0)) as stranger:
        stranger.sendall(b"PING\r\n")
        assert stranger.recv(64).startswith(b"-NOAUTH")


def test_a_killed_valkey_comes_back_empty(own_valkey: Valkey) -> None:
    with redis.Redis.from_url(own_valkey.url()) as client:
        client.set("key", "value")
        own_valkey.kill()
        own_valkey.start()
        assert client.get("key") is None


def test_a_refusal_shows_the_servers_own_words(
    own_postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_postgres.stop()
    monkeypatch.setattr(own_postgres, "settings", {"nonsense": "1"})
    with pytest.raises(ServerError, match='unrecognized configuration parameter "nonsense"'):
        own_postgres.start()


def test_a_stale_pid_file_does_not_pass_for_ready(folder: Path) -> None:
    server = Postgres(folder, durable=False)
    server.data.mkdir(parents=True)
    (server.data / "postmaster.pid").write_text("4711\n" + "\n" * 6 + "ready   \n")
    assert server._is_ready(4711)
    assert not server._is_ready(4712)


def test_the_kill_of_the_parent_leaves_no_process_and_a_usable_folder(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER, folder], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        running = processes.working_in(folder)
        parent.kill()
    assert len(running) > 2
    # Starting waits for what the killed one left.
    with Postgres(folder, durable=False) as server:
        assert query(server, "SELECT 1") == [(1,)]
        assert not set(running) & set(server.processes())
    assert processes.working_in(folder) == []


def test_a_long_path_gets_its_socket_in_a_private_folder_elsewhere(folder: Path) -> None:
    with Valkey(folder / ("long name " * 8).strip()) as server:
        assert server.sockets.parent == Path(tempfile.gettempdir()).resolve()
        assert server.sockets.stat().st_mode & 0o077 == 0
        with redis.Redis.from_url(server.url()) as client:
            assert client.ping()
    assert not server.sockets.exists()


IN_A_CONTAINER = """
import os, pathlib, sys
import psycopg, redis
from config.dev import accounts
from config.dev.servers import Postgres, Valkey
accounts._has_namespaces = lambda: False
folder = pathlib.Path(sys.argv[1])
with Valkey(folder / "cache") as cache, Postgres(folder / "data", durable=False) as database:
    assert redis.Redis.from_url(cache.url()).ping()
    with psycopg.connect(**database.params()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    owners = {os.stat(f"/proc/{each}").st_uid for each in cache.processes() + database.processes()}
    found = len(cache.processes()), len(database.processes()) > 3
    database.kill()
    print(*sorted(owners), *found, database.processes())
"""
# What most containers take from root: new namespaces, and sight of other accounts' processes.
REFUSED = "-sys_ptrace,-sys_admin"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs servers as themselves")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_root_without_namespaces_uses_an_unprivileged_account() -> None:
    with tempfile.TemporaryDirectory() as name:  # which nobody else can enter, as root's home
        assert Path(name).stat().st_mode & 0o077 == 0
        refused = ["setpriv", "--bounding-set", REFUSED, "--inh-caps", REFUSED]
        command = [*refused, sys.executable, "-c", IN_A_CONTAINER, name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("65534 1 True []\n", "")


def test_a_child_does_not_start_for_a_parent_that_is_gone() -> None:
    command = accounts.as_child(["/bin/true"], death=signal.SIGKILL)
    command[command.index(str(os.getpid()))] = "1"
    assert subprocess.run(command).returncode == 1
