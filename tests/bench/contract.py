"""Many requests made from the schema, good and bad ones, as admin and as member; links followed.

The program to `tests/api/test_contract.py`. Exit code 1 if an answer breaks the schema.
"""

import argparse
import logging
import random
from typing import Any

from rich.progress import track

from tests.bench.site import Site


def main(arguments: list[str]) -> int:
    """Explore and print what was wrong."""
    parser = argparse.ArgumentParser(prog="./run bench contract", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000, help="in all, of each person")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}")
    logging.disable()  # thousands of refusals are what is wanted here
    with Site():
        wrong = _explore(options)
    for text in wrong:
        print(text, end="\n\n")
    print(f"{len(wrong)} things wrong" if wrong else "All answers keep to the schema.")
    return 1 if wrong else 0


def _explore(options: argparse.Namespace) -> list[str]:
    from schemathesis import GenerationMode

    from tests.api.contract import explore, operations
    from tests.api.examples import follow_links
    from tests.api.world import make_world
    from tests.conftest import Api

    world = make_world("contract")
    every: Any = list(operations().values())
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    examples = max(1, options.examples // (len(every) * len(modes)))
    ids = {**world.ids, "organization": make_world("elsewhere").organization.id}
    succeeded, wrong = follow_links(
        Api(world.admin), ids, scenarios=options.examples // 20, seed=options.seed
    )
    print(f"{succeeded.total()} links led on, to {len(+succeeded)} operations.")
    return wrong + [
        f"as {who}: {text}"
        for operation in track(every, description=f"{examples} of each")
        for who in ("admin", "member")
        for mode in modes
        for text in explore(
            operation,
            mode,
            Api(getattr(world, who)),
            world.ids,
            examples=examples,
            seed=options.seed,
        )
    ]
