"""The base of commands that show what the workers wrote last, once or all the time."""

import time
from abc import ABC, abstractmethod
from argparse import ArgumentParser
from typing import IO, Any, Final, cast

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.live import Live
from rich.table import Table

INTERVAL: Final = 1.0  # seconds; that is how often workers write


class WatchCommand(BaseCommand, ABC):
    """Prints its `picture`; with `--watch` anew until it is interrupted."""

    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add whether to go on."""
        parser.add_argument("--watch", action="store_true", help="go on until interrupted")

    def handle(self, *, watch: bool, **options: Any) -> None:
        """Print once, or go on."""
        console = Console(file=cast(IO[str], self.stdout))
        if not watch:
            console.print(self.picture())
            return
        with Live(self.picture(), console=console) as live:
            try:
                while True:
                    time.sleep(INTERVAL)
                    live.update(self.picture())
            except KeyboardInterrupt:
                return

    @abstractmethod
    def picture(self) -> Table:
        """Return what to print."""
