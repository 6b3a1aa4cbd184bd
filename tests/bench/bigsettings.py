"""What a huge organisation costs where a page starts: 20 MiB of settings, 1,500 lists, 5 years.

Two databases on one server with the same people; in one of them the organisation's settings, the
saved lists of everybody and their records have grown. Requests alternate between two app servers,
with Redis emptied before each (cold) or not (warm).
"""

import argparse
import contextlib
import http.client
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import psycopg
import redis
from rich.progress import Progress

from tests.bench import report
from tests.bench.growth import FILL
from tests.bench.site import Site
from tests.bench.turns import QUICK_TIMEOUT, rounds

PEOPLE: Final = 20
LISTS: Final = 1_500
WEEKS: Final = 5 * 52
SETTINGS: Final = "/api/organizations/current/settings/"
ROUTES: Final = (
    "/api/me/",
    "/api/me/settings/",
    "/api/me/branches/",
    "/api/organizations/current/",
    "/api/branches/",
    "/api/worktime/active/",
    "/api/worktime/?limit=20",
    "/api/worktime/stats/",
    "/api/worktime/stats/?month=2026-03",
    "/api/filter-lists/?table=worktime",
    "/api/filter-groups/?table=worktime",
    "/api/table-settings/worktime/",
    "/api/page/",
    "/api/page/?table=worktime",
    SETTINGS,
)
# Texts of which none is like another, so that they do not shrink when they are stored.
GROW_SETTINGS: Final = """
    INSERT INTO organizations_organizationsettings AS stored
        (created_at, updated_at, organization_id, data)
    SELECT now(), now(), id, (
        SELECT jsonb_object_agg('setting ' || n, text) FROM generate_series(1, 20480) n
        CROSS JOIN LATERAL (
            SELECT string_agg(md5(n || '-' || m), '') FROM generate_series(1, 31) m) made(text))
    FROM organizations_organization WHERE name = 'nordwind'
    ON CONFLICT (organization_id) DO UPDATE SET data = excluded.data
"""
WARM: Final = 3  # requests after each cold one


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench bigsettings", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within three minutes")
    parser.add_argument("--rounds", type=int, help="30, or 10 if quick")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (10 if options.quick else 30)
    until = time.monotonic() + QUICK_TIMEOUT if options.quick else None
    times, size = _measure(options.rounds, until)
    settings = {**vars(options), "lists": LISTS, "weeks": WEEKS, "settings MiB": size}
    for state in ("cold", "warm"):
        rows = [
            {
                "variant": variant,
                **{f"{path} ms": _median(times[variant, path, state]) for path in ROUTES},
            }
            for variant in ("without", "with")
        ]
        report.show(f"bigsettings-{state}", settings, rows)
    return 0


def _median(times: list[float]) -> float:
    return 1000 * statistics.median(times)


def _measure(
    count: int, until: float | None
) -> tuple[dict[tuple[str, str, str], list[float]], float]:
    times: dict[tuple[str, str, str], list[float]] = {}
    with (
        Site(people=PEOPLE) as site,
        contextlib.ExitStack() as stack,
        Progress() as progress,
    ):
        task = progress.add_task("filling", total=count * len(ROUTES))
        size = _fill(site)
        askers = {
            variant: stack.enter_context(_asker(site, database, number))
            for number, (variant, database) in enumerate(
                {"without": "small", "with": "stechuhr"}.items()
            )
        }
        for number in rounds(count, until=until):
            for path in ROUTES:
                progress.update(task, description=f"round {number + 1}: {path}")
                for variant in askers if number % 2 else reversed(askers):
                    for state, took in askers[variant].times(path):
                        times.setdefault((variant, path, state), []).append(took)
                progress.advance(task)
    return times, size


def _fill(site: Site) -> float:
    """Keep a copy as it is, and let the other grow; return how many MiB the settings have."""
    from accounts.models import Role, RoleAssignment, User
    from filterlists.models import FilterList
    from organizations.models import Organization

    organization = Organization.objects.get(name="nordwind")
    people = list(User.objects.filter(username__startswith="bench-").order_by("id"))
    # Who asks may see all of it.
    RoleAssignment.objects.filter(user=people[0]).update(
        role=Role.objects.get(organization=organization, is_admin=True)
    )
    with psycopg.connect(**site.postgres.params(), autocommit=True) as database:
        database.execute(FILL, {"first": 0, "last": 4})
    site.copy_database("small")
    for person in people:
        FilterList.objects.bulk_create(
            FilterList(
                user=person,
                organization=organization,
                table="worktime",
                name=f"list {number}",
                position=number,
                conditions=[{"column": "notes", "operator": "contains", "value": f"{number}"}],
            )
            for number in range(LISTS)
        )
    with psycopg.connect(**site.postgres.params(), autocommit=True) as database:
        database.execute(FILL, {"first": 5, "last": 5 * WEEKS - 1})
        database.execute(GROW_SETTINGS)
        database.execute("VACUUM ANALYZE")
        [size] = database.execute(
            "SELECT max(length(data::text)) / 1048576.0 FROM organizations_organizationsettings"
        ).fetchone() or [0.0]
    with psycopg.connect(**site.postgres.params("small"), autocommit=True) as database:
        database.execute("VACUUM ANALYZE")
    return float(size)


@contextlib.contextmanager
def _asker(site: Site, database: str, number: int) -> "Iterator[Asker]":
    """Run an app server with a database of PostgreSQL and one of Redis to itself."""
    cache = site.valkey.url(number)
    with (
        site.serving(
            {"WEB_WORKERS": "1", "REDIS_URL": cache}, database_url=site.postgres.url(database)
        ) as port,
        redis.Redis.from_url(cache) as client,
        contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection,
    ):
        yield Asker(connection, client, {"Cookie": f"sessionid={site.cookies[0]}"})


class Asker:
    """One person at one app server."""

    def __init__(
        self, connection: http.client.HTTPConnection, cache: Any, headers: Mapping[str, str]
    ) -> None:
        self._connection = connection
        self._cache = cache
        self._headers = dict(headers)

    def times(self, path: str) -> Iterator[tuple[str, float]]:
        """Yield the seconds of a cold request and of some warm ones."""
        self._cache.flushdb()
        for state in ("cold", *["warm"] * WARM):
            began = time.perf_counter()
            self._connection.request("GET", path, headers=self._headers)
            response = self._connection.getresponse()
            body = response.read()
            yield state, time.perf_counter() - began
            assert response.status == 200, body[:500]
