"""`pagestorm`: people load a page of ten parallel requests, this backend beside others."""

import argparse
import asyncio
import statistics
from dataclasses import dataclass, field
from typing import Any, Final

from rich.progress import Progress

from tests.bench import load, report
from tests.bench.site import Site

CONNECTIONS: Final = 10
OURS: Final = "this backend, {} connections"


@dataclass(frozen=True)
class Variant:
    """A way to run the app server."""

    name: str
    settings: dict[str, str] = field(hash=False)


def ours(connections: int, *, pools: int = 1) -> Variant:
    """Return this backend with so many connections over both workers."""
    each = connections // 2
    return Variant(
        f"this backend, {connections} connections in {2 * pools} pools",
        {
            "DB_POOLS": str(pools),
            "DB_POOL_SIZE": str(each // pools),
            "DB_WRITE_RESERVE": "1" if each > 2 else "0",
        },
    )


def stock(name: str, kind: str, connections: int = 0) -> Variant:
    """Return Django's backend."""
    size = {"BENCH_POOL_SIZE": str(connections // 2)} if connections else {}
    return Variant(name, {"BENCH_DATABASE": kind, **size})


VARIANTS: Final = (
    ours(CONNECTIONS, pools=5),
    ours(CONNECTIONS),
    stock(f"Django's pool, {CONNECTIONS} connections", "pool", CONNECTIONS),
    stock(f"reads retried, {CONNECTIONS} connections", "retrying", CONNECTIONS),
    stock("Django's pool, 64 connections", "pool", 64),
    stock("CONN_MAX_AGE 0", "age0"),
    stock("CONN_MAX_AGE 60", "age60"),
)
QUICK: Final = (VARIANTS[0], VARIANTS[2], VARIANTS[3])


def main(arguments: list[str]) -> int:
    """Run the benchmark; return 0."""
    parser = argparse.ArgumentParser(prog="bench pagestorm", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within three minutes")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--other-work", type=float, default=0.1, help="seconds a request")
    parser.add_argument("--seconds", type=float, default=10.0, help="a round of a variant")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    variants = QUICK if options.quick else VARIANTS
    rounds: dict[str, list[load.Outcome]] = {variant.name: [] for variant in variants}
    with Site(people=options.users) as site, Progress() as progress:
        task = progress.add_task("", total=options.rounds * len(variants))
        for number in range(options.rounds):
            for variant in variants:
                progress.update(task, description=f"round {number + 1}: {variant.name}")
                settings = {
                    "DJANGO_SETTINGS_MODULE": "tests.bench.settings",
                    "BENCH_OTHER_WORK": str(options.other_work),
                    "WEB_THREADS": "64",
                    **variant.settings,
                }
                with site.serving(settings) as port:
                    storm = load.storm(
                        port, site.cookies, seconds=options.seconds, warm_up=2.0, think=1.0
                    )
                    rounds[variant.name].append(asyncio.run(storm))
                progress.advance(task)
    report.show("pagestorm", vars(options), [_row(*item) for item in rounds.items()])
    return 0


def _row(name: str, outcomes: list[load.Outcome]) -> dict[str, Any]:
    return {
        "variant": name,
        "ok requests/s": statistics.median(each.ok_per_second for each in outcomes),
        "page p95 s": statistics.median(each.page_p95() for each in outcomes),
        "pages/s complete": statistics.median(e.complete_pages / e.seconds for e in outcomes),
        "refused %": 100 * statistics.median(each.refused for each in outcomes),
    }
