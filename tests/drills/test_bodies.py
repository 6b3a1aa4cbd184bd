"""1,000 connections whose bodies never come hold nobody up."""

import subprocess
import sys

import pytest


@pytest.mark.drill
def test_bodies_that_never_come() -> None:
    command = [sys.executable, "-m", "tests.drills.bodies", "--connections=1000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
