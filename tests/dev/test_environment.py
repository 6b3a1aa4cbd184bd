"""Dev mode's environment, and the servers that the commands of a checkout share."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.dev import processes

ENDED = 20.0  # generous: a busy machine

# A command that tells its environment, then runs what it reads until its input ends.
COMMAND = """
import os, sys
from config.dev import environment, keeper
environment.prepare(["manage.py", *sys.argv[1:]])
import psycopg, redis
names = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS")
print(*(os.environ[name] for name in names), flush=True)
for line in sys.stdin:
    print(eval(line), flush=True)
"""
CONNECT = """psycopg.connect(
    **keeper.postgres(environment.share.folder).params(), autocommit=True
)""".replace("\n", "")
ANSWERS = "redis.Redis.from_url(os.environ['REDIS_URL']).ping()"


class Command:
    """A running command of a checkout whose `var` is the given folder."""

    def __init__(self, folder: Path, *arguments: str, **given: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments],
            env={"PATH": os.environ["PATH"], "VAR_DIR": str(folder), **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        said = self.read().split()
        self.database_url, self.redis_url, self.secret_key, self.allowed_hosts = said

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, expression: str) -> str:
        assert self.process.stdin is not None
        print(expression, file=self.process.stdin, flush=True)
        return self.read()

    def end(self) -> None:
        self.process.communicate(timeout=10)

    def kill(self) -> None:
        self.process.kill()
        self.end()


Start = Callable[..., Command]


@pytest.fixture(scope="module")
def var(private_folder: Path) -> Iterator[Path]:
    folder = private_folder / "var"
    yield folder
    assert processes.gone(processes.working_in(folder), ENDED)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start(var: Path) -> Iterator[Start]:
    """Start a command with the shared `var`, or with another."""
    started = []

    def start(*arguments: str, folder: Path = var, **given: str) -> Command:
        started.append(Command(folder, *arguments, **given))
        return started[-1]

    yield start
    for command in started:
        if command.process.returncode is None:
            command.kill()


def test_commands_share_servers_that_end_with_the_last(var: Path, start: Start) -> None:
    first, second = start("shell"), start("migrate")
    assert (first.database_url, first.redis_url) == (second.database_url, second.redis_url)
    first.end()
    assert second.ask(ANSWERS) == "True"
    running = processes.working_in(var)
    second.kill()
    assert processes.gone(running, ENDED)


def test_one_that_comes_while_they_end_gets_new_ones(start: Start) -> None:
    for _ in range(2):
        command = start("migrate")
        assert command.ask(ANSWERS) == "True"
        command.kill()


def test_data_and_secret_key_stay(var: Path, start: Start) -> None:
    first = start("migrate")
    first.ask(f"{CONNECT}.execute('CREATE TABLE IF NOT EXISTS kept ()')")
    first.kill()
    second = start("migrate")
    assert second.ask(f"{CONNECT}.execute('TABLE kept').rowcount") == "0"
    assert second.secret_key == first.secret_key
    assert len(first.secret_key) >= 50
    assert (var / "secret_key").stat().st_mode & 0o777 == 0o600


def test_reset_empties_servers_that_nobody_else_uses(start: Start) -> None:
    first, second = start("demo"), start("shell")
    tables = f"{CONNECT}.execute('SELECT count(*) FROM pg_tables WHERE tablename = $$kept$$')"
    first.ask(f"{CONNECT}.execute('CREATE TABLE IF NOT EXISTS kept ()')")
    assert first.ask("environment.share.reset()") == "False"
    assert first.ask(f"{tables}.fetchone()") == "(1,)"
    second.kill()
    assert first.ask("environment.share.reset()") == "True"
    assert first.ask(f"{tables}.fetchone()") == "(0,)"
    assert start("shell").ask(ANSWERS) == "True"


@pytest.mark.parametrize("arguments", [(), ("help",), ("--version",), ("migrate", "--help")])
def test_a_command_that_needs_no_servers_starts_none(
    tmp_path: Path, start: Start, arguments: tuple[str, ...]
) -> None:
    command = start(*arguments, folder=tmp_path)
    assert command.database_url
    assert command.redis_url
    assert not (tmp_path / "dev").exists()


def test_what_is_given_is_left_alone(tmp_path: Path, start: Start) -> None:
    given = {
        "DATABASE_URL": "postgres://elsewhere/db",
        "REDIS_URL": "redis://elsewhere",
        "SECRET_KEY": "given",
        "ALLOWED_HOSTS": "example.org",
    }
    command = start("migrate", folder=tmp_path, **given)
    assert command.database_url == given["DATABASE_URL"]
    assert command.redis_url == given["REDIS_URL"]
    assert command.secret_key == "given"
    assert command.allowed_hosts == "example.org"
    assert not (tmp_path / "dev").exists()


def test_a_failing_start_says_why(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", COMMAND, "migrate"],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PG_BIN": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert "/nonexistent/postgres" in answer.stderr
    assert "Traceback" not in answer.stderr
