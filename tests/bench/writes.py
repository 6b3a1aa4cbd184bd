"""What it costs to apply a write exactly once: people clock in and out as fast as they can.

All app servers run at once, with one worker each, and take turns under load. All requests have an
Idempotency-Key, but for those of one variant. Ratios are
medians of those of each round; those of processor time hardly change on a busy machine.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import uuid4

import psycopg
from rich.progress import Progress

from tests.bench import report
from tests.bench.children import processor_time
from tests.bench.load import Client
from tests.bench.site import Site
from tests.bench.turns import QUICK_TIMEOUT, rounds

TOKEN: Final = "t" * 32
ATOMIC: Final = "plain atomic"
OURS: Final = "exactly once"
UNCONFIRMED: Final = "exactly once, rights not confirmed"


@dataclass(frozen=True)
class Variant:
    """An app server, and whether requests have keys; `promises` is BENCH_WRITES."""

    name: str
    promises: str = ""
    is_keyed: bool = True


VARIANTS: Final = (
    Variant(ATOMIC, "atomic"),
    Variant("@write, ids not noted", "unnoted"),
    Variant(OURS),
    Variant(UNCONFIRMED, "unconfirmed"),
    Variant("exactly once, no keys", is_keyed=False),
)


def main(arguments: list[str]) -> int:
    """Measure and print; return 0 whether the aim is met or not."""
    parser = argparse.ArgumentParser(prog="./run bench writes", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="within three minutes")
    parser.add_argument("--clients", type=int, default=4, help="people at a time")
    parser.add_argument("--seconds", type=float, default=1.5, help="a turn of a variant")
    parser.add_argument("--rounds", type=int, default=40, help="fewer if quick")
    options = parser.parse_args(arguments)
    until = time.monotonic() + QUICK_TIMEOUT if options.quick else None
    turns = _measure(options, until)
    rows = [
        {
            "variant": name,
            "rounds": str(len(each)),
            "ms a write": 1000 * statistics.median(turn.seconds for turn in each),
            "ratio": f"{_ratio(each, turns[ATOMIC], 'seconds'):.2f}",
            "CPU ms": 1000 * statistics.median(turn.processor_time for turn in each),
            "ratio of CPU": f"{_ratio(each, turns[ATOMIC], 'processor_time'):.2f}",
        }
        for name, each in turns.items()
    ]
    aims = [
        report.Aim(
            f"{claim}: {name}",
            _ratio(turns[OURS], turns[other], what),
            1.03,
        )
        for claim, other in (
            ("a write applied exactly once, against a plain atomic", ATOMIC),
            ("with the caller's rights confirmed, against without", UNCONFIRMED),
        )
        for name, what in (("time", "seconds"), ("CPU", "processor_time"))
    ]
    report.show("writes", vars(options), rows, aims)
    return 0


@dataclass(frozen=True)
class Turn:
    """What a write took, on average: seconds until the answer, and all servers' computing."""

    seconds: float
    processor_time: float


def _ratio(these: Sequence[Turn], those: Sequence[Turn], what: str) -> float:
    """Return the median of the rounds' ratios."""
    pairs = zip(these, those, strict=True)
    return float(statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs))


def _measure(options: argparse.Namespace, until: float | None) -> dict[str, list[Turn]]:
    turns: dict[str, list[Turn]] = {variant.name: [] for variant in VARIANTS}
    with (
        Site(people=options.clients) as site,
        contextlib.ExitStack() as stack,
        Progress() as progress,
    ):
        task = progress.add_task("starting", total=options.rounds * len(VARIANTS))
        # One for each, also where two are alike: who has had a turn just now is quicker.
        ports: Mapping[str, int] = {
            variant.name: stack.enter_context(site.serving(_settings(variant.promises)))
            for variant in VARIANTS
        }
        for number in rounds(options.rounds, until=until):
            # Who comes first takes turns too.
            for variant in VARIANTS if number % 2 else reversed(VARIANTS):
                progress.update(task, description=f"round {number + 1}: {variant.name}")
                _forget_records(site)
                people = [Person(ports[variant.name], each) for each in site.cookies]
                turn = asyncio.run(_storm(people, options.seconds, is_keyed=variant.is_keyed))
                turns[variant.name].append(turn)
                progress.advance(task)
    return turns


def _settings(promises: str) -> dict[str, str]:
    settings = {"WEB_WORKERS": "1"}
    if promises:
        settings |= {"DJANGO_SETTINGS_MODULE": "tests.bench.unsafe", "BENCH_WRITES": promises}
    return settings


def _forget_records(site: Site) -> None:
    """Have nothing run, and as many records as in any other turn."""
    with psycopg.connect(**site.postgres.params(), autocommit=True) as plain:
        plain.execute(
            "DELETE FROM worktime_worktime USING accounts_user"
            " WHERE accounts_user.id = user_id AND username LIKE 'bench-%'"
        )


class Person:
    """Somebody who clocks in and out."""

    def __init__(self, port: int, cookie: str) -> None:
        self._client = Client(port, f"{cookie}; csrftoken={TOKEN}")

    async def live(self, until: float, *, is_keyed: bool) -> int:
        """Write one after the other; return how many writes that were."""
        headers = {"X-CSRFToken": TOKEN, "Content-Type": "application/json"}
        for number in count(1):
            path, expected = (("stop", 200), ("start", 201))[number % 2]
            if is_keyed:
                headers["Idempotency-Key"] = str(uuid4())
            answer = await self._client.ask("POST", f"/api/worktime/{path}/", headers, b"{}")
            assert answer.status == expected, answer
            if time.monotonic() >= until:
                break
        self._client.close()
        return number


async def _storm(people: Sequence[Person], seconds: float, *, is_keyed: bool) -> Turn:
    began, computed = time.monotonic(), processor_time()
    written = await asyncio.gather(
        *(each.live(began + seconds, is_keyed=is_keyed) for each in people)
    )
    return Turn(
        seconds=len(people) * (time.monotonic() - began) / sum(written),
        processor_time=(processor_time() - computed) / sum(written),
    )
