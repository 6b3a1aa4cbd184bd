"""The benchmarks' settings with writes that promise less, by BENCH_WRITES.

`unnoted` writes do not note their transaction's id, so a COMMIT whose answer is lost could not be
asked about; `atomic` ones are Django's plain `atomic`, with one attempt. `unconfirmed` ones do not
confirm the rights of their caller before COMMIT.
"""

import os
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig

from config import settings as product
from tests.bench import plain

globals().update({name: getattr(plain, name) for name in dir(plain) if name.isupper()})

INSTALLED_APPS = [*product.INSTALLED_APPS, "tests.bench.unsafe.Unsafe"]


class Unsafe(AppConfig):
    """Takes the promises away once everything is loaded."""

    name = "tests.bench"
    label = "bench"

    def ready(self) -> None:
        """Replace the parts."""
        from accounts import rights
        from config.db import connection, pooled, retry
        from config.db.intent import Intent, use

        promises = os.environ["BENCH_WRITES"]
        if promises == "unconfirmed":
            rights.confirm = lambda: None
            return
        # Nothing stands behind BEGIN then, and before COMMIT nothing is asked.
        pooled.IDENTIFY = b""  # type: ignore[attr-defined]
        connection.Connection.identify = lambda self: None  # type: ignore[method-assign]

        def run(db: Any, function: Callable[[], Any], name: str) -> Any:
            with use(Intent.WRITE, label=name), retry._Owned():
                return function()

        if promises == "atomic":
            retry._run = run
