"""Show the database pools of all workers of this machine."""

from django.conf import settings
from rich.table import Table

from config.db import stats
from config.db.gate import BUCKETS
from config.management.watching import WatchCommand


class Command(WatchCommand):
    """Prints what the workers wrote last; asks no database."""

    help = "Show the connections of all workers: in use, waiting, refused, held how long."

    def picture(self) -> Table:
        """Return a table of what `config.db.stats.collect` finds."""
        table = Table(title="Database pools")
        table.add_column("")
        rows: dict[str, list[str]] = {}
        for name, totals in stats.collect(settings.VAR_DIR / "dbpool").items():
            table.add_column(name, justify="right")
            for label, value in figures(totals):
                rows.setdefault(label, []).append(value)
        for label, values in rows.items():
            table.add_row(label, *values)
        if not rows:
            table.add_row("No worker has written anything in the last seconds.")
        return table


def figures(totals: stats.Totals) -> list[tuple[str, str]]:
    """Return one alias's figures for people, in the order to show them."""
    rows = [
        ("workers", f"{totals.workers}" + (f", {totals.away} cut off" if totals.away else "")),
        ("connections", f"{totals.size}, {totals.reserve} of them for writes"),
        ("open: in use, resting", f"{totals.in_use}, {totals.idle}"),
    ]
    for label, flow in (("reads", totals.read), ("writes", totals.write)):
        rows += [
            (f"{label}: in use, waiting", f"{flow.in_use}, {flow.waiting}"),
            (f"{label}: admitted, refused", f"{flow.admitted}, {flow.refused}"),
            (f"{label}: waited, held (95 %)", f"{_p95(flow.waited)}, {_p95(flow.held)}"),
        ]
    rows += [
        ("repeated writes, learned commits", f"{totals.retried}, {totals.resolved}"),
        ("opened, lost", f"{totals.opened}, {totals.lost}"),
        ("longest holder", f"{totals.longest:.1f} s {totals.longest_label}".strip()),
    ]
    return rows


def _p95(counts: list[int]) -> str:
    """Return the bound under which 95 % of a histogram's durations lie."""
    left = 0.95 * sum(counts)
    if not left:
        return "-"
    for bound, count in zip(BUCKETS, counts, strict=False):
        left -= count
        if left <= 0:
            return f"< {bound * 1000:.0f} ms"
    return f"> {BUCKETS[-1]:.0f} s"
