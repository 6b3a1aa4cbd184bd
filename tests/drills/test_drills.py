"""The drills hold, and each of them notices when the part that it is about is broken."""

import re
import subprocess
import sys

import pytest

NAMES = ("exhaust", "exports", "outage", "redis", "faults")
BRIEF = ("--seconds=1", "--clients=5", "--outage=0.3", "--rest=0.3")
LONGER = ("--seconds=12", "--clients=20", "--outage=1", "--rest=2.5")


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "tests.drills", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told
    return told


def check(names: tuple[str, ...], arguments: tuple[str, ...], *, rounds: int) -> None:
    told = run(*names, *arguments)
    assert told.count("VERDICT: nothing was lost or doubled.") == len(names), told
    assert told.count("noticed the bad") == (rounds - 1) * len(names), told
    for figure in ("faults", "writes accepted"):
        found = list(map(int, re.findall(rf"{figure} +│ (\d+)", told)))
        assert len(found) == rounds * len(names), told
        assert min(found) >= 1, told


@pytest.mark.drill
def test_all_of_them_briefly() -> None:
    check(NAMES, BRIEF, rounds=1)


@pytest.mark.drill
def test_each_notices_its_broken_part() -> None:
    check(NAMES, (*BRIEF, "--sabotage"), rounds=2)


@pytest.mark.drill
@pytest.mark.parametrize("name", NAMES)
def test_each_for_longer(name: str) -> None:
    check((name,), (*LONGER, "--sabotage"), rounds=2)


@pytest.mark.drill
def test_while_the_database_is_away_people_keep_what_they_had_seen() -> None:
    told = run("away", "--clients=9", "--outage=4", "--seconds=60")
    figures = dict(re.findall(r"│ (\w[\w ,:]+\w) +│ (\S+) ", told))
    assert figures["outages"] == "3", "stopped, killed, paused"
    for figure in ("of them from the cache: stale", "of both refused", "writes, all refused"):
        assert int(figures[figure]) > 0, told


@pytest.mark.drill
def test_a_cache_that_tells_what_is_not_so_is_noticed() -> None:
    told = run("away", "--clients=9", "--outage=3", "--seconds=3", "--sabotage")
    assert "changed: /api/me/settings/ was answered from what is not so" in told
