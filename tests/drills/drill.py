"""Runs a drill: servers, people, faults; then asks the database what is really stored."""

import argparse
import asyncio
import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from config.db import stats
from config.dev.proxy import Proxy
from config.dev.servers import Postgres
from tests.bench.site import Site
from tests.drills import exports, faults
from tests.drills.people import Ledger, Person, Request

# Nothing but the backend may stop a second application.
UNGUARD = "ALTER TABLE filterlists_filterlist DROP CONSTRAINT filter_list_name"
FORGETFUL = (
    "ALTER ROLE stechuhr SET synchronous_commit = off",
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "ALTER SYSTEM SET bgwriter_lru_maxpages = 0",
    "SELECT pg_reload_conf()",
)
EXPORTING = ("exhaust", "exports")  # drills in which somebody exports
UNCUT = ("exhaust", "redis")  # drills that leave the connections to the database alone
# After Redis is back, for how long a process that did not miss it may not have heard of a write
# (docs/caches.md), and an answer of before may be under way.
OWED_FOR = 0.5


@dataclass
class Result:
    """What came of a drill; `broken` says in words which invariant did not hold."""

    name: str
    seconds: float
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


def unguard(postgres: Postgres) -> None:
    """Let a list be saved twice, once for all drills of a site."""
    with psycopg.connect(**postgres.params(user="postgres"), autocommit=True) as admin:
        admin.execute(UNGUARD)


@contextlib.contextmanager
def forgetful(postgres: Postgres) -> Iterator[None]:
    """Let the database confirm what is only in its memory yet."""
    with psycopg.connect(**postgres.params(user="postgres"), autocommit=True) as admin:
        for statement in FORGETFUL:
            admin.execute(statement)
    yield
    with psycopg.connect(**postgres.params(user="postgres"), autocommit=True) as admin:
        admin.execute("ALTER ROLE stechuhr RESET synchronous_commit")


@contextlib.contextmanager
def serving(
    site: Site, options: argparse.Namespace, *, proxied: bool, broken: str = ""
) -> Iterator[faults.Ground]:
    """Run the app server, before the database or a proxy of it; yield what there is to break.

    `broken` names parts for `tests.drills.sabotage`.
    """
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.drills.settings",
        "DRILL_BREAK": broken,
        "WEB_WORKERS": str(options.workers),
    }
    assert site.postgres.port is not None
    with Proxy(("127.0.0.1", site.postgres.port)) as proxy:
        url = site.postgres.url(port=proxy.port) if proxied else None
        with site.serving(settings, database_url=url) as port:
            connections, reserve = _limits(site)
            yield faults.Ground(
                site=site,
                proxy=proxy,
                port=port,
                reads=options.workers * (connections - reserve),
                connections=options.workers * connections,
                random=random.Random(options.seed),
            )


def run(ground: faults.Ground, name: str, options: argparse.Namespace) -> Result:
    """Run one drill; faults begin when everybody has been round once undisturbed."""
    site, ledger, made = ground.site, Ledger(), exports.Exports()
    seed = f"{name}-{ground.port}-{options.seed}"
    people = [
        Person(number, ground.port, cookie, ledger, seed=seed)
        for number, cookie in enumerate(site.cookies[: options.clients])
    ]
    with watched(site.postgres) as backends:
        began = time.monotonic()
        alone = Person(len(people), ground.port, site.cookies[0], ledger, seed=seed)
        asyncio.run(faults.aim(name, ground, alone))
        load = threading.Thread(target=lambda: asyncio.run(_live(people)))
        office = threading.Thread(target=lambda: None)
        is_over = threading.Event()
        if name in EXPORTING:
            work = _export(ground, made, is_over)
            office = threading.Thread(target=lambda: asyncio.run(work))
        load.start()
        office.start()
        while load.is_alive() and not all(each.rounds for each in people):
            time.sleep(0.02)
        ledger.until = time.monotonic() + options.seconds
        schedule = faults.schedule(name, options.outage, options.rest)
        struck = list(faults.run(ground, schedule, ledger.until))
        while name in EXPORTING and made.ends.total() + len(made.wrong) < options.exports:
            struck += faults.run(ground, schedule, time.monotonic() + options.seconds)
        is_over.set()
        load.join()
        office.join()
        at_rest = _held_at_rest(site.folder / "dbpool", options.workers)
    if options.logs:
        print((site.folder / f"web-{ground.port}.log").read_text()[-options.logs :])
    result = Result(name, time.monotonic() - began)
    _judge_storage(site.postgres, ledger, result)
    _judge_sight(ledger, struck, result, forgives=name == "redis")
    _judge_times(ledger, struck, result)
    if name in EXPORTING:
        _judge_exports(made, result)
    result.figures |= {
        "most backends": max(backends, default=0),
        "budget": ground.connections,
        "still held at rest": at_rest,
    }
    # A backend whose connection was cut notices later.
    if name in UNCUT and max(backends, default=0) > ground.connections:
        result.broken.append(f"{max(backends)} backends, {ground.connections} are allowed")
    if at_rest:
        result.broken.append(f"{at_rest} connections were still held at rest")
    return result


def _held_at_rest(folder: Path, workers: int) -> int:
    """Return how many connections the workers hold now that nobody asks for anything."""
    began = time.time()
    while True:
        told = sum(path.stat().st_mtime > began for path in folder.glob("*.json"))
        held = sum(total.in_use for total in stats.collect(folder).values())
        # Each worker tells its figures once a second.
        if (told >= workers and not held) or time.time() > began + 5:
            return held
        time.sleep(0.05)


async def _export(ground: faults.Ground, made: exports.Exports, is_over: threading.Event) -> None:
    """Have the site's last person export, several times at once, while records are moved."""
    site = ground.site
    cookie, username = site.cookies[-1], f"bench-{len(site.cookies) - 1}"
    ids = exports.fill(site.postgres.params(), username)
    has_ended = asyncio.Event()
    tasks = [exports.export_until(ground.port, cookie, has_ended, made) for _ in range(3)]
    tasks.append(exports.move_until(ground.port, cookie, ids, has_ended, made))
    work = asyncio.gather(*tasks)
    while not is_over.is_set():
        await asyncio.sleep(0.05)
    has_ended.set()
    await work


def _judge_exports(made: exports.Exports, result: Result) -> None:
    """Count exports: each is whole, or it was refused."""
    result.figures |= {
        "exports": made.ends.total() + len(made.wrong),
        "exports whole": made.ends["whole"],
        "exports refused": made.ends["refused"],
        "exports without an answer": made.ends["no answer"],
        "records moved meanwhile": made.moves[200],
        "exports short": made.ends["short"],
        "exports doubled": made.ends["doubled"],
    }
    if not made.ends["whole"]:
        result.broken.append("no export was whole")
    for text, count in Counter(made.wrong).most_common(5):
        result.broken.append(f"{count} times {text}")


async def _live(people: Sequence[Person]) -> None:
    # More people think longer: the drill is about faults, not about a full machine.
    think, pause = max(0.3, len(people) / 20), 0.1 + len(people) / 200
    await asyncio.gather(*(each.live(think=think, pause=pause) for each in people))


def _limits(site: Site) -> tuple[int, int]:
    from django.conf import settings

    pool = settings.DB_LIMITS
    return pool["pools"] * pool["pool_size"], pool["write_reserve"]


@contextlib.contextmanager
def watched(postgres: Postgres) -> Iterator[list[int]]:
    """Yield a list that gets the number of the workers' backends, twenty times a second."""
    seen: list[int] = []
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(
                    **postgres.params("postgres", user="postgres"), autocommit=True
                ) as admin,
            ):
                while not is_over.wait(0.05):
                    [count] = admin.execute(
                        "SELECT count(*) FROM pg_stat_activity"
                        " WHERE datname = 'stechuhr' AND application_name = 'stechuhr-web'"
                    ).fetchone() or [0]
                    seen.append(count)
            is_over.wait(0.05)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()


def _judge_storage(postgres: Postgres, ledger: Ledger, result: Result) -> None:
    """Compare what was acknowledged with the rows."""
    with psycopg.connect(**postgres.params()) as plain:
        found = Counter(
            dict(
                plain.execute(
                    "SELECT name, count(*) FROM ("
                    " SELECT name FROM filterlists_filterlist UNION ALL"
                    " SELECT notes FROM worktime_worktime) stored(name) GROUP BY name"
                ).fetchall()
            )
        )
        running = {
            row[0]
            for row in plain.execute("SELECT id FROM worktime_worktime WHERE ended_at IS NULL")
        }
    outcomes: Counter[str] = Counter()
    duplicated = lost = undone = 0
    for write in ledger.writes:
        outcomes[write.outcome] += 1
        if write.kind == "stop":
            lost += write.outcome == "accepted" and write.stored_id in running
            continue
        duplicated += found[write.name] > 1
        lost += write.outcome == "accepted" and not found[write.name]
        undone += write.outcome == "refused" and found[write.name] > 0
    refused = sum(1 for each in ledger.requests if not each.is_good)
    result.figures |= {
        "requests": len(ledger.requests),
        "refused requests": refused,
        "writes accepted": outcomes["accepted"],
        "writes refused": outcomes["refused"],
        "writes told unknown": outcomes["unknown"],
        "writes given up": outcomes["running"],
        "duplicated": duplicated,
        "lost": lost,
        "refused but applied": undone,
    }
    for name in ("duplicated", "lost", "refused but applied"):
        if result.figures[name]:
            result.broken.append(f"{result.figures[name]} writes {name}")
    for text, count in Counter(ledger.wrong).most_common(5):
        result.broken.append(f"{count} times {text}")


Struck = Sequence[tuple[faults.Fault, float, float]]


def _judge_sight(ledger: Ledger, struck: Struck, result: Result, *, forgives: bool) -> None:
    """Count who was shown an older state than they had been told of."""
    windows = [(began, mended + OWED_FOR) for _, began, mended in struck] if forgives else []
    excused = sum(any(a <= seen <= b for a, b in windows) for seen in ledger.outdated)
    result.figures |= {"outdated answers": len(ledger.outdated) - excused}
    if forgives:
        result.figures |= {"outdated while Redis was away (documented)": excused}
    if result.figures["outdated answers"]:
        result.broken.append(f"{result.figures['outdated answers']} outdated answers")


def _judge_times(ledger: Ledger, struck: Struck, result: Result) -> None:
    refused = [each for each in ledger.requests if not each.is_good]
    figures = result.figures
    figures["faults"] = len(struck)
    if struck and struck[0][0].seconds:
        starts = [began for _, began, _ in struck[1:]] + [float("inf")]
        figures["recovery s"] = max(
            (
                each.sent - mended
                for (_, _, mended), following in zip(struck, starts, strict=True)
                for each in refused
                if mended < each.sent and each.ended < following
            ),
            default=0.0,
        )
    figures["longest outage of a client s"] = _longest_outage(ledger.requests)
    for name, is_write in (("read", False), ("write", True)):
        times = [each.ended - each.sent for each in refused if each.is_write is is_write]
        figures[f"slowest refusal of a {name} s"] = max(times, default=0.0)
    figures["slowest write until accepted s"] = max(
        (each.accepted_at - each.asked_at for each in ledger.writes if each.accepted_at),
        default=0.0,
    )
    by_status: Mapping[str, int] = Counter(each.code or str(each.status) for each in refused)
    figures["refusals"] = ", ".join(f"{n} {code}" for code, n in sorted(by_status.items())) or "-"


def _longest_outage(requests: Sequence[Request]) -> float:
    """Return the longest time between one person's first and last of several refusals in a row."""
    since: dict[int, float] = {}
    longest = 0.0
    for each in sorted(requests, key=lambda request: request.ended):
        if each.is_good:
            since.pop(each.person, None)
        else:
            longest = max(longest, each.ended - since.setdefault(each.person, each.sent))
    return longest
