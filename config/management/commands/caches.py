"""Show the caches of all workers of this machine."""

import time
from argparse import ArgumentParser
from typing import IO, Any, Final, cast

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.live import Live
from rich.table import Table

from config.cache import figures

INTERVAL: Final = 1.0  # seconds; that is how often workers write
COLUMNS: Final = ("hits", "misses", "loads", "waits", "stale", "direct", "not_kept")


class Command(BaseCommand):
    """Prints what the workers wrote last; asks neither Redis nor the database."""

    help = "Show the caches of all workers: hits, misses, loads, stale answers."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add whether to go on."""
        parser.add_argument("--watch", action="store_true", help="go on until interrupted")

    def handle(self, *, watch: bool, **options: Any) -> None:
        """Print once, or go on."""
        console = Console(file=cast(IO[str], self.stdout))
        if not watch:
            console.print(picture())
            return
        with Live(picture(), console=console) as live:
            try:
                while True:
                    time.sleep(INTERVAL)
                    live.update(picture())
            except KeyboardInterrupt:
                return


def picture() -> Table:
    """Return a table of what `config.cache.figures.collect` finds."""
    totals = figures.collect(settings.VAR_DIR / "dbpool")
    redis = f"{totals.away} cut off" if totals.away else "reached"
    table = Table(
        title=f"Caches of {totals.workers} workers",
        caption=f"Redis: {redis}, {totals.failures} failures, {totals.owed} bumps owed",
    )
    table.add_column("")
    for name in ("hit rate", *COLUMNS):
        table.add_column(name.replace("_", " "), justify="right")
    for name, counts in sorted(totals.caches.items()):
        asked = counts["hits"] + counts["misses"]
        rate = f"{counts['hits'] / asked:.1%}" if asked else "-"
        table.add_row(name, rate, *(str(counts[each]) for each in COLUMNS))
    return table
