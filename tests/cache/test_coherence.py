"""Two processes, many threads, pauses everywhere: no read is older than it may be.

Within a process and across processes: never older than the last acknowledged write. A write whose
writer died after COMMIT is seen by all when its mark has expired. The same checker convicts three
schemes that look right.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from config.cache import Cache, facts, server
from tests.cache.items import Items
from tests.cache.rivals import ITEMS, Contest, Ledger, steps

HALF = range(ITEMS // 2)
SECONDS = float(os.environ.get("CONTEST_SECONDS", "4"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def start_rival(*arguments: object) -> "subprocess.Popen[bytes]":
    """Start the second process on this test's database."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cache.rivals", connection.settings_dict["NAME"]]
        + [str(each) for each in arguments],
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
    )


def test_no_read_is_older_than_it_may_be(items: Items, tmp_path: Path, ledger: Ledger) -> None:
    contest = Contest(ledger, HALF, deaths=0.1)
    with start_rival(tmp_path / "ledger", SECONDS) as rival, steps(contest):
        contest.run(SECONDS * 0.5)
        contest.run(SECONDS * 0.25, flush_every=0.05)
        contest.run(SECONDS * 0.4, flush_every=0.5)
        output, _ = rival.communicate(timeout=60)
    theirs, ours = json.loads(output), contest.report()
    for report in (theirs, ours):
        assert report["violations"] == []
        assert report["errors"] == []
        # It was a contest: everything happened, and more than once.
        assert min(report["counts"][what] for what in ("writes", "hits", "loads")) > 30, report
        assert report["counts"]["not_kept"] > 3, report
    assert ours["counts"]["deaths"] > 3
    assert ours["counts"]["flushes"] > 5
    print(f"ours: {dict(ours['counts'])}\ntheirs: {theirs['counts']}")


def test_a_process_killed_between_commit_and_bump_leaves_no_lie(
    items: Items, versions: Cache[int, int]
) -> None:
    versions.get(7)
    with start_rival() as rival:
        rival.communicate(timeout=60)
    assert rival.returncode == -9
    assert versions.get(7) == 1
    time.sleep(facts.MARK_TIMEOUT + 0.05)
    assert [versions.get(7), versions.get(7)] == [1, 1]
    assert versions.counts["hits"] == 1, "kept again"


def test_without_marks_it_is_caught(
    items: Items, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "mark", lambda *_: None)
    contest = Contest(ledger, HALF, deaths=0.2)
    _is_convicted(contest)
    assert contest.happened["deaths"] > 0


def test_with_counters_instead_of_tokens_it_is_caught(
    items: Items, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ensure(names: Sequence[str], token: str) -> list[str]:
        pipeline = server._client().pipeline(transaction=True)
        for key in server._keys(names):
            pipeline.set(key, 1, nx=True)
        pipeline.mget(server._keys(names))
        return [value.decode() for value in pipeline.execute()[-1]]

    def bump(names: Iterable[str], token: str, writer: str) -> None:
        pipeline = server._client().pipeline(transaction=True)
        for key in server._keys(names):
            pipeline.incr(key)
        pipeline.execute()

    monkeypatch.setattr(server, "mark", lambda *_: None)
    monkeypatch.setattr(server, "ensure", ensure)
    monkeypatch.setattr(server, "bump", bump)
    _is_convicted(Contest(ledger, HALF), flush_every=0.02)


def test_with_deletes_only_it_is_caught(
    items: Items, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest = Contest(ledger, HALF)
    read = server.read

    def read_all_valid(names: Sequence[str]) -> list[str | None]:
        pairs = zip(names, read(names), strict=True)
        return ["always" if name.startswith("fact:") else text for name, text in pairs]

    def delete(names: Iterable[str], token: str, writer: str) -> None:
        numbers = [name.rpartition(":")[2] for name in names]
        entries = [contest.cache.name_of(int(each)) for each in numbers if each.isdigit()]
        server._client().delete(*server._keys(entries))

    monkeypatch.setattr(server, "mark", lambda *_: None)
    monkeypatch.setattr(server, "read", read_all_valid)
    monkeypatch.setattr(server, "ensure", lambda names, token: ["always"] * len(names))
    monkeypatch.setattr(server, "bump", delete)
    _is_convicted(contest)


def _is_convicted(contest: Contest, **options: Any) -> None:
    with steps(contest):
        contest.run(20.0, until_violated=True, **options)
    assert contest.errors == []
    assert contest.violations, contest.report()
