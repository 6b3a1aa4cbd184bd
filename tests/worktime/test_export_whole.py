"""An export is whole and of one moment, or it is refused before its first byte."""

import pickle
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.models import User
from config.db.intent import Intent
from organizations.models import Organization
from tests.api.test_shortage import Holding, capacity, holding  # noqa: F401
from tests.conftest import Api
from tests.worktime.records import hours_ago, work
from tests.worktime.test_export import EXPORT, content_of, rows_of, text_of
from worktime import exports
from worktime.models import WorkTime

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def amid(alice: User, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Have something done, once, when the first of several pieces was read."""
    monkeypatch.setattr(exports, "CHUNK", 2)
    for number in range(7):
        work(alice, *hours_ago(2 * number + 2, 2 * number + 1))

    def arrange(act: Callable[[], Any]) -> None:
        dump, left = pickle.dump, [act]

        def dump_and_act(*args: Any) -> None:
            dump(*args)
            if left:
                left.pop()()

        monkeypatch.setattr(pickle, "dump", dump_and_act)

    return arrange


def elsewhere(act: Callable[[], Any]) -> Any:
    """Do it on another connection, and wait for it."""
    answers: list[Any] = []

    def run() -> None:
        answers.append(act())
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return answers[0]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_it_says_how_long_it_is(
    api: type[Api], amid: Callable[..., None], alice: User, kind: str
) -> None:
    response = api(alice).get(EXPORT, {"format": kind})
    assert response["X-Row-Count"] == "7"
    assert response["Content-Length"] == str(len(content_of(response)))
    assert response["Cache-Control"] == "no-store"


def test_the_rows_of_a_period_are_counted(api: type[Api], alice: User) -> None:
    work(alice, *hours_ago(2, 1))
    response = api(alice).get(EXPORT, {"format": "csv", "month": "2020-01"})
    assert (response["X-Row-Count"], len(rows_of(text_of(response)))) == ("0", 0)


def test_a_record_moved_meanwhile_is_in_it_once(
    api: type[Api], alice: User, amid: Callable[..., None]
) -> None:
    client = api(alice)
    before = list(WorkTime.objects.order_by("started_at").values_list("id", "started_at"))
    oldest = WorkTime.objects.get(pk=before[0][0])
    assert oldest.ended_at
    hour = timedelta(minutes=30)

    def move() -> None:
        # Behind all others, whose place has not been read yet.
        body = {
            "started_at": (before[-1][1] + timedelta(hours=1, seconds=1)).isoformat(),
            "ended_at": (before[-1][1] + timedelta(hours=1) + hour).isoformat(),
            "reason": "x",
        }
        answer = elsewhere(
            lambda: client.send("PATCH", f"/api/worktime/{oldest.id}/", body).status_code
        )
        assert answer == 200

    amid(move)
    rows = rows_of(text_of(api(alice).get(EXPORT, {"format": "csv"})))
    assert [int(row["id"]) for row in rows] == [each for each, _ in before]
    moved = [int(row["id"]) for row in rows_of(text_of(client.get(EXPORT, {"format": "csv"})))]
    assert moved == [*(each for each, _ in before[1:]), oldest.id]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_connection_that_is_lost_meanwhile(
    api: type[Api], alice: User, amid: Callable[..., None], kind: str
) -> None:
    def cut() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [backend] = cursor.fetchone()

        def end() -> None:
            with connection.cursor() as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])

        elsewhere(end)

    amid(cut)
    client = api(alice)
    response = client.get(EXPORT, {"format": kind})
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert "Retry-After" in response
    assert not getattr(response, "streaming", False)
    assert content_of(client.get(EXPORT, {"format": kind}))


def test_a_full_pool(
    api: type[Api],
    alice: User,
    amid: Callable[..., None],
    holding: Holding,  # noqa: F811
) -> None:
    client = api(alice)
    with holding(capacity()[0], Intent.WRITE):
        response = client.get(EXPORT, {"format": "csv"})
    assert (response.status_code, response.json()["code"]) == (503, "pool_exhausted")


def test_some_at_a_time(api: type[Api], alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_places", threading.BoundedSemaphore(1))
    client = api(alice)
    with exports.place():
        response = client.get(EXPORT, {"format": "csv"})
    assert (response.status_code, response.json()["code"]) == (503, "export_busy")
    assert response["Retry-After"] == "5"
    for _ in range(2):
        assert content_of(client.get(EXPORT, {"format": "csv"}))


def test_too_many_records(
    api: type[Api],
    alice: User,
    amid: Callable[..., None],
    nordwind: Organization,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    monkeypatch.setattr(exports, "MOST_RECORDS", 6)
    client = api(alice)
    response = client.get(EXPORT, {"format": "csv"})
    assert (response.status_code, response.json()["code"]) == (400, "too_many_records")
    with pytest.raises(CommandError, match="narrow"):
        call_command("export_worktime", tmp_path / "x.csv", organization="nordwind")
    assert not list(tmp_path.iterdir())
    monkeypatch.setattr(exports, "MOST_RECORDS", 7)
    assert content_of(client.get(EXPORT, {"format": "csv"}))
