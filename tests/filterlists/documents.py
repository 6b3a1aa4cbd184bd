"""Hypothesis strategies for filters that a table accepts, and the texts they are about."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from config.api.tables import Column, Table

# Letters whose case Python and PostgreSQL agree on, and what LIKE and SQL treat specially.
ALPHABET = "aAbBzZ äÄñÑ漢%_\\'\";-"
RELATIVE_DAYS = [
    "@today",
    "@yesterday",
    "@tomorrow",
    "@this_week",
    "@last_week",
    "@this_fortnight",
    "@this_month",
    "@last_month",
    "@this_year",
    "@today-7",
    "@today+1",
    "@today-31",
]
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)

days = st.dates(FIRST, LAST).map(date.isoformat)
instants = st.builds(
    lambda day, at: datetime.combine(day, at, UTC).isoformat(), st.dates(FIRST, LAST), st.times()
)


def values(column: Column, pool: dict[str, list[Any]]) -> st.SearchStrategy[Any]:
    """Return values that the column takes; `pool` has some that rows hold."""
    held = [st.sampled_from(pool[column.name])] if pool.get(column.name) else []
    match column.type:
        case "text":
            return st.one_of(*held, st.text(ALPHABET, min_size=1, max_size=3))
        case "choice":
            return st.sampled_from([value for value, _ in column.choices])
        case "boolean":
            return st.booleans()
        case "number":
            return st.one_of(*held, st.integers(-5, 90_000), st.sampled_from([0.25, 7.6, 1e-06]))
        case "date":
            return st.one_of(*held, st.sampled_from(RELATIVE_DAYS), days)
        case "datetime":
            return st.one_of(*held, st.sampled_from(RELATIVE_DAYS), days, instants)
    return st.one_of(*held, st.sampled_from(column.relative_values), st.integers(1, 2**63 - 1))


def conditions(table: Table, pool: dict[str, list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return conditions on any column, with any of its operators."""

    def of(column: Column, operator: str) -> st.SearchStrategy[dict[str, Any]]:
        head = {"column": st.just(column.name), "operator": st.just(operator)}
        one = values(column, pool)
        match operator:
            case "is_empty" | "is_not_empty":
                return st.fixed_dictionaries(head)
            case "between":
                value = st.lists(one, min_size=2, max_size=2)
            case "in" | "not_in":
                value = st.lists(one, min_size=1, max_size=3)
            case _:
                value = one
        return st.fixed_dictionaries({**head, "value": value})

    return st.one_of(
        [of(column, str(operator)) for column in table.columns for operator in column.operators]
    )


def documents(
    table: Table, pool: dict[str, list[Any]], most: int = 5
) -> st.SearchStrategy[dict[str, Any]]:
    """Return whole filters."""

    def of(chosen: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        gaps = max(0, len(chosen) - 1)
        connectors = st.lists(st.sampled_from(["AND", "OR"]), min_size=gaps, max_size=gaps)
        return st.fixed_dictionaries({"conditions": st.just(chosen), "operators": connectors})

    return st.lists(conditions(table, pool), max_size=most).flatmap(of)
