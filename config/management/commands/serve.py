"""Serve the application: the same way in production and in the demo."""

import os
import socket
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.doctor import describe, examine

STOP_TIMEOUT = 20  # seconds; above the longest statement, below what supervisors grant


class Command(BaseCommand):
    """Looks at everything as `doctor` does, then becomes the app server."""

    help = "Run doctor, then serve with WEB_WORKERS processes of WEB_THREADS threads each."
    requires_system_checks = []  # they are among what is looked at

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add where to listen and how long to wait for running requests."""
        parser.add_argument("--host", default="127.0.0.1", help="address (default: 127.0.0.1)")
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="port (default: PORT, or 8000)"
        )
        parser.add_argument(
            "--stop-timeout",
            type=int,
            default=STOP_TIMEOUT,
            help="seconds that running requests get to end (default: %(default)s)",
        )

    def handle(self, *, host: str, port: int, stop_timeout: int, **options: Any) -> None:
        """Serve; does not return. Raises CommandError if a check fails or the port is taken."""
        require_free_port(host, port)
        found = [finding for finding in examine() if finding.level != "ok"]
        if options["verbosity"] or any(finding.refuses for finding in found):
            for finding in found:
                self.stderr.write(describe(finding))
        if any(finding.refuses for finding in found):
            raise CommandError("Not served: mend “settings” and “connections” above.")
        given = {
            "host": host,
            "port": port,
            "workers": settings.WEB_WORKERS,
            "threads": settings.WEB_THREADS,
            "stop-timeout": stop_timeout,
            "log-level": "info" if options["verbosity"] else "error",
        }
        arguments = [f"--{name}={value}" for name, value in given.items()]
        sys.stdout.flush()
        os.chdir(settings.BASE_DIR)
        os.execve(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "config.serving", *arguments],
            {**os.environ, "STECHUHR_PROCESS": "web", "PORT": str(port)},
        )


def require_free_port(host: str, port: int) -> None:
    """Raise CommandError unless one can listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise CommandError(
            f"Port {port} of {host} cannot be used: {why}. Choose another with --port."
        ) from error
