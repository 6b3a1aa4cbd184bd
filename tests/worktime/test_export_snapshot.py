"""GET /api/worktime/export/ in bad times: whole and of one moment, or refused."""

import csv
import io
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from threading import BoundedSemaphore
from typing import IO, Any, cast

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction

from accounts.models import User
from config.db.base import DatabaseWrapper
from config.db.intent import Intent
from config.dev.proxy import Proxy
from config.dev.servers import Postgres
from tests.api.world import World, make_world
from tests.conftest import Api
from tests.db.conftest import Elsewhere, busy, db_access, elsewhere  # noqa: F401
from tests.worktime.records import hours_ago, work
from worktime import exports, sheets
from worktime.models import WorkTime
from worktime.sheets import Workbook
from worktime.views import exports as view

EXPORT = "/api/worktime/export/"
CSV = {"format": "csv"}
KINDS = pytest.mark.parametrize("kind", ["csv", "xlsx"])

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> BoundedSemaphore:
    """One place, so that one that is not left is missed at once."""
    places = BoundedSemaphore(1)
    monkeypatch.setattr(view, "PLACES", places)
    return places


def body_of(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def ids_of(body: bytes) -> list[int]:
    lines = csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    return [int(line["id"]) for line in lines]


def is_refused(response: Any, code: str) -> bool:
    assert response.status_code == 503, response
    assert 1 <= int(response["Retry-After"]) <= 30
    assert response.json()["code"] == code
    return True


def records_of(user: User, count: int, **columns: Any) -> list[WorkTime]:
    """Store records of an hour each, two hours apart, oldest first."""
    times = [hours_ago(2 * number + 2, 2 * number + 1) for number in reversed(range(count))]
    return [work(user, *each, **columns) for each in times]


def all_held() -> AbstractContextManager[None]:
    """Hold all connections for a block."""
    db = cast(DatabaseWrapper, connections["default"])
    return busy(db, db.limits.connections, Intent.WRITE)


class Interrupted:
    """A file; right before anything is written to it something happens, once."""

    def __init__(self, file: IO[bytes], act: Callable[[], object]) -> None:
        self.file = file
        self.act = act

    def write(self, block: bytes) -> int:
        act, self.act = self.act, lambda: None
        act()
        return self.file.write(block)


@pytest.fixture
def amid(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something happen when the first records are read."""

    def interrupt(act: Callable[[], object]) -> None:
        read = exports.copy

        def reading(rows: Any, target: Any, **options: Any) -> int:
            return read(rows, Interrupted(target, act), **options)  # type: ignore[arg-type]

        monkeypatch.setattr(exports, "copy", reading)

    return interrupt


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Has something happen when everything is known but the records, until then unread."""

    def interrupt(act: Callable[[], object]) -> None:
        def spool() -> IO[bytes]:
            act()
            return exports.spool()

        monkeypatch.setattr(view, "spool", spool)

    return interrupt


def elsewhere_at_once(act: Callable[[], Any]) -> Any:
    """Do something in another thread, on a connection of its own; wait for it."""
    done: list[Any] = []

    def run() -> None:
        try:
            done.append(act())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return done[0]


@KINDS
def test_the_answer_is_whole_before_it_is_sent(api: type[Api], alice: User, kind: str) -> None:
    records_of(alice, 5)
    response: Any = api(alice).get(EXPORT, {"format": kind})
    assert (response.status_code, response["X-Row-Count"]) == (200, "5")
    assert response["Cache-Control"] == "no-store"
    with all_held():
        body = body_of(response)
    assert len(body) == int(response["Content-Length"])
    if kind == "csv":
        assert len(ids_of(body)) == 5


@KINDS
def test_a_full_pool_is_a_503(
    api: type[Api], alice: User, kind: str, before: Callable[[Callable[[], object]], None]
) -> None:
    records_of(alice, 2)
    client, holding = api(alice), ExitStack()
    before(lambda: holding.enter_context(all_held()))
    with holding:
        assert is_refused(client.get(EXPORT, {"format": kind}), "pool_exhausted")
        before(lambda: None)
    assert client.get(EXPORT, {"format": kind}).status_code == 200


def test_a_slow_reading_is_a_503(
    api: type[Api],
    alice: User,
    before: Callable[[Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(view, "STATEMENT_TIMEOUT", 0.05)
    client, may_end, locked = api(alice), threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE worktime_worktime")
            locked.set()
            may_end.wait(10)

    thread = threading.Thread(target=lock)

    def begin() -> None:
        thread.start()
        assert locked.wait(10)

    before(begin)
    try:
        assert is_refused(client.get(EXPORT, CSV), "statement_timeout")
    finally:
        may_end.set()
        thread.join()
    before(lambda: None)
    assert client.get(EXPORT, CSV).status_code == 200


@pytest.fixture
def world(own_postgres: Postgres, proxy: Proxy, elsewhere: Elsewhere) -> World:  # noqa: F811
    """An organisation on a server that may be broken; its lead sees 400 long records."""
    db: DatabaseWrapper = elsewhere(own_postgres.params(port=proxy.port))
    call_command("migrate", verbosity=0)
    world = make_world("nordwind")
    start, branch = hours_ago(2000)[0], world.member.branch_assignments.get().branch
    WorkTime.objects.bulk_create(
        WorkTime(
            user=world.member,
            organization=world.organization,
            branch=branch,
            started_at=start + timedelta(hours=number),
            ended_at=start + timedelta(hours=number, minutes=30),
            time_zone="UTC",
            notes=f"number {number}. " + 1900 * "x",
        )
        for number in range(400)
    )
    assert db.connection is None
    return world


@KINDS
def test_a_connection_lost_in_the_midst_is_a_503(world: World, proxy: Proxy, kind: str) -> None:
    client = Api(world.lead)
    # What came before this record has been read by then.
    cut = proxy.cut_after(b"COPY (SELECT", answer=b"number 200.")
    assert is_refused(client.get(EXPORT, {"format": kind}), "database_unavailable")
    assert cut.wait()
    response = client.get(EXPORT, {"format": kind})
    assert (response.status_code, response["X-Row-Count"]) == (200, "401")


def test_a_server_killed_when_all_was_read_harms_nothing(
    world: World, own_postgres: Postgres, amid: Callable[[Callable[[], object]], None]
) -> None:
    """What is left of the transaction has no outcome that matters."""
    client = Api(world.member)
    amid(own_postgres.kill)
    response = client.get(EXPORT, {**CSV, "week": "2026-W10"})
    assert (response.status_code, response["X-Row-Count"]) == (200, "1")


def test_a_record_moved_while_it_is_read_is_in_the_file_once(
    api: type[Api], alice: User, bob: User, amid: Callable[[Callable[[], object]], None]
) -> None:
    first, *others = records_of(alice, 3)
    move = {"started_at": hours_ago(0.9)[0].isoformat(), "ended_at": hours_ago(0.5)[0].isoformat()}
    client, lead = api(alice), api(bob)
    moved: list[Any] = []
    path = f"/api/worktime/{first.pk}/"
    amid(
        lambda: moved.append(
            elsewhere_at_once(lambda: lead.send("PATCH", path, {**move, "reason": "moved"}))
        )
    )
    response = client.get(EXPORT, CSV)
    assert moved[0].status_code == 200, moved[0].content
    assert ids_of(body_of(response)) == [first.pk, *(record.pk for record in others)]
    assert ids_of(body_of(client.get(EXPORT, CSV))) == [*(each.pk for each in others), first.pk]


def test_a_record_moved_while_the_file_is_sent_is_in_it_once(api: type[Api], alice: User) -> None:
    records = records_of(alice, 5)
    response: Any = api(alice).get(EXPORT, CSV)
    pieces = iter(response.streaming_content)
    begin = next(pieces)
    WorkTime.objects.filter(pk=records[0].pk).update(
        started_at=hours_ago(0.9)[0], ended_at=hours_ago(0.5)[0]
    )
    assert ids_of(begin + b"".join(pieces)) == [record.pk for record in records]


@KINDS
def test_no_connection_is_held_while_cells_are_made(
    api: type[Api], alice: User, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    records_of(alice, 3)
    held = []

    def made(cell: Any) -> Any:
        held.append(connection.connection)
        return cell

    monkeypatch.setattr(sheets, "guarded", made)
    monkeypatch.setattr(Workbook, "_write", lambda self, sheet, number, row: made(row))
    assert api(alice).get(EXPORT, {"format": kind}).status_code == 200
    assert len(held) >= 3
    assert set(held) == {None}
