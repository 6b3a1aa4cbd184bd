"""The short forms of the drills, and that each of them notices when its part is broken."""

import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.drill

SHORT = ("--seconds=4", "--clients=8", "--outage=0.5", "--rest=0.8")
NAMES = ("exhaust", "outage", "redis", "faults")


def drill(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.drills", *NAMES, *SHORT, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.stdout.count("VERDICT") == len(NAMES), done.stdout + done.stderr
    return done


def test_nothing_is_lost_doubled_or_outdated() -> None:
    done = drill()
    assert done.returncode == 0, done.stdout
    assert "BROKEN" not in done.stdout
    assert min(map(int, re.findall(r"faults +│ (\d+)", done.stdout))) >= 1, done.stdout


def test_each_drill_notices_its_broken_part() -> None:
    done = drill("--sabotage", "--seconds=7")
    assert done.returncode == 0, done.stdout
    for text in ("backends, 20 are allowed", "writes lost", "outdated", "writes duplicated"):
        assert text in done.stdout, done.stdout
