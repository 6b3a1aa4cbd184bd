"""Shows a benchmark's figures: a table, the aims, and JSON and a web page under var/bench/."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

from config.dev import environment

# Taken when this is loaded: a benchmark's site has a folder of its own later.
FOLDER = environment.var_dir() / "bench"
LIBRARIES = ("django", "psycopg", "granian", "djangorestframework")
MOST_COLUMNS = 9
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}
td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ccc}
td:first-child,th:first-child{text-align:left}svg text{font:13px system-ui,sans-serif}
.yes{color:#17692c}.no{color:#a3180b}"""


@dataclass(frozen=True)
class Aim:
    """What a figure should be: at least or at most `bound`."""

    text: str
    value: float
    bound: float
    at_least: bool = False

    @property
    def is_met(self) -> bool:
        """Whether it is; something that could not be measured is not."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        side = "at least" if self.at_least else "at most"
        verdict = "met" if self.is_met else "NOT MET"
        return f"{verdict}: {self.text}: {self.value:.3g} (aim: {side} {self.bound:g})"


def show(
    name: str,
    options: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    aims: Sequence[Aim] = (),
    why: str = "",
) -> None:
    """Print the rows, whether the aims are met and `why` not; write all down.

    Each figure stands beside its ratio to the first row's.
    """
    Console(width=max(Console().width, 120)).print(_table(name, rows))
    for aim in aims:
        print(aim)
    if why:
        print(why)
    record = {
        "name": name,
        "options": dict(options),
        "machine": {"cores": os.cpu_count(), "system": platform.platform()},
        "versions": {
            "python": sys.version.split()[0],
            **{library: version(library) for library in LIBRARIES},
        },
        "rows": [dict(row) for row in rows],
        "aims": [{**vars(aim), "is_met": aim.is_met} for aim in aims],
        "why": why,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(record, indent=2))
    page = path.with_suffix(".html")
    page.write_text(_page(record, rows, aims))
    print(f"Written to {path} and {page.name}")


def _table(name: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    header, *lines = _lines(rows)
    table = Table(title=name)
    for number, text in enumerate(header):
        table.add_column(text, justify="right" if number else "left")
    for line in lines:
        table.add_row(*line)
    return table


def _lines(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a header and a line for each variant, or one for each figure where they are many."""
    figures = [
        (column, *(_cell(row[column], rows[0][column]) for row in rows)) for column in rows[0]
    ]
    return figures if len(figures) > MOST_COLUMNS else [*zip(*figures, strict=True)]


def _cell(value: Any, first: Any) -> str:
    if isinstance(value, str):
        return value
    ratio = f" ({value / first:.2f}x)" if first else ""
    return f"{value:.3g}{ratio}"


def _page(record: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], aims: Sequence[Aim]) -> str:
    name = escape(record["name"])
    header, *table = _lines(rows)
    lines = [f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>']
    lines.append(f"<style>{STYLE}</style><h1>{name}</h1><ul>")
    for aim in aims:
        lines.append(f'<li class="{"yes" if aim.is_met else "no"}">{escape(str(aim))}</li>')
    lines.append(
        f"</ul><p>{escape(record['why'])}</p><table><tr>"
        + "".join(f"<th>{escape(each)}</th>" for each in header)
    )
    for line in table:
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line))
    lines.append("</table>")
    for column in rows[0]:
        values = {str(row["variant"]): row[column] for row in rows}
        if all(isinstance(value, int | float) for value in values.values()):
            lines.append(f"<h2>{escape(column)}</h2>{_bars(values)}")
    about = {each: record[each] for each in ("options", "machine", "versions")}
    lines.append(f"<h2>Measured with</h2><pre>{escape(json.dumps(about, indent=2))}</pre></html>")
    return "\n".join(lines)


def _bars(values: Mapping[str, float]) -> str:
    """Return a bar chart; what is not a number has no bar."""
    height = 26
    known = [value for value in values.values() if value == value]
    longest = max(known, default=0.0) or 1.0
    parts = [f'<svg viewBox="0 0 900 {height * len(values)}" role="img">']
    for number, (label, value) in enumerate(values.items()):
        y = number * height
        width = 450 * value / longest if value == value else 0
        parts.append(
            f'<text x="340" y="{y + 17}" text-anchor="end">{escape(label)}</text>'
            f'<rect x="350" y="{y + 4}" width="{width:.1f}" height="{height - 8}" fill="#2b6cb0"/>'
            f'<text x="{356 + width:.1f}" y="{y + 17}">{value:.3g}</text>'
        )
    return "".join(parts) + "</svg>"
