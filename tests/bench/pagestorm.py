"""People load a page of ten parallel requests and think: this backend beside others.

All app servers run at once and take turns under load, so that a busy machine slows all of them.
"Cold" means that Redis is emptied many times a second, so that all pages are made from rows.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis
from rich.progress import Progress

from tests.bench import bouncer, load, report
from tests.bench.site import Site
from tests.bench.turns import QUICK_TIMEOUT, rounds

CONNECTIONS: Final = 10
EMPTIED_EVERY: Final = 0.05
OURS: Final = "this backend, 10"


@dataclass(frozen=True)
class Variant:
    """An app server, and the load on it."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_cold: bool = True
    share: float = 1.0  # of the people
    bounced: bool = False


def ours(
    name: str, connections: int, pools: int, *, read_timeout: float = 0.1, **kwargs: Any
) -> Variant:
    """Return this backend with so many connections over both workers, and pools in each."""
    each = connections // 2
    settings = {
        "DB_POOLS": str(pools),
        "DB_POOL_SIZE": str(each // pools),
        "DB_WRITE_RESERVE": "1" if each > 2 else "0",
        "DB_READ_TIMEOUT": str(read_timeout),
    }
    return Variant(name, settings, **kwargs)


def stock(name: str, kind: str, connections: int = 0, **kwargs: Any) -> Variant:
    """Return Django's backend."""
    size = {"BENCH_POOL_SIZE": str(connections // 2)} if connections else {}
    return Variant(name, {"BENCH_DATABASE": kind, **size}, **kwargs)


QUICK: Final = (
    ours(OURS, CONNECTIONS, 5),
    stock("Django's pool, 10", "pool", CONNECTIONS),
    stock("reads retried, 10", "retrying", CONNECTIONS),
    stock("Django's pool, 64", "pool", 64),
    stock("PgBouncer, 10", "age0", bounced=True),
    ours("this backend, 10, warm", CONNECTIONS, 5, is_cold=False),
    stock("Django's pool, 10, warm", "pool", CONNECTIONS, is_cold=False),
    ours("this backend, 10, half load", CONNECTIONS, 5, share=0.5),
)
FULL: Final = (
    *QUICK,
    ours(f"{OURS}, half load, no wait", CONNECTIONS, 5, share=0.5, read_timeout=0.0),
    ours("this backend, 10 in 1 pool a worker", CONNECTIONS, 1),
    stock("reads retried, 10, warm", "retrying", CONNECTIONS, is_cold=False),
    stock("CONN_MAX_AGE 0", "age0"),
    stock("CONN_MAX_AGE 60", "age60"),
)


def main(arguments: list[str]) -> int:
    """Run the benchmark; return 0 whether the aims are met or not."""
    parser = argparse.ArgumentParser(prog="./run bench pagestorm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within three minutes")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--threads", type=int, default=32, help="of each of the two workers")
    parser.add_argument("--other-work", type=float, default=0.1, help="seconds a request")
    parser.add_argument("--seconds", type=float, help="a turn of a variant; 10, or 3 if quick")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    options.seconds = options.seconds or (3.0 if options.quick else 10.0)
    variants = [
        variant
        for variant in (QUICK if options.quick else FULL)
        if not variant.bounced or bouncer.program()
    ]
    outcomes = _measure(variants, options)
    rows = {name: _row(name, rounds) for name, rounds in outcomes.items()}
    report.show("pagestorm", vars(options), list(rows.values()), _aims(rows), _why(rows))
    return 0


def _measure(
    variants: Sequence[Variant], options: argparse.Namespace
) -> dict[str, list[load.Outcome]]:
    outcomes: dict[str, list[load.Outcome]] = {variant.name: [] for variant in variants}
    until = time.monotonic() + QUICK_TIMEOUT if options.quick else None
    with contextlib.ExitStack() as stack:
        site = stack.enter_context(Site(people=options.users, postgres={"max_connections": "400"}))
        progress = stack.enter_context(Progress())
        task = progress.add_task("", total=(options.rounds + 1) * len(variants))
        ports: dict[tuple[object, ...], int] = {}
        for variant in variants:
            key = (*sorted(variant.settings.items()), variant.bounced)
            progress.update(task, description=f"starting {variant.name}")
            if key not in ports:
                url = None
                if variant.bounced:
                    url = stack.enter_context(
                        bouncer.bouncing(site.postgres, site.folder / "bounce", size=CONNECTIONS)
                    )
                ports[key] = stack.enter_context(
                    site.serving(
                        {
                            "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
                            "BENCH_OTHER_WORK": str(options.other_work),
                            "WEB_THREADS": str(options.threads),
                            **variant.settings,
                        },
                        database_url=url,
                    )
                )
            progress.advance(task)
        for number in rounds(options.rounds, until=until):
            for variant in variants:
                progress.update(task, description=f"round {number + 1}: {variant.name}")
                port = ports[(*sorted(variant.settings.items()), variant.bounced)]
                people = site.cookies[: max(1, int(variant.share * options.users))]
                outcomes[variant.name].append(
                    asyncio.run(_storm(site, port, people, options.seconds, variant.is_cold))
                )
                progress.advance(task)
    return outcomes


async def _storm(
    site: Site, port: int, people: Sequence[str], seconds: float, is_cold: bool
) -> load.Outcome:
    async def empty() -> None:
        with redis.Redis.from_url(site.valkey.url()) as client:
            while True:
                client.flushall()
                await asyncio.sleep(EMPTIED_EVERY)

    emptying = asyncio.create_task(empty()) if is_cold else None
    try:
        return await load.storm(port, people, seconds=seconds, warm_up=1.5, think=1.0)
    finally:
        if emptying:
            emptying.cancel()
        time.sleep(0.3)  # what is under way ends before the next variant's turn


def _row(name: str, outcomes: list[load.Outcome]) -> dict[str, Any]:
    return {
        "variant": name,
        "rounds": len(outcomes),
        "ok requests/s": statistics.median(each.ok_per_second for each in outcomes),
        "page p95 s": statistics.median(each.page_p95() for each in outcomes),
        "pages/s complete": statistics.median(e.complete_pages / e.seconds for e in outcomes),
        "refused %": 100 * statistics.median(each.refused for each in outcomes),
    }


def _why(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """Say how far any number of connections could lead."""
    cold = {name: row["ok requests/s"] for name, row in rows.items() if "warm" not in name}
    best = max(cold, key=lambda name: cold[name])
    beside = cold[best] / cold["Django's pool, 10"]
    return (
        f"Cold, nothing answered more often than “{best}”, {beside:.2f} times Django's pool with"
        " as many connections: from there on the limit is the processor, which makes each page"
        " from rows, and not the connections."
    )


def _aims(rows: Mapping[str, Mapping[str, Any]]) -> list[report.Aim]:
    def ratio(column: str, one: str, other: str) -> float:
        below = rows[other][column]
        return float(rows[one][column] / below) if below else float("nan")

    ok, page = "ok requests/s", "page p95 s"
    beside = [
        aim
        for cache in ("", ", warm")
        for aim in (
            report.Aim(
                f"answers against Django's pool with as many connections{cache}",
                ratio(ok, f"{OURS}{cache}", f"Django's pool, 10{cache}"),
                2.5,
                at_least=True,
            ),
            report.Aim(
                f"page p95 against Django's pool with as many connections{cache}",
                ratio(page, f"{OURS}{cache}", f"Django's pool, 10{cache}"),
                0.5,
            ),
        )
    ]
    return [
        *beside,
        report.Aim("page p95 against reads retried", ratio(page, OURS, "reads retried, 10"), 0.4),
        report.Aim(
            "answers with 10 connections against Django's pool with 64",
            ratio(ok, OURS, "Django's pool, 64"),
            1.0,
            at_least=True,
        ),
        report.Aim("% refused at half load", float(rows[f"{OURS}, half load"]["refused %"]), 0.5),
    ]
