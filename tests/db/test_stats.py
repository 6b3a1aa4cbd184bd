"""The figures: each worker's, all workers', and the command that shows them."""

import json
import os
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django.fixtures import Settings

from config.db import stats
from config.db.intent import Intent, use
from tests.db.conftest import Elsewhere, busy
from tests.race import at_once


def test_a_group_counts_what_happens(elsewhere: Elsewhere) -> None:
    db = elsewhere(pools=2, pool_size=1, write_reserve=0)
    with busy(db, 1, Intent.READ), use(Intent.READ, label="GET /x"), db.pinned():
        time.sleep(0.02)
        numbers = db.group.numbers()
    assert (numbers["size"], numbers["in_use"], numbers["opened"]) == (2, 2, 2)
    assert numbers["longest"] >= 0.02
    assert numbers["longest_label"] == "busy"
    json.dumps(numbers)


def test_a_worker_writes_once_a_second(elsewhere: Elsewhere, tmp_path: Path) -> None:
    db = elsewhere(pools=1, pool_size=1, write_reserve=0, snapshots=tmp_path / "dbpool")
    db.ensure_connection()
    path = tmp_path / "dbpool" / f"{os.getpid()}.json"
    deadline = time.monotonic() + 3
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    totals = stats.collect(tmp_path / "dbpool")
    assert totals["default"].workers >= 1


def worker(pid: int, **numbers: Any) -> dict[str, Any]:
    flow: dict[str, Any] = {"limit": 1, "in_use": 1, "waiting": 2, "admitted": 3, "refused": 4}
    flow |= {"waited_seconds": 0.5, "held_seconds": 1.5, "waited": [1] * 11, "held": [2] * 11}
    group: dict[str, Any] = {"name": "default", "size": 10, "reserve": 2, "idle": 3, "in_use": 4}
    group |= {"away": "", "opened": 1, "lost": 2, "retried": 3, "resolved": 4}
    group |= {"longest": 0.1 * pid, "longest_label": f"worker {pid}", **numbers}
    group["flows"] = {"read": flow, "write": flow}
    return {"pid": pid, "groups": [group]}


def test_workers_add_up() -> None:
    total = stats.add_up([worker(1), worker(3, away="gone"), worker(2)])["default"]
    assert (total.workers, total.size, total.in_use, total.away) == (3, 30, 12, 1)
    assert total.longest_label == "worker 3"
    assert (total.read.refused, total.write.held) == (12, [6] * 11)


def test_dead_workers_are_left_out_and_swept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in (os.getpid(), dead.pid):
        (tmp_path / f"{pid}.json").write_text(json.dumps(worker(pid)))
    assert stats.collect(tmp_path)["default"].workers == 2
    old = time.time() - 60
    for path in tmp_path.iterdir():
        os.utime(path, (old, old))
    assert stats.collect(tmp_path) == {}
    assert [path.stem for path in tmp_path.iterdir()] == [str(os.getpid())]


def test_the_watches_of_several_pools_write_side_by_side(tmp_path: Path) -> None:
    def write_often(_: int) -> None:
        for _ in range(200):
            stats.write(tmp_path)

    at_once(4, write_often)
    assert [path.name for path in tmp_path.iterdir()] == [f"{os.getpid()}.json"]


def test_half_a_file_is_no_news(tmp_path: Path) -> None:
    (tmp_path / "1.json").write_text('{"pid": 1, "gro')
    assert stats.collect(tmp_path) == {}


@pytest.mark.parametrize("workers", [0, 2])
def test_the_command_shows_them(
    settings: Settings, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    settings.VAR_DIR = tmp_path
    (tmp_path / "dbpool").mkdir()
    for pid in range(1, workers + 1):
        (tmp_path / "dbpool" / f"{pid}.json").write_text(json.dumps(worker(pid)))
    out = StringIO()
    call_command("dbpool", stdout=out)
    text = out.getvalue()
    if workers:
        assert "20, 4 of them for writes" in text
        assert "0.2 s worker 2" in text
    else:
        assert "No worker" in text


def test_settings_name_the_folder() -> None:
    assert settings.DB_LIMITS["snapshots"] == settings.VAR_DIR / "dbpool"
