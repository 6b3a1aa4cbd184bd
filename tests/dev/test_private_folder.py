"""Each test run has a folder of its own, and clears away what killed runs have left."""

import subprocess
import sys
from pathlib import Path

from config.dev import processes
from tests.servers import _private_folder

KILLED = """
import os, pathlib, signal, sys
from config.dev.servers import Valkey
from tests.servers import _private_folder
with _private_folder(pathlib.Path(sys.argv[1])) as folder:
    server = Valkey(folder / "cache").start()
    server.pause()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_is_private_and_removed_afterwards(tmp_path: Path) -> None:
    with _private_folder(tmp_path) as one, _private_folder(tmp_path) as other:
        assert one != other
        assert one.is_dir()
        assert one.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_cleared_away(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, tmp_path])
    [left] = tmp_path.iterdir()
    running = processes.working_in(left)
    assert running
    with _private_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]
        assert processes.gone(running, 5.0)
