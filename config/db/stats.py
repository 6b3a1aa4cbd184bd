"""The figures of all workers of this machine: each writes its own once a second, anyone adds up."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from config.db.gate import BUCKETS
from config.db.pool import groups

SUMS: Final = ("size", "reserve", "idle", "in_use", "opened", "lost", "retried", "resolved")
STALE_AFTER: Final = 5.0  # seconds without news after which a worker is taken to be gone

# What else a process tells of itself, by name: functions that return something JSON-able.
sources: dict[str, Callable[[], Any]] = {}


@dataclass(slots=True)
class Flow:
    """One intent's figures, added up; histograms count by `config.db.gate.BUCKETS`."""

    limit: int = 0
    in_use: int = 0
    waiting: int = 0
    admitted: int = 0
    refused: int = 0
    waited_seconds: float = 0.0
    held_seconds: float = 0.0
    waited: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    held: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))


@dataclass(slots=True)
class Totals:
    """One alias's figures, added up over the workers; `longest` is the longest holder's time."""

    workers: int = 0
    size: int = 0
    reserve: int = 0
    idle: int = 0
    in_use: int = 0
    away: int = 0
    opened: int = 0
    lost: int = 0
    retried: int = 0
    resolved: int = 0
    longest: float = 0.0
    longest_label: str = ""
    read: Flow = field(default_factory=Flow)
    write: Flow = field(default_factory=Flow)


def snapshot() -> dict[str, Any]:
    """Return this process's figures, JSON-able."""
    others = {name: figures() for name, figures in sources.items()}
    return {"pid": os.getpid(), "groups": [group.numbers() for group in groups()], **others}


def write(folder: Path) -> None:
    """Write this process's figures to `folder/<pid>.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}.json"
    # Each group's watch may be writing.
    partial = path.with_suffix(f".{threading.get_ident()}")
    partial.write_text(json.dumps(snapshot()))
    partial.replace(path)


def collect(folder: Path) -> dict[str, Totals]:
    """Return the figures of all living workers by alias; sweeps away those of dead ones."""
    return add_up(living(folder))


def add_up(snapshots: Iterable[dict[str, Any]]) -> dict[str, Totals]:
    """Add up snapshots by alias."""
    totals: dict[str, Totals] = {}
    for worker in snapshots:
        for group in worker["groups"]:
            total = totals.setdefault(group["name"], Totals())
            total.workers += 1
            total.away += bool(group["away"])
            for name in SUMS:
                setattr(total, name, getattr(total, name) + group[name])
            if group["longest"] > total.longest:
                total.longest, total.longest_label = group["longest"], group["longest_label"]
            for intent, flow in (("read", total.read), ("write", total.write)):
                _add_flow(flow, group["flows"][intent])
    return totals


def _add_flow(flow: Flow, numbers: dict[str, Any]) -> None:
    for name, value in numbers.items():
        before = getattr(flow, name)
        if isinstance(value, list):
            setattr(flow, name, [a + b for a, b in zip(before, value, strict=True)])
        else:
            setattr(flow, name, before + value)


def living(folder: Path) -> list[dict[str, Any]]:
    """Return the snapshots of living workers; sweeps away those of dead ones."""
    found = []
    for path in folder.glob("*.json"):
        # A worker may end, or another reader sweep, at any moment.
        with contextlib.suppress(OSError, ValueError):
            if time.time() - path.stat().st_mtime < STALE_AFTER:
                found.append(json.loads(path.read_text()))
            elif not Path(f"/proc/{int(path.stem)}").exists():
                path.unlink()
    return found
