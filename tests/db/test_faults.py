"""The shortest form of `python -m tests.db.faults`, which see; `.ci/run` has one of 60 s."""

import re
import subprocess
import sys

SECONDS = 5


def test_whatever_breaks_is_applied_once_or_not_at_all() -> None:
    command = [sys.executable, "-m", "tests.db.faults", "--faults=1000", f"--seconds={SECONDS}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 60)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)
    found = re.search(r"seed \d+: (\d+) faults", done.stdout)
    assert found is not None
    assert int(found[1]) >= SECONDS
