"""Says in words what a filter means to who asks, now."""

import json
from collections.abc import Iterator
from typing import Any

from config.api.tables import values
from config.api.tables.asker import Asker
from config.api.tables.column import Column
from config.api.tables.columns import Ordered, Reference
from config.api.tables.filters import Condition, Filter


def explain(wanted: Filter, asker: Asker) -> Iterator[str]:
    """Yield a line for each condition, with what relative values stand for."""
    if not wanted.conditions:
        yield "everything that may be seen"
    for number, group in enumerate(wanted.groups() if wanted.conditions else ()):
        for position, condition in enumerate(group):
            connector = "AND " if position else "OR " if number else ""
            yield f"{connector}{_condition(condition, asker)}"


def _condition(condition: Condition, asker: Asker) -> str:
    head = f"{condition.column.name} {condition.operator}"
    if not condition.parsed:
        return head
    given = condition.given if isinstance(condition.given, list) else [condition.given]
    meanings = [
        _meaning(condition.column, parsed, asker) or json.dumps(value, ensure_ascii=False)
        for value, parsed in zip(given, condition.parsed, strict=True)
    ]
    return f"{head} {', '.join(meanings)}"


def _meaning(column: Column, parsed: Any, asker: Asker) -> str | None:
    if isinstance(column, Reference) and isinstance(parsed, str):
        return f"{parsed} ({column.resolve(asker) or 'nothing'})"
    if isinstance(column, Ordered) and isinstance(parsed, values.Days | values.Relative):
        start, end = column.span(parsed, asker)
        if isinstance(parsed, values.Days):
            name = parsed.first.isoformat()
        else:
            name = f"{parsed.name}{parsed.shift:+d}" if parsed.shift else parsed.name
        return f"{name} (from {start.isoformat()} until before {end.isoformat()})"
    return None
