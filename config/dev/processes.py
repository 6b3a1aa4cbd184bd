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
    found = []
    for entry in Path("/proc").iterdir():
        # Servers change into their data folder, and so do their children; a process that ends
        # meanwhile, or is another account's, has no readable folder.
        with contextlib.suppress(OSError):
            if (
                entry.name.isdigit()
                and (entry / "cwd").readlink().is_relative_to(folder)
                and (entry / "comm").read_text().strip() in PROGRAMS
            ):
                found.append(int(entry.name))
    return found


def state(pid: int) -> str:
    """Return the kernel's letter for it: "T" is stopped, "Z" ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
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
