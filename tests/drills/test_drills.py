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


def away(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.drills", "away", "--clients=9", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


def test_while_the_database_is_away_people_keep_what_they_had_seen() -> None:
    done = away("--outage=4", "--seconds=60")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = dict(re.findall(r"│ (\w[\w ,:]+\w) +│ (\S+) ", done.stdout))
    assert figures["outages"] == "3", "stopped, killed, paused"
    for figure in ("of them from the cache: stale", "of both refused", "writes, all refused"):
        assert int(figures[figure]) > 0, done.stdout


def test_a_cache_that_tells_what_is_not_so_is_noticed() -> None:
    done = away("--outage=3", "--seconds=3", "--sabotage")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "changed: /api/me/settings/ was answered from what is not so" in done.stdout


def test_each_drill_notices_its_broken_part() -> None:
    done = drill("--sabotage", "--seconds=7")
    assert done.returncode == 0, done.stdout
    for text in ("backends, 20 are allowed", "writes lost", "outdated", "writes duplicated"):
        assert text in done.stdout, done.stdout
