"""What a thousand times the records cost: pages, the running record, statistics, exports.

Two databases on one server, with the same people and the same last weeks; one has their history.
Requests alternate between the two, so that a busy machine slows both; none finds anything in the
cache. The export is asked for over
HTTP, by a reader that stops in the middle; how long it held a connection the worker tells.
"""

import argparse
import http.client
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

from config.db import stats
from tests.bench import report
from tests.bench.children import memory
from tests.bench.site import Site

PEOPLE: Final = 200
SERVER: Final = b"config.serving"
# Newest first: one runs since two hours, the others lie 33.6 h apart, five a week.
FILL: Final = """
    INSERT INTO worktime_worktime (created_at, updated_at, user_id, organization_id, branch_id,
        started_at, ended_at, time_zone, notes, source)
    SELECT now(), now(), person.user_id, branch.organization_id, branch.id,
        moment.start, CASE WHEN number > 0 THEN moment.start + interval '4 hours' END,
        'Europe/Berlin', 'note ' || number, 'live'
    FROM organizations_branchassignment person
    JOIN organizations_branch branch ON branch.id = person.branch_id
    JOIN accounts_user ON accounts_user.id = person.user_id AND username LIKE 'bench-%%'
    CROSS JOIN generate_series(%(first)s::int, %(last)s::int) number
    CROSS JOIN LATERAL (
        SELECT now() - interval '2 hours' - number * interval '33.6 hours' AS start) moment
"""
NO_OVERLAP: Final = "worktime_no_overlap"
PAUSE: Final = 6.0
REQUESTS: Final = {
    "own list": ("bench-0", "/api/worktime/?limit=5"),
    "team list": ("bob", "/api/worktime/"),
    "running": ("bench-0", "/api/worktime/active/"),
    "who is at work": ("bob", "/api/team-worktime/active/"),
    "week": ("bench-0", "/api/worktime/stats/"),
    "old month": ("bench-0", "/api/worktime/stats/?month=2024-03"),
}


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench growth", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args(arguments)
    with Site(people=PEOPLE) as site:
        _fill(site, options.records)
        rows = _compare(options.records, options.rounds)
        exports = _exports(site)
    report.show("growth", vars(options), rows)
    report.show("growth-export", vars(options), exports)
    return 0


def fill(connection: psycopg.Connection[Any], *, first: int, last: int) -> None:
    """Store everybody's records of these numbers; overlaps are looked for once, at the end."""
    name = sql.Identifier(NO_OVERLAP)
    found = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", [NO_OVERLAP]
    ).fetchone()
    assert found
    alter = sql.SQL("ALTER TABLE worktime_worktime ")
    connection.execute(alter + sql.SQL("DROP CONSTRAINT {}").format(name))
    connection.execute(FILL, {"first": first, "last": last})
    connection.execute(alter + sql.SQL("ADD CONSTRAINT {} ").format(name) + sql.SQL(found[0]))


def _fill(site: Site, count: int) -> None:
    """Make `small` with five records a person, and put `count` into the other database."""
    with psycopg.connect(**site.postgres.params("stechuhr"), autocommit=True) as big:
        big.execute("DELETE FROM worktime_worktime")
        fill(big, first=0, last=4)
    site.copy_database("small")
    began = time.monotonic()
    with psycopg.connect(**site.postgres.params("stechuhr"), autocommit=True) as big:
        fill(big, first=5, last=count // PEOPLE - 1)
        big.execute("VACUUM ANALYZE")
    with psycopg.connect(**site.postgres.params("small"), autocommit=True) as small:
        small.execute("VACUUM ANALYZE")
    print(f"{count} records stored in {time.monotonic() - began:.0f} s")


def _compare(records: int, rounds: int) -> list[dict[str, Any]]:
    from django.core.cache import cache
    from django.db import connections

    from accounts.models import User
    from config.db.base import DatabaseWrapper
    from config.db.intent import Intent, use
    from tests.conftest import Api

    big = connections["default"]
    small = DatabaseWrapper({**big.settings_dict, "NAME": "small"}, "default")
    clients = {}
    for size, db in (("small", small), ("big", big)):
        connections["default"] = db
        for name, _ in REQUESTS.values():
            clients[name, size] = Api(User.objects.get(username=name))
    times: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for label, (name, path) in REQUESTS.items():
            for size, db in (("small", small), ("big", big)):
                connections["default"] = db
                for number in range(4):
                    # What is cached costs the same however much there is.
                    cache.clear()
                    began = time.perf_counter()
                    with use(Intent.READ):
                        response = clients[name, size].get(path, SERVER_NAME="127.0.0.1")
                    took = time.perf_counter() - began
                    assert response.status_code == 200, response.content[:500]
                    if number:
                        times.setdefault((label, size), []).append(took)
    connections["default"] = big
    return [
        {
            "variant": f"{count} records",
            **{f"{label} ms": 1000 * statistics.median(times[label, size]) for label in REQUESTS},
        }
        for size, count in (("small", 5 * PEOPLE), ("big", records))
    ]


def _exports(site: Site) -> list[dict[str, Any]]:
    from accounts.models import User
    from tests.bench.people import session_of

    cookie = session_of(User.objects.get(username="bob"))
    rows: list[dict[str, Any]] = []
    with site.serving({"WEB_WORKERS": "1", "WEB_THREADS": "4"}) as port:
        _get(port, cookie, "/api/worktime/").read()
        for kind in ("csv", "xlsx"):
            before, held = memory(SERVER), _seconds_held(site)
            with _highest_memory() as highest:
                began = time.monotonic()
                response = _get(port, cookie, f"/api/worktime/export/?format={kind}")
                response.read(1)
                first = time.monotonic() - began
                size = 1 + len(response.read(1_000_000))
                busy = _held(site)
                while chunk := response.read(1_000_000):
                    size += len(chunk)
                took = time.monotonic() - began
            rows.append(
                {
                    "variant": kind,
                    "first byte s": first,
                    "all s": took - PAUSE,
                    "connections held s": _seconds_held(site) - held,
                    "records": int(response.headers["X-Row-Count"]),
                    "MB": size / 1e6,
                    "idle MiB": before,
                    "above idle MiB": highest[0] - before,
                    "connections of a slow reader": busy,
                }
            )
    return rows


def _seconds_held(site: Site) -> float:
    """Return for how long connections were held, of all workers, once they have told it."""
    time.sleep(2.5)
    totals = stats.collect(site.folder / "dbpool").values()
    return sum(total.read.held_seconds for total in totals)


def _get(port: int, cookie: str, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=3600)
    connection.request("GET", path, headers={"Cookie": f"sessionid={cookie}"})
    response = connection.getresponse()
    assert response.status == 200, response.read()
    return response


def _held(site: Site) -> int:
    """Return how many connections of the app server are busy through all of a pause's second half.

    In the first half it fills what lies between itself and the reader.
    """
    time.sleep(PAUSE / 2)
    least = sys.maxsize
    with psycopg.connect(**site.postgres.params("stechuhr"), autocommit=True) as connection:
        for _ in range(10):
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = 'stechuhr'"
                " AND backend_type = 'client backend' AND state <> 'idle'"
                " AND pid <> pg_backend_pid()"
            ).fetchone()
            assert row is not None
            least = min(least, int(row[0]))
            time.sleep(PAUSE / 20)
    return least


@contextmanager
def _highest_memory() -> Iterator[list[float]]:
    """Yield a list whose only item is the highest memory seen until the block's end."""
    highest, is_over = [0.0], threading.Event()

    def watch() -> None:
        while not is_over.wait(0.1):
            highest[0] = max(highest[0], memory(SERVER))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield highest
    finally:
        is_over.set()
        watcher.join()
