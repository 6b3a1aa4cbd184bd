"""Finds, signals and awaits the processes of servers by the folder they work in.

Not by process id or group: PostgreSQL gives each child a group of its own, and children may live
on after the process that a launcher knows.
"""

import contextlib
import os
import select
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

PROGRAMS: Final = ("postgres", "valkey-server")


def working_in(folder: Path) -> list[int]:
    """Return the ids of the server processes that work in a folder or below."""
    found, parents = [], {}
    for entry in Path("/proc").iterdir():
        # One that ends meanwhile has no files any more.
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and (entry / "comm").read_text().strip() in PROGRAMS:
                letter, parent = _fields(entry)
                if letter == "Z":
                    continue
                parents[int(entry.name)] = parent
                if _works_in(entry, folder):
                    found.append(int(entry.name))
    # What another account's children work in cannot be read everywhere.
    return found + [pid for pid, parent in parents.items() if parent in found and pid not in found]


def _works_in(entry: Path, folder: Path) -> bool:
    # Servers name their folder in the command line, and change into it, as their children do.
    if f"{folder}/" in (entry / "cmdline").read_text(errors="replace"):
        return True
    try:
        return (entry / "cwd").readlink().is_relative_to(folder)
    except PermissionError:
        return False


def _fields(entry: Path) -> tuple[str, int]:
    """Return the kernel's letter for a process's state, and its parent's id."""
    letter, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
    return letter, int(parent)


def state(pid: int) -> str:
    """Return the kernel's letter for it: "T" is stopped, "Z" ended."""
    try:
        return _fields(Path(f"/proc/{pid}"))[0]
    except OSError:
        return "Z"


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """Signal those that still run."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def freeze(pids: Sequence[int]) -> None:
    """Stop those that still run; return once they stand."""
    while running := [pid for pid in pids if state(pid) not in "TZ"]:
        send(running, signal.SIGSTOP)
        time.sleep(0.001)


def gone(pids: Sequence[int], timeout: float) -> bool:
    """Wait until none of the processes runs; return whether that came in time."""
    deadline = time.monotonic() + timeout
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                poll = select.poll()
                poll.register(handle, select.POLLIN)
                if not poll.poll(max(deadline - time.monotonic(), 0.0) * 1000):
                    return False
            finally:
                os.close(handle)
    return True
