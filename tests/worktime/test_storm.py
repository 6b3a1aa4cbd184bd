"""Two hundred threads of starts, stops, edits and deletions, on connections that keep breaking."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast
from uuid import uuid4

import pytest
from django.db import connections

from accounts.models import User
from config.db.base import DatabaseWrapper
from config.dev.proxy import Proxy
from tests.conftest import Api, _found, _hire
from tests.worktime.records import now
from worktime.models import WorkTime, WorkTimeRevision
from worktime.services.records import state_of

PEOPLE = 20
THREADS = 200
SECONDS = 6.0
LEAST_CUTS = 10
TRIES = 60
EVERYTHING = {("POST", 200), ("POST", 201), ("PATCH", 200), ("DELETE", 204)}


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[Proxy]:
    """A proxy before the server of these tests."""
    params = connections["default"].settings_dict
    host, port = params["HOST"], params["PORT"] or 5432
    is_socket = host.startswith("/")
    with Proxy(f"{host}/.s.PGSQL.{port}" if is_socket else (host, int(port))) as running:
        yield running


@pytest.fixture
def broken(proxy: Proxy) -> Iterator[DatabaseWrapper]:
    """The default alias, reached through the proxy."""
    original = cast(DatabaseWrapper, connections["default"])
    db = DatabaseWrapper(
        {**original.settings_dict, "HOST": "127.0.0.1", "PORT": proxy.port}, "default"
    )
    connections["default"] = db
    yield db
    connections["default"] = original
    db.close()
    held = db.group.held()
    db.close_pool()
    assert held == []


class Storm:
    """What the clients asked for and what they were told."""

    def __init__(self, clients: list[Api]) -> None:
        self.clients = clients
        self.ends_at = time.monotonic() + SECONDS
        self.done: set[tuple[str, int]] = set()
        self.lock = threading.Lock()
        self.answers: Counter[tuple[str, int, str]] = Counter()
        self.known: dict[int, list[int]] = defaultdict(list)
        self.made: list[int] = []
        self.stopped: list[int] = []
        self.reasons: dict[str, bool] = {}  # and whether the change was acknowledged
        self.unsure = 0
        self.cuts = 0
        self.failures: list[BaseException] = []

    def run(self, number: int, db: DatabaseWrapper) -> None:
        """Act as one of the people until the time is over."""
        connections["default"] = db.copy()
        chance, whose = random.Random(number), number % PEOPLE
        try:
            while not self.is_over():
                acts = [self.start, self.stop, self.make]
                if self.known[whose]:
                    acts += [self.start, self.stop, self.change, self.change, self.delete]
                chance.choice(acts)(whose, chance)
        except BaseException as error:
            self.failures.append(error)

    def is_over(self) -> bool:
        """Return whether time is up and everything has happened; a slow machine gets a minute."""
        late = time.monotonic() - self.ends_at
        return late > 60 or (late > 0 and self.done == EVERYTHING and self.cuts > LEAST_CUTS)

    def start(self, whose: int, chance: random.Random) -> None:
        body = self.post(whose, "start/", {})
        if body:
            self.note(whose, body["id"])

    def make(self, whose: int, chance: random.Random) -> None:
        if body := self.post(whose, "", self.times(chance)):
            self.note(whose, body["id"])

    def stop(self, whose: int, chance: random.Random) -> None:
        body = self.post(whose, "stop/", None)
        if body and not body["already_stopped"]:
            with self.lock:
                self.stopped.append(body["id"])

    def change(self, whose: int, chance: random.Random) -> None:
        reason = uuid4().hex
        body = {"notes": reason, "reason": reason}
        if chance.random() < 0.5:
            body |= self.times(chance)
        self.send(whose, "PATCH", self.pick(whose, chance), reason, body)

    def delete(self, whose: int, chance: random.Random) -> None:
        reason = uuid4().hex
        self.send(whose, "DELETE", f"{self.pick(whose, chance)}?reason={reason}", reason, None)

    def times(self, chance: random.Random) -> dict[str, str]:
        """Return the times of some work in the last hours, which may well be taken."""
        begin = now() - timedelta(minutes=chance.randrange(60, 60 * 12))
        end = begin + timedelta(minutes=chance.randrange(1, 59))
        return {"started_at": begin.isoformat(), "ended_at": end.isoformat()}

    def pick(self, whose: int, chance: random.Random) -> str:
        with self.lock:
            return f"{chance.choice(self.known[whose])}/"

    def note(self, whose: int, worktime_id: int) -> None:
        with self.lock:
            self.known[whose].append(worktime_id)
            self.made.append(worktime_id)

    def post(self, whose: int, path: str, body: Any) -> dict[str, Any] | None:
        """POST until there is an answer, always with the same key."""
        headers = {"Idempotency-Key": uuid4().hex}
        for _ in range(TRIES):
            response = self.call(whose, "POST", path, body, **headers)
            if response.status_code in (200, 201):
                answer: dict[str, Any] = response.json()
                return answer
            if response.status_code != 503 and response.json()["code"] != "in_progress":
                return None
            time.sleep(random.uniform(0.5, 1.5))
        raise AssertionError("there was never an answer")

    def send(self, whose: int, method: str, path: str, reason: str, body: Any) -> None:
        """Send what takes no key until there is an answer, or nobody knows whether there is one."""
        for _ in range(TRIES):
            response = self.call(whose, method, path, body)
            if response.status_code != 503:
                self.reasons[reason] = response.status_code in (200, 204)
                return
            if response.json()["code"] == "outcome_unknown":
                self.unsure += 1
                return
            time.sleep(random.uniform(0.5, 1.5))
        raise AssertionError("there was never an answer")

    def call(self, whose: int, method: str, path: str, body: Any, **headers: str) -> Any:
        client = Api()
        client.cookies.update(self.clients[whose].cookies)
        client.csrf = self.clients[whose].csrf
        response = client.send(method, f"/api/worktime/{path}", body, **headers)
        code = "" if response.status_code < 300 else response.json()["code"]
        with self.lock:
            self.answers[method, response.status_code, code] += 1
            if not code:
                self.done.add((method, response.status_code))
        return response


def break_connections(proxy: Proxy, storm: Storm) -> None:
    """Cut connections at any moment, before COMMIT arrives, and after it took effect."""
    while not storm.is_over():
        proxy.cut()
        before, after = proxy.cut_before(b"COMMIT"), proxy.cut_after(b"COMMIT")
        time.sleep(0.4)
        storm.cuts += 1 + before.fired.is_set() + after.fired.is_set()


def test_a_connection_lost_on_the_way_back_to_a_savepoint(
    api: type[Api], alice: User, broken: DatabaseWrapper, proxy: Proxy
) -> None:
    """The insert was refused, the look for what is in the way meets no connection: once more."""
    client = api(alice)
    first = client.post_json("/api/worktime/start/").json()
    cut = proxy.cut_before(b"ROLLBACK TO SAVEPOINT")
    response = client.post_json("/api/worktime/start/")
    assert cut.fired.is_set()
    assert (response.status_code, response.json()["worktime"]) == (409, first)


def test_nothing_is_lost_or_done_twice(broken: DatabaseWrapper, proxy: Proxy) -> None:
    founder = User.objects.create(username="ada", email="ada@example.org")
    nordwind = _found(founder, "nordwind")
    branch = nordwind.branches.get()
    people = [_hire(f"p{number}", nordwind, "Member", branch) for number in range(PEOPLE)]
    storm = Storm([Api(user) for user in people])
    threads = [
        threading.Thread(target=storm.run, args=(number, broken)) for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    break_connections(proxy, storm)
    for thread in threads:
        thread.join()
    proxy.stop()
    proxy.start()
    broken.close_pool()
    print(f"{storm.cuts} cuts, {storm.unsure} unsure, answers: {dict(storm.answers)}")
    assert storm.failures == []
    assert storm.cuts > LEAST_CUTS
    assert sum(storm.answers.values()) > 200
    assert {status for _, status, _ in storm.answers} <= {200, 201, 204, 400, 404, 409, 503}
    assert storm.done == EVERYTHING
    assert "worktime_overlaps" in {code for _, _, code in storm.answers}
    codes = {code for _, status, code in storm.answers if status == 503}
    assert codes <= {"database_unavailable", "pool_exhausted", "outcome_unknown", "locked"}

    # Every acknowledged action is there once, and nothing else is.
    deleted = WorkTimeRevision.objects.filter(action="deleted").values_list(
        "worktime_id", flat=True
    )
    assert sorted(storm.made) == sorted([*WorkTime.objects.values_list("id", flat=True), *deleted])
    assert len(storm.stopped) == len(set(storm.stopped))
    assert not WorkTime.objects.running().filter(pk__in=storm.stopped).exists()
    changes = WorkTimeRevision.objects.filter(action__in=["changed", "deleted"])
    found = Counter(changes.values_list("reason", flat=True))
    assert set(found.values()) <= {1}
    acknowledged = {reason for reason, is_done in storm.reasons.items() if is_done}
    refused = storm.reasons.keys() - acknowledged
    assert acknowledged <= found.keys()
    assert not refused & found.keys()
    assert len(found) - len(acknowledged) <= storm.unsure

    # Revisions are complete: each begins where the one before ended, the last ends at the record.
    for worktime_id in storm.made:
        revisions = list(WorkTimeRevision.objects.filter(worktime_id=worktime_id).order_by("id"))
        for earlier, later in pairwise(revisions):
            assert _settled(earlier.after) == _settled(later.before)
        record = WorkTime.objects.filter(pk=worktime_id).first()
        assert (record is None) == bool(revisions and revisions[-1].action == "deleted")
        if record is not None and revisions:
            assert _settled(revisions[-1].after) == _settled(state_of(record))

    # No overlap, at most one running each, no deadlock.
    for user in people:
        rows = list(WorkTime.objects.filter(user=user).order_by("started_at"))
        assert all(row.ended_at is not None for row in rows[:-1])
        assert all(cast(datetime, a.ended_at) <= b.started_at for a, b in pairwise(rows))
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert cursor.fetchone() == (0,)


def _settled(state: Any) -> Any:
    """Return a state without its end: a person's own stop is no revision."""
    return {name: value for name, value in state.items() if name != "ended_at"}
