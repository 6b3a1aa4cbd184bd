"""Cached answers beside a view that does nothing: how much of the app server's speed is left.

All app servers run at once, with one worker each, and take turns under load. The floor is the
product's own static view, `/livez`, behind the product's middleware. Beside it stand a static view
behind no middleware at all, and a view that says who is signed in as a new Django project does.
SQL statements and round trips to Redis are counted by PostgreSQL and Redis, apart from the load.
"""

import argparse
import contextlib
import http.client
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import redis
from rich.progress import Progress

from tests.bench import lookups, report
from tests.bench.children import processor_time
from tests.bench.growth import FILL
from tests.bench.hammer import hammer, request
from tests.bench.site import Site
from tests.bench.turns import QUICK_TIMEOUT, rounds

# App servers, by what they run.
SERVERS: Final = {
    "product": {"DJANGO_SETTINGS_MODULE": "tests.bench.plain"},
    "no middleware": {"DJANGO_SETTINGS_MODULE": "tests.bench.floor", "BENCH_STACK": "none"},
    "Django": {"DJANGO_SETTINGS_MODULE": "tests.bench.floor", "BENCH_STACK": "django"},
}
FLOOR: Final = "static view"
COUNTED: Final = 20  # requests of which statements and round trips are counted
# How PostgreSQL logs one, with parameters or without.
STATEMENT: Final = re.compile(rb"LOG:  (?:statement|execute)")
ROUTES: Final = ("/api/me/", "/api/worktime/active/", "/api/page/")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Variant:
    """What is asked for, and where; a 304 is asked for by people of whom nothing runs."""

    name: str
    server: str
    path: str
    status: int = 200


VARIANTS: Final = (
    Variant(FLOOR, "product", "/livez"),
    Variant("static view, no middleware", "no middleware", "/static/"),
    Variant("Django's session view", "Django", "/session/"),
    *(
        Variant(f"{path} {status}", "product", path, status)
        for path in ROUTES
        for status in (200, 304)
    ),
)


def main(arguments: list[str]) -> int:
    """Measure and print; return 0 whether the aims are met or not."""
    parser = argparse.ArgumentParser(prog="./run bench warm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within three minutes")
    parser.add_argument("--clients", type=int, default=8, help="connections, of a person each")
    parser.add_argument("--seconds", type=float, default=1.0, help="a turn of a variant")
    parser.add_argument("--rounds", type=int, help="15, or 5 if quick")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (5 if options.quick else 15)
    until = time.monotonic() + QUICK_TIMEOUT if options.quick else None
    rows, hits = _measure(options, until)
    report.show("warm", vars(options), rows, _aims(rows))
    report.show("warm-caches", {}, hits)
    return 0


def _measure(options: argparse.Namespace, until: float | None) -> tuple[Rows, Rows]:
    with (
        Site(people=2 * options.clients) as site,
        contextlib.ExitStack() as stack,
        Progress() as progress,
    ):
        task = progress.add_task("starting", total=options.rounds * len(VARIANTS))
        _fill(site, options.clients)
        hits = lookups.measure()
        servers = {
            name: stack.enter_context(site.serving({"WEB_WORKERS": "1", **settings}))
            for name, settings in SERVERS.items()
        }
        ports = {each: servers[each.server] for each in VARIANTS}
        headers = {each: _headers(site, ports[each], each) for each in VARIANTS}
        costs = {each: _count(site, ports[each], each, headers[each][0]) for each in VARIANTS}
        turns: dict[Variant, list[tuple[float, float]]] = {each: [] for each in VARIANTS}
        for number in rounds(options.rounds, until=until):
            # Who comes first takes turns too.
            for each in VARIANTS if number % 2 else reversed(VARIANTS):
                progress.update(task, description=f"round {number + 1}: {each.name}")
                requests = [request(each.path, one) for one in headers[each]]
                turns[each].append(_turn(ports[each], requests, options.seconds, each.status))
                progress.advance(task)
    rows = [
        {
            "variant": each.name,
            "answers/s": statistics.median(speed for speed, _ in turns[each]),
            "CPU ms": statistics.median(1000 * computed for _, computed in turns[each]),
            "SQL statements": costs[each][0],
            "Redis round trips": costs[each][1],
        }
        for each in VARIANTS
    ]
    return rows, hits


def _turn(port: int, requests: Sequence[bytes], seconds: float, status: int) -> tuple[float, float]:
    """Return the answers a second, and the seconds that all servers computed for one."""
    began, computed = time.monotonic(), processor_time()
    answers = hammer(port, requests, seconds=seconds, status=status)
    took = time.monotonic() - began
    return answers / took, (processor_time() - computed) / answers


def _fill(site: Site, count: int) -> None:
    """Give everybody five records; of the first `count` people one of them runs."""
    with psycopg.connect(**site.postgres.params(), autocommit=True) as plain:
        plain.execute(FILL, {"first": 0, "last": 4})
        plain.execute(
            "UPDATE worktime_worktime SET ended_at = now() FROM accounts_user"
            " WHERE ended_at IS NULL AND accounts_user.id = user_id"
            " AND username = ANY(%s)",
            [[f"bench-{number}" for number in range(count, 2 * count)]],
        )


def _headers(site: Site, port: int, variant: Variant) -> list[dict[str, str]]:
    """Return what each person sends; sends it too, so that all is warm from then on."""
    half = len(site.cookies) // 2
    people = site.cookies[:half] if variant.status == 200 else site.cookies[half:]
    found = []
    for cookie in people:
        headers = {"Cookie": f"sessionid={cookie}"}
        answer = _send(port, variant.path, headers)
        if variant.status == 304:
            headers["If-None-Match"] = answer.headers["ETag"]
        found.append(headers)
    return found


def _count(
    site: Site, port: int, variant: Variant, headers: Mapping[str, str]
) -> tuple[float, float]:
    """Return how many SQL statements and round trips to Redis a request takes."""
    with redis.Redis.from_url(site.valkey.url()) as client, _logged(site) as statements:
        # What this process does not know yet of an entry, it learns at the first look.
        _send(port, variant.path, headers, variant.status)
        before = statements(), client.info("stats")["total_reads_processed"]
        for _ in range(COUNTED):
            _send(port, variant.path, headers, variant.status)
        # What Redis reads at once it answers at once; the last was this question.
        reads = client.info("stats")["total_reads_processed"] - before[1] - 1
        return (statements() - before[0]) / COUNTED, reads / COUNTED


@contextlib.contextmanager
def _logged(site: Site) -> Iterator[Callable[[], int]]:
    """Have PostgreSQL log all statements; yield a function that returns how many those are."""

    def log(what: str) -> None:
        where = site.postgres.params("postgres", user="postgres")
        with psycopg.connect(**where, autocommit=True) as admin:
            admin.execute(f"ALTER SYSTEM SET log_statement = {what}")
            admin.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)  # each of its processes hears of it by a signal

    def count() -> int:
        return len(STATEMENT.findall(site.postgres.log.read_bytes()))

    log("'all'")
    try:
        yield count
    finally:
        log("DEFAULT")


def _send(
    port: int, path: str, headers: Mapping[str, str], status: int = 200
) -> http.client.HTTPResponse:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as client:
        client.request("GET", path, headers=dict(headers))
        response = client.getresponse()
        response.read()
        assert response.status == status, response.status
        return response


def _aims(rows: Sequence[Mapping[str, Any]]) -> list[report.Aim]:
    floor, cached = rows[0]["answers/s"], rows[-2 * len(ROUTES) :]
    return [
        *(
            report.Aim(
                f"{row['variant']} against the static view",
                row["answers/s"] / floor,
                0.3,
                at_least=True,
            )
            for row in cached
        ),
        report.Aim(
            "SQL statements of a cached answer", max(r["SQL statements"] for r in cached), 0
        ),
        report.Aim(
            "Redis round trips of a cached answer", max(r["Redis round trips"] for r in cached), 2
        ),
    ]
