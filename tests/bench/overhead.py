"""What the backend adds to a statement, against Django's own with a persistent connection and pool.

No HTTP: in one process, on a durable server and one processor, with one connection each. The
variants take turns of a few milliseconds, and so do transactions with and without noting their ids,
which is what applying a write exactly once costs. In the end all connections are held, and what is
measured is how soon a read that does not wait is refused.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from threading import Event, Thread
from time import monotonic, perf_counter
from typing import Any, Final
from unittest.mock import patch

from rich.progress import Progress

from config.dev.servers import Postgres
from tests.bench import report
from tests.bench.turns import QUICK_TIMEOUT, rounds

# How often each runs in a turn.
COUNTS: Final = {"statement": 100, "ORM get": 50, "50 rows": 20, "update": 25, "empty atomic": 400}
OURS: Final = "this backend"
POOL: Final = "Django's pool"
# By what is compared with: the first is what others are a multiple of.
ALIASES: Final = {"persistent connection": "persistent", OURS: "default", POOL: "pool"}
WARM_UP: Final = 3
REFUSALS: Final = 2000

Work = Callable[[str], Any]  # of an alias


def main(arguments: list[str]) -> int:
    """Measure and print; return 0 whether the aims are met or not."""
    parser = argparse.ArgumentParser(prog="./run bench overhead", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="30 rounds, within three minutes")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args(arguments)
    until = monotonic() + QUICK_TIMEOUT if options.quick else None
    if hasattr(os, "sched_setaffinity"):
        # Client and server take turns anyway. On two processors each has to wake the other's, which
        # takes longer than what is looked for, and more or less long by chance.
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    options.rounds = min(30, options.rounds) if options.quick else options.rounds
    folder = Path(tempfile.mkdtemp(prefix="overhead-"))
    try:
        with Postgres(folder) as server:
            _configure(server)
            with Progress() as progress:
                rows, ids = _measure(options.rounds, until, progress)
            refusals = _refusals()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    persistent, ours = rows[0], rows[1]
    get, empty = "ORM get µs", "empty atomic µs"
    report.show(
        "overhead",
        vars(options),
        rows,
        [
            report.Aim("an ORM get", ours[get] / persistent[get], 1.1),
            report.Aim("an empty atomic", ours[empty] / persistent[empty], 0.5),
        ],
    )
    report.show(
        "overhead-ids",
        vars(options),
        ids,
        [
            report.Aim(
                "noting the transaction's id", ids[1]["update µs"] / ids[0]["update µs"], 1.05
            )
        ],
    )
    report.show(
        "overhead-refusals",
        vars(options),
        [{"variant": "an ORM get", "median ms": median(refusals), "worst ms": max(refusals)}],
        [report.Aim("a refusal without waiting, the worst, ms", max(refusals), 5.0)],
    )
    return 0


def _configure(server: Postgres) -> None:
    """Point the aliases at one server; ours has one connection, as the others have."""
    import django
    from django.conf import settings
    from django.core.management import call_command

    params = server.params()
    plain = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": params["dbname"],
        "USER": params["user"],
        "HOST": params["host"],
        "PORT": params["port"],
    }
    one = {"pools": 1, "pool_size": 1, "write_reserve": 0}
    settings.configure(
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={
            "default": {**plain, "ENGINE": "config.db", "OPTIONS": {"pool": one}},
            "strict": {
                **plain,
                "ENGINE": "config.db",
                "OPTIONS": {"pool": {**one, "read_timeout": 0.0}},
            },
            "persistent": {**plain, "CONN_MAX_AGE": None},
            "pool": {**plain, "OPTIONS": {"pool": {"min_size": 1, "max_size": 1}}},
        },
    )
    django.setup()
    call_command("migrate", verbosity=0)


def _works() -> dict[str, Work]:
    from django.contrib.contenttypes.models import ContentType
    from django.db import connections, transaction

    ContentType.objects.bulk_create(ContentType(app_label="x", model=str(n)) for n in range(60))
    key = ContentType.objects.first().pk  # type: ignore[union-attr]

    def statement(alias: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()

    def update(alias: str) -> None:
        with transaction.atomic(using=alias):
            ContentType.objects.using(alias).filter(pk=key).update(app_label="y")

    def empty(alias: str) -> None:
        with transaction.atomic(using=alias):
            pass

    def as_request(work: Work) -> Work:
        # Django's pool takes its connection back at the end of a request.
        def run(alias: str) -> None:
            work(alias)
            if alias == "pool":
                connections[alias].close()

        return run

    return {
        "statement": as_request(statement),
        "ORM get": as_request(lambda alias: ContentType.objects.using(alias).get(pk=key)),
        "50 rows": as_request(lambda alias: list(ContentType.objects.using(alias)[:50])),
        "update": as_request(update),
        "empty atomic": as_request(empty),
    }


def _measure(
    count: int, until: float | None, progress: Progress
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    works = _works()
    times: dict[tuple[str, str], list[float]] = {}
    noted: dict[str, list[float]] = {"not noted": [], "noted": []}
    task = progress.add_task("taking turns", total=count)
    for number in rounds(WARM_UP + count, until=until):
        for name, work in works.items():
            for variant, alias in ALIASES.items():
                taken = _seconds(work, alias, COUNTS[name])
                if number >= WARM_UP:
                    times.setdefault((variant, name), []).append(taken)
        for variant, taken_all in noted.items():
            with _noting(variant == "noted"):
                # Twice as many: the difference is small.
                taken = _seconds(works["update"], "default", 2 * COUNTS["update"])
            if number >= WARM_UP:
                taken_all.append(taken)
        progress.update(task, completed=number + 1 - WARM_UP)
    rows = [
        {
            "variant": variant,
            **{f"{name} µs": 1e6 * median(times[variant, name]) for name in works},
        }
        for variant in ALIASES
    ]
    ids = [{"variant": name, "update µs": 1e6 * median(each)} for name, each in noted.items()]
    return rows, ids


def _seconds(work: Work, alias: str, count: int) -> float:
    """Return how long one run takes, over `count`."""
    began = perf_counter()
    for _ in range(count):
        work(alias)
    return (perf_counter() - began) / count


def _refusals() -> list[float]:
    """Return how long reads in strict mode take to be refused, in milliseconds."""
    from django.contrib.contenttypes.models import ContentType
    from django.db import connections

    from config.db.errors import PoolExhausted

    strict: Any = connections["strict"]
    is_held, is_over = Event(), Event()

    def hold() -> None:
        with strict.copy().pinned():
            is_held.set()
            is_over.wait()

    holder = Thread(target=hold)
    holder.start()
    is_held.wait()
    times = []
    for _ in range(REFUSALS):
        began = perf_counter()
        try:
            ContentType.objects.using("strict").get(pk=1)
        except PoolExhausted:
            times.append(1000 * (perf_counter() - began))
    is_over.set()
    holder.join()
    assert len(times) == REFUSALS
    return times


@contextmanager
def _noting(is_noted: bool) -> Iterator[None]:
    """Run writes that note their transaction's id, as they do, or that do not."""
    from django.db import connections

    from config.db.connection import IDENTIFY, Connection
    from config.db.intent import Intent, use

    begin: dict[Intent, bytes] = connections["default"]._begin  # type: ignore[attr-defined]
    recorded = begin[Intent.WRITE]
    with use(Intent.WRITE):
        if is_noted:
            yield
            return
        begin[Intent.WRITE] = recorded.removesuffix(b"; " + IDENTIFY)
        try:
            with patch.object(Connection, "identify", lambda self: None):
                yield
        finally:
            begin[Intent.WRITE] = recorded
