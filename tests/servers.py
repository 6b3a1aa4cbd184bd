"""Pytest plugin: servers of their own for each test run, before Django's settings load.

Each process that runs tests (pytest-xdist's workers do, side by side) starts a fresh PostgreSQL
and Valkey in a private folder for whichever of DATABASE_URL and REDIS_URL is not set, so it never
meets a running demo or another run. The fixtures are for tests that break things: `own_postgres`,
`own_valkey` and the proxies before them are nobody else's.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.dev import environment, processes
from config.dev.environment import NOWHERE
from config.dev.proxy import Proxy
from config.dev.servers import Postgres, Valkey


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Prepare the environment, ahead of pytest-django's hook of the same name."""
    os.environ.update({"STECHUHR_DEV": "1", "SECRET_KEY": "tests", "ALLOWED_HOSTS": "localhost"})
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if early_config.known_args_namespace.numprocesses and not worker:
        # Only the workers run tests; this process just loads settings.
        os.environ.update({name: os.environ.get(name) or url for name, url in NOWHERE.items()})
        return (yield)
    ending = contextlib.ExitStack()
    early_config.add_cleanup(ending.close)
    folder = ending.enter_context(_private_folder(environment.var_dir()))
    early_config.stash[FOLDER] = folder
    for name, url in NOWHERE.items():
        if os.environ.get(name) == url:
            del os.environ[name]
    if not os.environ.get("DATABASE_URL"):
        database = ending.enter_context(Postgres(folder / "postgres", durable=False))
        os.environ["DATABASE_URL"] = database.url()
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = ending.enter_context(Valkey(folder / "valkey")).url()
    elif worker:
        # pytest-django gives each worker a database of its own; Redis has numbers for that.
        address, _, number = os.environ["REDIS_URL"].rpartition("/")
        os.environ["REDIS_URL"] = f"{address}/{int(number) + int(worker.removeprefix('gw'))}"
    return (yield)


FOLDER = pytest.StashKey[Path]()


@pytest.fixture(scope="session")
def private_folder(pytestconfig: pytest.Config) -> Path:
    """A folder with a short path, removed after the run even if that is killed (by the next)."""
    return pytestconfig.stash[FOLDER]


@pytest.fixture(scope="session")
def _own_postgres(private_folder: Path) -> Iterator[Postgres]:
    server = Postgres(private_folder / "own", durable=False, tcp=True)
    yield server
    server.stop()


@pytest.fixture
def own_postgres(_own_postgres: Postgres) -> Iterator[Postgres]:
    """A PostgreSQL with TCP and an empty database `stechuhr`, to stop, kill and pause at will."""
    _own_postgres.stop()
    _own_postgres.start()
    with psycopg.connect(**_own_postgres.params("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE stechuhr WITH (FORCE)")
        connection.execute("CREATE DATABASE stechuhr")
    yield _own_postgres
    _own_postgres.stop()


@pytest.fixture
def own_valkey(private_folder: Path) -> Iterator[Valkey]:
    """A Valkey with TCP, to stop, kill and pause at will."""
    with Valkey(private_folder / "own_valkey", tcp=True) as server:
        yield server


@pytest.fixture
def proxy(own_postgres: Postgres) -> Iterator[Proxy]:
    """A running proxy before `own_postgres`: `own_postgres.url(port=proxy.port)`."""
    assert own_postgres.port is not None
    with Proxy(("127.0.0.1", own_postgres.port)) as running:
        yield running


@pytest.fixture
def valkey_proxy(own_valkey: Valkey) -> Iterator[Proxy]:
    """A running proxy before `own_valkey`: `own_valkey.url(port=valkey_proxy.port)`."""
    assert own_valkey.port is not None
    with Proxy(("127.0.0.1", own_valkey.port)) as running:
        yield running


@contextlib.contextmanager
def _private_folder(var: Path) -> Iterator[Path]:
    """Make a folder for this run, and clear away those of runs that were killed."""
    with _locked(var):
        for left in var.glob("test-*"):
            with contextlib.suppress(BlockingIOError), _locked(left, fcntl.LOCK_NB):
                processes.send(processes.working_in(left), signal.SIGKILL)
                shutil.rmtree(left)
        folder = Path(tempfile.mkdtemp(prefix="test-", dir=var))
        lock = contextlib.ExitStack()
        lock.enter_context(_locked(folder))
    with lock:
        yield folder
        shutil.rmtree(folder)


@contextlib.contextmanager
def _locked(folder: Path, *options: int) -> Iterator[Any]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, sum(options, fcntl.LOCK_EX))
        yield
    finally:
        os.close(handle)
