"""Decides as whom a server runs, and starts it so that it dies with its parent (child.py)."""

import functools
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CHILD: Final = Path(__file__).with_name("child.py")
SAME: Final = "same"
NAMESPACE: Final = "namespace"


def account_for(folder: Path) -> str:
    """Return the account for a server's folder: never root, which PostgreSQL refuses.

    Where the host refuses namespaces to root, the folder is given to nobody.
    """
    if os.geteuid() != 0:
        return SAME
    owner = folder.stat()
    if owner.st_uid != 0:
        return f"{owner.st_uid}:{owner.st_gid}"
    if _has_namespaces():
        return NAMESPACE
    nobody = pwd.getpwnam("nobody")
    account = f"{nobody.pw_uid}:{nobody.pw_gid}"
    for path in (folder, *folder.rglob("*")):
        give(path, account)
    return account


def give(path: Path, account: str) -> None:
    """Make an account of its own the owner; the others own what root made anyway."""
    if account not in (SAME, NAMESPACE):
        user, group = map(int, account.split(":"))
        os.chown(path, user, group, follow_symlinks=False)


def as_child(
    command: Sequence[str | Path], account: str = SAME, death: signal.Signals = signal.SIGTERM
) -> list[str | Path]:
    """Return the command line that runs `command` as `account`, and sends it `death` when the
    thread that started it ends."""
    own = [str(os.getpid()), str(int(death)), account]
    return [sys.executable, "-IS", CHILD, *own, *command]


@functools.cache
def _has_namespaces() -> bool:
    return subprocess.run(as_child(["/bin/true"], NAMESPACE), capture_output=True).returncode == 0
