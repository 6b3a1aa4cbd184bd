"""The caches' figures of all workers of this machine, from the snapshots of `config.db`."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.cache.reads import stats
from config.db import stats as snapshots


@dataclass(slots=True)
class Totals:
    """What the workers count: of each cache (see `config.cache.stats`), and of Redis."""

    workers: int = 0
    away: int = 0
    failures: int = 0
    owed: int = 0
    caches: dict[str, Counter[str]] = field(default_factory=dict)


def publish() -> None:
    """Have this process's figures written with those of its database pools."""
    snapshots.sources["caches"] = stats


def collect(folder: Path) -> Totals:
    """Return the figures of all living workers."""
    totals = Totals()
    for worker in snapshots.living(folder):
        if "caches" in worker:
            _add(totals, worker["caches"])
    return totals


def _add(totals: Totals, worker: dict[str, Any]) -> None:
    redis = worker["redis"]
    totals.workers += 1
    totals.away += bool(redis["away"])
    totals.failures += redis["failures"]
    totals.owed += redis["owed"]
    for name, counts in worker["caches"].items():
        totals.caches.setdefault(name, Counter()).update(counts)
