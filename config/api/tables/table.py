"""What an app declares of a list: its columns, its standard lists, who sees which rows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.utils.module_loading import autodiscover_modules

from config.api.tables.asker import Asker
from config.api.tables.column import Column


@dataclass(frozen=True, slots=True)
class StandardList:
    """A list that everybody has from the first day; clients translate its `key`."""

    key: str
    name: str
    conditions: tuple[dict[str, Any], ...] = ()
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Table:
    """A list of the API. `entity` is the permission it takes to see it.

    `visible` makes the queryset of what a person may see, the only scope there is. `people` and
    `roles` name the columns by which it can be split into one list a person, or a role.
    """

    name: str
    entity: str
    visible: Callable[[Any], QuerySet[Any]]
    columns: tuple[Column, ...]
    standard_lists: tuple[StandardList, ...]
    people: str = ""
    roles: str = ""
    by_name: dict[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {each.name: each for each in self.columns})

    def columns_open_to(self, asker: Asker) -> list[Column]:
        """Return the columns that the asker may filter by."""
        return [each for each in self.columns if each.is_open_to(asker)]

    @property
    def ordering_columns(self) -> dict[str, str | Combinable]:
        """What KeysetPagination may order by."""
        sortable = {each.name: each.sort_by for each in self.columns if each.sort_by is not None}
        return {**sortable, "id": "id"}

    def standard_list(self, key: str) -> StandardList | None:
        """Return a standard list; None where there is none of that key."""
        return next((each for each in self.standard_lists if each.key == key), None)


_tables: dict[str, Table] = {}


def register(table: Table) -> Table:
    """Make a table known and return it."""
    if table.name in _tables:
        raise ValueError(f"there is a table {table.name!r} already")
    _tables[table.name] = table
    return table


@cache
def all_tables() -> Mapping[str, Table]:
    """Return the tables of all apps by name; the first call finds them."""
    autodiscover_modules("tables")
    return MappingProxyType(dict(sorted(_tables.items())))
