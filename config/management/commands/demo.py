"""Run the whole application for a look: data, log-ins and a server, in one command."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from config.management import demodata
from config.management.commands.serve import require_free_port

HOST = "127.0.0.1"
STOP_TIMEOUT = 2  # seconds

WELCOME = """
  Stechuhr is at   http://localhost:{port}/
  API docs         http://localhost:{port}/api/docs/
  Admin            http://localhost:{port}/admin/

  Log-ins          alice (member) · bob (lead) · ada (admin and operator)
  Password         demo

Ctrl-C ends it. The data stays: ./run demo --reset starts over.
"""


class Command(BaseCommand):
    """Migrates, makes the demo's data, and serves until it is interrupted; in dev mode only."""

    help = "Serve a demo with its own data. Only in dev mode: ./run demo"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the port and `--reset`."""
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="port (default: PORT, or 8000)"
        )
        parser.add_argument("--reset", action="store_true", help="drop all data first")

    def handle(self, *, port: int, reset: bool, **options: Any) -> None:
        """Run the demo; returns when the server has ended."""
        if not settings.DEBUG:
            raise CommandError("The demo runs in dev mode only: ./run demo")
        require_free_port(HOST, port)
        if reset:
            _reset()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit())
        self._say("Migrating the database ...")
        call_command("migrate", verbosity=0, interactive=False)
        demodata.create(self._say)
        connections.close_all()
        self._serve(port)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # also where it is not a terminal

    def _serve(self, port: int) -> None:
        from config.dev.accounts import as_child

        arguments = ["serve", f"--port={port}", f"--stop-timeout={STOP_TIMEOUT}", "--verbosity=0"]
        command = as_child([sys.executable, settings.BASE_DIR / "manage.py", *arguments])
        # A session of its own: Ctrl-C reaches this process, and the server in order from here.
        server = subprocess.Popen(command, start_new_session=True)  # noqa: S603
        try:
            while server.poll() is None and not _answers(port):
                time.sleep(0.05)
            if server.poll() is None:
                self._say(WELCOME.format(port=port))
            raise CommandError(f"The server has ended by itself (status {server.wait()}).")
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_TIMEOUT + 0.5)
            server.kill()
            server.wait()


def _reset() -> None:
    from config.dev import environment

    if environment.share is None:
        raise CommandError("--reset is for the embedded servers only: unset DATABASE_URL.")
    if not environment.share.reset():
        raise CommandError("Another ./run uses the data (a running demo, perhaps): end it first.")


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        socket.create_connection((HOST, port), timeout=1).close()
        return True
    return False
