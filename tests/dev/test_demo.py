"""The demo and the app server: what they refuse, and that nothing outlives them."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from config.dev.processes import gone
from config.dev.servers import free_port
from config.management.commands.serve import require_free_port

ROOT = Path(__file__).parents[2]
RUN_TIMEOUT = 120.0
ENDED = 20.0  # aimed at are 3 s; a busy machine may take longer

Manage = Callable[..., subprocess.Popen[str]]


def test_the_demo_refuses_outside_dev_mode(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="dev mode only"):
        call_command("demo", "--port=0")


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_taken_port_is_said_before_anything_else(settings: Settings, command: str) -> None:
    settings.DEBUG = True
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} .* Address already in use"):
            call_command(command, port=port)


def test_reset_is_not_for_a_given_database(settings: Settings) -> None:
    settings.DEBUG = True
    with pytest.raises(CommandError, match="unset DATABASE_URL"):
        call_command("demo", reset=True, port=free_port())


@pytest.mark.django_db
def test_serve_refuses_when_a_check_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[object] = []
    monkeypatch.setattr(os, "chdir", executed.append)
    monkeypatch.setattr(os, "execve", lambda *call: executed.append(call))
    settings.MIDDLEWARE = []
    with pytest.raises(CommandError, match="settings"):
        call_command("serve", port=free_port())
    assert executed == []


@pytest.fixture(scope="module")
def var(private_folder: Path) -> Iterator[Path]:
    folder = private_folder / "demo"
    yield folder
    for pid in belonging_to(folder):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def manage(var: Path) -> Iterator[Manage]:
    """Run manage.py as `./run` does, with its own `var`."""
    started = []

    def manage(*arguments: str, **given: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        environment = {"PATH": os.environ["PATH"], "STECHUHR_DEV": "1", "VAR_DIR": str(var)}
        process = subprocess.Popen(
            command,
            env=environment | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        # Whoever reads its output must not wait for ever.
        timer = threading.Timer(RUN_TIMEOUT, process.kill)
        timer.start()
        started.append((process, timer))
        return process

    yield manage
    for process, timer in started:
        timer.cancel()
        with process:
            process.kill()


def belonging_to(var: Path) -> list[int]:
    """Return the processes whose environment or working folder names this `var`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (
                os.fsencode(var) in (entry / "environ").read_bytes()
                or (entry / "cwd").readlink().is_relative_to(var)
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def status(port: int, path: str) -> int:
    deadline = time.monotonic() + RUN_TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if word in line:
            break
    return said


@contextlib.contextmanager
def idle(port: int, count: int) -> Iterator[None]:
    """Keep connections open that have had their answer, as browsers do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 512), hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(count):
                address = ("127.0.0.1", port)
                client = stack.enter_context(socket.create_connection(address, timeout=5))
                client.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert client.recv(9) == b"HTTP/1.1 "
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_demo_answers_until_it_is_ended(var: Path, manage: Manage) -> None:
    port = free_port()
    demo = manage("demo", PORT=str(port))
    said = read_until(demo, "Ctrl-C")
    assert f"http://localhost:{port}/api/docs/" in said
    assert all(name in said for name in ("alice", "bob", "ada", "/admin/"))
    assert status(port, "/readyz") == 200
    with idle(port, 1500):
        assert status(port, "/readyz") == 200

    second, _ = manage("demo", f"--port={port}").communicate()
    assert f"Port {port}" in second
    assert "Migrating" not in second
    elsewhere, _ = manage("demo", "--reset", f"--port={free_port()}").communicate()
    assert "Another ./run uses the data" in elsewhere
    assert status(port, "/readyz") == 200

    family = belonging_to(var)
    demo.send_signal(signal.SIGINT)
    assert gone(family, ENDED)
    assert demo.wait() == 0


def test_nothing_outlives_a_killed_demo(var: Path, manage: Manage) -> None:
    port = free_port()
    demo = manage("demo", f"--port={port}")
    said = read_until(demo, "Ctrl-C")
    assert status(port, "/livez") == 200, said
    # Servers, keeper, app server, two workers.
    family = belonging_to(var)
    assert len(family) > 8
    demo.kill()
    assert gone(family, ENDED)


def test_workers_end_with_a_killed_app_server(var: Path, manage: Manage) -> None:
    port = free_port()
    given = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    server = manage("serve", f"--port={port}", **given)
    assert status(port, "/livez") == 200
    family = belonging_to(var)
    assert len(family) >= 3
    server.kill()
    assert gone(family, ENDED)
    require_free_port("127.0.0.1", port)  # for the next one


def test_serve_warns_and_serves_without_a_database(manage: Manage) -> None:
    port = free_port()
    away = {
        "DATABASE_URL": f"postgres://127.0.0.1:{free_port()}/none",
        "REDIS_URL": os.environ["REDIS_URL"],
    }
    server = manage("serve", f"--port={port}", **away)
    assert "config.W001" in read_until(server, "Listening at")
    assert status(port, "/livez") == 200
