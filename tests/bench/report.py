"""Shows a benchmark's figures: a table with ratios to its first row, and JSON under var/bench/."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from config.dev import environment

LIBRARIES = ("django", "psycopg", "granian", "djangorestframework")


def show(name: str, options: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print the rows; each figure stands beside its ratio to the first row's."""
    table = Table(title=name)
    for column in rows[0]:
        table.add_column(column, justify="left" if column == "variant" else "right")
    for row in rows:
        table.add_row(*(_cell(value, rows[0][column]) for column, value in row.items()))
    Console().print(table)
    folder = environment.var_dir() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(
        json.dumps(
            {
                "name": name,
                "options": dict(options),
                "machine": {"cores": os.cpu_count(), "system": platform.platform()},
                "versions": {
                    "python": sys.version.split()[0],
                    **{library: version(library) for library in LIBRARIES},
                },
                "rows": [dict(row) for row in rows],
            },
            indent=2,
        )
    )
    print(f"Written to {path}")


def _cell(value: Any, first: Any) -> str:
    if isinstance(value, str):
        return value
    ratio = f" ({value / first:.2f}x)" if first else ""
    return f"{value:.3g}{ratio}"
