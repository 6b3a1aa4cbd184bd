"""`./run drill limits`: the whole application within few connections, and never beyond its budget.

First 25 people with pages of ten parallel requests on 4 connections in all, with the threads as
shipped: nobody may be refused. Then 5 workers under 100 times ten requests: PostgreSQL may never
have seen more backends than the budget.
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Final

from tests.bench import load
from tests.bench.site import Site
from tests.drills.drill import Result, watched

FOUR: Final = {"DB_POOLS": "1", "DB_POOL_SIZE": "2", "DB_WRITE_RESERVE": "0"}
MANY: Final = {"WEB_WORKERS": "5"}
PEOPLE: Final = 100
BUDGET: Final = 50  # five workers with ten connections each


def run(site: Site, options: argparse.Namespace) -> list[Result]:
    """Run both on a site with PEOPLE or more."""
    few = storm(site, "25 people on 4 connections", FOUR, 4, people=25, think=1.0, options=options)
    if refused := few.figures["answers"] - few.figures["answered 200"]:
        few.broken.append(f"{refused} requests were refused")
    many = storm(
        site, "100 people, 5 workers", MANY, BUDGET, people=PEOPLE, think=0.0, options=options
    )
    return [few, many]


def storm(
    site: Site,
    name: str,
    settings: Mapping[str, str],
    budget: int,
    *,
    people: int,
    think: float,
    options: argparse.Namespace,
) -> Result:
    """Let people load pages; return what they and PostgreSQL saw."""
    with site.serving(settings) as port, watched(site.postgres) as backends:
        outcome = asyncio.run(
            load.storm(port, site.cookies[:people], seconds=options.seconds, think=think)
        )
    result = Result(name, options.seconds)
    result.figures |= {
        "answers": outcome.statuses.total(),
        "answered 200": outcome.statuses[200],
        "other answers": str(
            dict(Counter(outcome.statuses) - Counter({200: outcome.statuses[200]}))
        ),
        "page p95 s": outcome.page_p95(),
        "slowest page s": max(outcome.pages),
        "most backends": max(backends),
        "budget": budget,
    }
    if max(backends) > budget:
        result.broken.append(f"{max(backends)} backends, {budget} are allowed")
    return result
