"""Filters over the tables of the API: one meaning wherever they are stored or run.

An app declares a table beside the view that lists it (`Table`, found by autodiscover as the app's
`tables.py`); the view names it and `TableFilter`, and takes `?filter=` and `?conditions=`. A filter
only ever narrows what its view shows: scope is the view's queryset, and stays outside.
"""

from config.api.tables.asker import Asker
from config.api.tables.backend import TableFilter, connect, narrow
from config.api.tables.column import Column, Operator
from config.api.tables.columns import (
    Boolean,
    Branch,
    Choice,
    Date,
    DateTime,
    Number,
    Person,
    Role,
    Text,
)
from config.api.tables.filters import (
    CONNECTORS,
    MOST_BYTES,
    Filter,
    InvalidFilter,
    parse_filter,
)
from config.api.tables.schema import describe, filter_schema
from config.api.tables.table import StandardList, Table, all_tables, register

__all__ = [
    "CONNECTORS",
    "MOST_BYTES",
    "Asker",
    "Boolean",
    "Branch",
    "Choice",
    "Column",
    "Date",
    "DateTime",
    "Filter",
    "InvalidFilter",
    "Number",
    "Operator",
    "Person",
    "Role",
    "StandardList",
    "Table",
    "TableFilter",
    "Text",
    "all_tables",
    "connect",
    "describe",
    "filter_schema",
    "narrow",
    "parse_filter",
    "register",
]
