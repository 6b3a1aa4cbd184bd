"""What the backend costs, against Django's own with a persistent connection and with its pool.

    python -m tests.db.overhead --rounds 100

Starts a durable server of its own; the variants take turns in one process, medians are printed.
A throw-away comparison: the standing one is `python -m tests.bench overhead`.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import django
from django.conf import settings
from django.core.management import call_command

from config.dev.servers import Postgres

COUNTS = {"statement": 100, "get": 50, "50 rows": 20, "update": 25, "empty atomic": 400}


def configure(server: Postgres) -> None:
    """Point four aliases at one server; ours has one connection, as the others have."""
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
            "persistent": {**plain, "CONN_MAX_AGE": None},
            "django's pool": {**plain, "OPTIONS": {"pool": {"min_size": 1, "max_size": 1}}},
        },
    )
    django.setup()


def works() -> dict[str, Callable[[str], Any]]:
    """Return what is measured: functions of an alias."""
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

    def as_request(work: Callable[[str], Any]) -> Callable[[str], Any]:
        # Django's pool takes its connection back at the end of a request.
        def run(alias: str) -> None:
            work(alias)
            if alias == "django's pool":
                connections[alias].close()

        return run

    return {
        "statement": as_request(statement),
        "get": as_request(lambda alias: ContentType.objects.using(alias).get(pk=key)),
        "50 rows": as_request(lambda alias: list(ContentType.objects.using(alias)[:50])),
        "update": as_request(update),
        "empty atomic": as_request(empty),
    }


def seconds(work: Callable[[str], Any], alias: str, count: int) -> float:
    """Return how long one run takes, over `count`."""
    began = perf_counter()
    for _ in range(count):
        work(alias)
    return (perf_counter() - began) / count


def measure(rounds: int) -> None:
    """Print a table."""
    from django.db import connections

    from config.db.connection import IDENTIFY, Connection
    from config.db.intent import Intent, use

    aliases = ["default", "persistent", "django's pool"]
    print(f"{'':14}" + "".join(f"{alias:>16}" for alias in aliases) + "   ours : persistent")
    measured = works()
    for name, work in measured.items():
        times: dict[str, list[float]] = {alias: [] for alias in aliases}
        for n in range(rounds + 3):
            for alias in aliases:
                taken = seconds(work, alias, COUNTS[name])
                if n >= 3:
                    times[alias].append(taken)
        medians = [median(times[alias]) for alias in aliases]
        cells = "".join(f"{value * 1e6:13.1f} µs" for value in medians)
        print(f"{name:14}{cells}   {medians[0] / medians[1]:.3f}")
    # The same transaction with and without noting its id: what exactly-once costs.
    db: Any = connections["default"]
    recorded = db._begin[Intent.WRITE]
    plain = recorded.removesuffix(b"; " + IDENTIFY)
    both: dict[bytes, list[float]] = {recorded: [], plain: []}
    with use(Intent.WRITE), patch.object(Connection, "identify", lambda self: None):
        for _ in range(rounds * 2):
            for begin, taken_all in both.items():
                db._begin[Intent.WRITE] = begin
                taken_all.append(seconds(measured["update"], "default", COUNTS["update"]))
    print(f"recording the transaction's id: {median(both[recorded]) / median(both[plain]):.3f}")


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.db.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="overhead-"))
    try:
        with Postgres(folder) as server:
            configure(server)
            call_command("migrate", verbosity=0)
            measure(options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
