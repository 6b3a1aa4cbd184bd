"""`./run drill exhaust|exports|outage|redis|faults|limits|away`: break things, count the results.

People clock in and out, save filter lists (without a key, and without the constraint that would
stop a second one) and look, over HTTP. Exit code 1 if an invariant broke. The seed repeats the
order of faults and what people do, not the timing.
"""

import argparse
import contextlib
import random
import re
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.site import Site
from tests.drills import away, drill, limits

# Drills that share an app server.
SHARING: Final = ("exhaust", "exports", "outage", "redis", "faults")
# What is broken on purpose, and the words in which its drill must notice it (a pattern). Of a
# retry that does not ask chance decides whether it comes through twice or is given up.
SABOTAGE: Final = {
    "exhaust": ("gate", "backends"),
    "exports": ("stream", "an export had"),
    "outage": ("server", "writes lost"),
    "redis": ("cache", "outdated answers"),
    "faults": ("retry", "writes (duplicated|refused but applied)"),
    "away": ("cache", "was answered from what is not so"),
}


def main() -> int:
    """Run the drills that the command line names."""
    parser = argparse.ArgumentParser(prog="./run drill", description=__doc__)
    names = (*SABOTAGE, "limits")
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--exports", type=int, default=0, help="go on until so many were asked for")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--outage", type=float, default=5.0, help="seconds of one outage")
    parser.add_argument("--rest", type=float, default=2.5, help="seconds between two outages")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--logs", type=int, default=0, help="so much of the app server's log")
    parser.add_argument(
        "--sabotage",
        action="store_true",
        help="then once more with the part broken that each drill is about; it has to notice",
    )
    options = parser.parse_args()
    print(f"seed {options.seed}")
    # One more, who exports.
    people = max(options.clients, limits.PEOPLE * ("limits" in options.names)) + 1
    # Servers die here, not machines: what a killed server has written is there without fsync.
    with Site(people=people, postgres={"fsync": "off"}) as site:
        is_good = all_hold(site, options)
        if options.sabotage:
            is_good &= all_notice(site, options)
    return int(not is_good)


def all_hold(site: Site, options: argparse.Namespace) -> bool:
    """Run the drills; return whether no invariant broke."""
    drill.unguard(site.postgres)
    names = [name for name in options.names if name in SHARING]
    results = []
    if names:
        with drill.serving(site, options, proxied="faults" in names) as ground:
            for name in names:
                results.append(drill.run(ground, name, options))
                table(results[-1])
                say(results[-1])
    others = limits.run(site, options) if "limits" in options.names else []
    if "away" in options.names:
        others.append(away.run(site, options))
    for result in others:
        table(result)
    return not any(result.broken for result in results + others)


def all_notice(site: Site, options: argparse.Namespace) -> bool:
    """Run the drills with broken parts; return whether each noticed the one it is about."""
    names = [name for name in options.names if name in SHARING]
    parts = {SABOTAGE[name][0] for name in names}
    noticed = []
    with contextlib.ExitStack() as stack:
        if "server" in parts:
            stack.enter_context(drill.forgetful(site.postgres))
        if names:
            broken = ",".join(parts - {"server"})
            ground = stack.enter_context(
                drill.serving(site, options, proxied="faults" in names, broken=broken)
            )
        for name in names:
            noticed.append(has_noticed(name, drill.run(ground, name, options)))
    if "away" in options.names:
        noticed.append(has_noticed("away", away.run(site, options, SABOTAGE["away"][0])))
    return all(noticed)


def has_noticed(name: str, result: drill.Result) -> bool:
    """Print what came of a drill with a broken part; return whether it says so."""
    part, words = SABOTAGE[name]
    is_noticed = any(re.search(words, text) for text in result.broken)
    table(result)
    print(f"SABOTAGE: {name} {'noticed' if is_noticed else 'MISSED'} the bad {part}.")
    return is_noticed


def table(result: drill.Result) -> None:
    """Print the figures, and what broke."""
    table = Table(title=f"{result.name}, {result.seconds:.0f} s", show_header=False)
    for name, value in result.figures.items():
        table.add_row(name, f"{value:.2f}" if isinstance(value, float) else str(value))
    Console().print(table)
    for text in result.broken:
        print(f"BROKEN: {text}")


def say(result: drill.Result) -> None:
    """Print a verdict for who does not read figures."""
    figures = result.figures
    print(
        f"{figures['writes accepted']} writes were accepted: {figures['duplicated']} of them are"
        f" stored twice, {figures['lost']} are missing."
    )
    print(
        f"{figures['refused requests']} of {figures['requests']} requests were told to come back"
        f" later; nobody was without an answer for more than"
        f" {figures['longest outage of a client s']:.1f} s."
    )
    print(f"VERDICT: {'NOT SAFE, see above' if result.broken else 'nothing was lost or doubled'}.")


if __name__ == "__main__":
    sys.exit(main())
