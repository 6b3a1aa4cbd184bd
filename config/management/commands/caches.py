"""Show the caches of all workers of this machine."""

from typing import Final

from django.conf import settings
from rich.table import Table

from config.cache import figures
from config.management.watching import WatchCommand

COLUMNS: Final = ("hits", "misses", "loads", "waits", "stale", "direct", "not_kept")


class Command(WatchCommand):
    """Prints what the workers wrote last; asks neither Redis nor the database."""

    help = "Show the caches of all workers: hits, misses, loads, stale answers."

    def picture(self) -> Table:
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
