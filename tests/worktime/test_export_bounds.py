"""GET /api/worktime/export/: how many at once, how much, and where the file is meanwhile."""

import gc
import tempfile
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import pytest

from accounts.models import User
from tests.conftest import Api
from tests.worktime.records import hours_ago, work
from tests.worktime.test_export_snapshot import CSV, EXPORT, KINDS, body_of, is_refused, records_of
from worktime import exports
from worktime.models import WorkTime
from worktime.views import exports as view


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> BoundedSemaphore:
    """One place, so that one that is not left is missed at once."""
    places = BoundedSemaphore(1)
    monkeypatch.setattr(view, "PLACES", places)
    return places


def test_too_many_records_are_a_400(
    api: type[Api], alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "MOST_RECORDS", 2)
    client = api(alice)
    records_of(alice, 2)
    body_of(client.get(EXPORT, CSV))
    work(alice, *hours_ago(100, 99))
    response = client.get(EXPORT, CSV)
    assert (response.status_code, response.json()["code"]) == (400, "too_many_records")
    assert "`month`" in response.json()["detail"]


def test_one_too_many_is_told_to_come_back(api: type[Api], alice: User, bob: User) -> None:
    first: Any = api(alice).get(EXPORT, CSV)
    client = api(bob)
    assert is_refused(client.get(EXPORT, CSV), "exports_busy")
    assert client.get("/api/worktime/").status_code == 200
    body_of(first)
    body_of(client.get(EXPORT, CSV))


@pytest.mark.parametrize("leave", ["close", "forget"])
def test_a_reader_who_leaves_makes_room(
    api: type[Api], alice: User, places: BoundedSemaphore, leave: str
) -> None:
    answers: list[Any] = [api(alice).get(EXPORT, CSV)]
    assert not places.acquire(blocking=False)
    if leave == "close":
        answers[0].close()
    answers.clear()
    gc.collect()
    assert places.acquire(blocking=False)


@pytest.mark.parametrize(
    ("threads", "pool", "expected"),
    [
        (16, {"pools": 5, "pool_size": 2, "write_reserve": 2}, 4),
        (32, {"pools": 5, "pool_size": 2, "write_reserve": 2}, 4),
        (4, {"pools": 1, "pool_size": 2, "write_reserve": 0}, 1),
        (1, {"pools": 1, "pool_size": 1, "write_reserve": 0}, 1),
    ],
)
def test_exports_leave_room_for_others(
    settings: Any, threads: int, pool: dict[str, int], expected: int
) -> None:
    settings.WEB_THREADS, settings.DB_LIMITS = threads, pool
    assert view.places() == expected


@KINDS
def test_no_room_for_the_file_is_a_503(
    api: type[Api], alice: User, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records_of(alice, 2)
    client = api(alice)
    with monkeypatch.context() as patched:
        patched.setattr(exports, "IN_MEMORY", 1)
        patched.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
        assert is_refused(client.get(EXPORT, {"format": kind}), "storage_unavailable")
    assert client.get(EXPORT, {"format": kind}).status_code == 200


@KINDS
def test_what_fails_leaves_no_temporary_file(
    api: type[Api], alice: User, kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    records_of(alice, 2)
    WorkTime.objects.update(time_zone="Nowhere/Land")
    client = api(alice)
    client.raise_request_exception = False
    with monkeypatch.context() as patched:
        patched.setattr(exports, "IN_MEMORY", 1)
        patched.setattr(tempfile, "tempdir", str(tmp_path))
        assert client.get(EXPORT, {"format": kind}).status_code == 500
    assert list(tmp_path.iterdir()) == []
