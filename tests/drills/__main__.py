"""`./run drill exhaust|outage|redis|faults|limits|away`: break things and count what came of it.

People clock in and out, save filter lists (without a key, and without the constraint that would
stop a second one) and look, over HTTP. Exit code 1 if an invariant broke. The seed repeats the
order of faults and what people do, not the timing.
"""

import argparse
import random
import sys
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.site import Site
from tests.drills import away, drill, limits

NAMES: Final = ("exhaust", "outage", "redis", "faults")
FORGETFUL: Final = "server"
SABOTAGE: Final = {
    "exhaust": "gate",
    "outage": FORGETFUL,
    "redis": "cache",
    "faults": "retry",
    "away": "cache",
}


def main() -> int:
    """Run the drills that the command line names."""
    parser = argparse.ArgumentParser(prog="./run drill", description=__doc__)
    names = (*NAMES, "limits", "away")
    parser.add_argument("names", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--outage", type=float, default=5.0, help="seconds of one outage")
    parser.add_argument("--rest", type=float, default=2.5, help="seconds between two outages")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--logs", type=int, default=0, help="so much of the app server's log")
    parser.add_argument(
        "--sabotage",
        action="store_true",
        help="break the part that each drill is about; exit code 0 if every drill notices",
    )
    options = parser.parse_args()
    print(f"seed {options.seed}")
    results = []
    with Site(people=max(options.clients, 100)) as site:
        drill.unguard(site.postgres)
        for name in options.names:
            if name == "limits":
                results += limits.run(site, options)
                for result in results[-2:]:
                    table(result)
                continue
            part = SABOTAGE[name] if options.sabotage else ""
            if name == "away":
                results.append(away.run(site, options, part))
                table(results[-1])
                continue
            if part == FORGETFUL:
                with drill.forgetful(site.postgres):
                    results.append(drill.run(site, name, options))
            else:
                results.append(drill.run(site, name, options, part))
            table(results[-1])
            say(results[-1])
    noticed = [bool(result.broken) for result in results]
    return int(not all(noticed) if options.sabotage else any(noticed))


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
