"""The language of filters as JSON Schema: for `tables/`, for the API's own schema, for clients.

What passes `parse_filter` passes this; the rest (how many operators, which days exist, how many
bytes) JSON Schema cannot say.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from config.api.tables.column import EMPTINESS, MEMBERSHIP, Column, Operator
from config.api.tables.filters import CONNECTORS, MOST_CONDITIONS, MOST_VALUES
from config.api.tables.table import Table


def filter_schema(table: Table, columns: Iterable[Column] | None = None) -> dict[str, Any]:
    """Return the JSON Schema of the table's filters, with these columns (default: all)."""
    variants = [
        variant
        for column in (table.columns if columns is None else columns)
        for variant in _variants(column)
    ]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["conditions"],
        "properties": {
            "conditions": {
                "type": "array",
                "maxItems": MOST_CONDITIONS,
                "items": {"oneOf": variants},
            },
            "operators": {
                "type": "array",
                "maxItems": MOST_CONDITIONS - 1,
                "items": {"type": "string", "enum": list(CONNECTORS)},
            },
        },
    }


def describe(table: Table, columns: Sequence[Column]) -> dict[str, Any]:
    """Return all that a program needs to build a form for filters with these columns."""
    return {
        "name": table.name,
        "columns": [
            {
                "name": column.name,
                "type": column.type,
                "operators": [str(each) for each in column.operators],
                "choices": [{"value": value, "name": str(name)} for value, name in column.choices],
                "relative_values": list(column.relative_values),
                "listed_at": column.listed_at,
                "is_sortable": column.sort_by is not None,
            }
            for column in columns
        ],
        "sortable": sorted(table.ordering_columns),
        "standard_lists": [
            {
                "key": f"standard:{each.key}",
                "name": each.name,
                "conditions": list(each.conditions),
                "operators": list(each.operators),
            }
            for each in table.standard_lists
        ],
        "schema": filter_schema(table, columns),
    }


def _variants(column: Column) -> list[dict[str, Any]]:
    """Return one schema for each kind of value that the column's operators take."""
    one = column.value_schema
    kinds: list[tuple[tuple[Operator, ...], dict[str, Any], bool]] = [
        (MEMBERSHIP, _list(one, 1, MOST_VALUES), True),
        ((Operator.BETWEEN,), _list(one, 2, 2), True),
        # No `null` type in OpenAPI 3.0; an enum of it says the same in both.
        (EMPTINESS, {"nullable": True, "enum": [None]}, False),
    ]
    rest = tuple(each for each in Operator if not any(each in kind[0] for kind in kinds))
    return [
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["column", "operator", *(["value"] if takes_value else [])],
            "properties": {
                "column": {"type": "string", "enum": [column.name]},
                "operator": {"type": "string", "enum": [str(each) for each in operators]},
                "value": schema,
            },
        }
        for kind, schema, takes_value in [(rest, one, True), *kinds]
        if (operators := [each for each in column.operators if each in kind])
    ]


def _list(schema: dict[str, Any], least: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": schema, "minItems": least, "maxItems": most}
