"""The servers that a benchmark started: what memory and processor time they take."""

import os
from collections.abc import Iterator
from pathlib import Path


def descendants() -> Iterator[int]:
    """Yield the ids of this process's children, of theirs, and so on."""
    children: dict[int, list[int]] = {}
    for pid, fields in _stats():
        children.setdefault(int(fields[1]), []).append(pid)
    todo = children.get(os.getpid(), [])
    while todo:
        pid = todo.pop()
        yield pid
        todo += children.get(pid, [])


def memory(program: bytes) -> float:
    """Return the MiB that those whose command line has `program` in it have resident."""
    total = 0
    for pid in descendants():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
        total += pages if program in command else 0
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def processor_time() -> float:
    """Return the seconds that all of them have computed so far, those that ended included.

    Unlike time by the clock it hardly changes when others use the machine.
    """
    wanted = set(descendants())
    ticks = sum(sum(map(int, fields[11:15])) for pid, fields in _stats() if pid in wanted)
    return ticks / os.sysconf("SC_CLK_TCK")


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Yield of each process of the machine what `/proc/PID/stat` says after its name."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
        except OSError:
            continue
        yield int(status.parent.name), text.rpartition(")")[2].split()
