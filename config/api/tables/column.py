"""What every column has: its operators, the values it takes, and what they mean in SQL.

A value is parsed when a filter is saved and again when it runs (`parse`, pure), and resolved only
then (`q`), for who asks. Nothing of a value ever becomes SQL text: names come from declarations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Final

from django.db.models import Exists, F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.lookups import Exact, In, IsNull

from config.api.tables.asker import Asker


class Operator(StrEnum):
    """How a condition compares; of numbers, `before` means less and `after` means more."""

    EQUALS = "equals"
    NOT_EQUALS = "not_equals"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    BEFORE = "before"
    AFTER = "after"
    ON_OR_BEFORE = "on_or_before"
    ON_OR_AFTER = "on_or_after"
    BETWEEN = "between"
    IS_EMPTY = "is_empty"
    IS_NOT_EMPTY = "is_not_empty"


EQUALITY: Final = (Operator.EQUALS, Operator.NOT_EQUALS)
MEMBERSHIP: Final = (Operator.IN, Operator.NOT_IN)
ORDER: Final = (
    Operator.BEFORE,
    Operator.AFTER,
    Operator.ON_OR_BEFORE,
    Operator.ON_OR_AFTER,
    Operator.BETWEEN,
)
EMPTINESS: Final = (Operator.IS_EMPTY, Operator.IS_NOT_EMPTY)
NEGATIONS: Final = {
    Operator.NOT_EQUALS: Operator.EQUALS,
    Operator.NOT_IN: Operator.IN,
    Operator.IS_NOT_EMPTY: Operator.IS_EMPTY,
}


class WrongValue(ValueError):
    """A column does not take the value."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that conditions may name.

    `path` is an ORM path or an expression (default: the name). Where a row has many (the roles of
    a person), `rows` makes the queryset of what belongs to the row, by OuterRef, and `path` starts
    there; it must hold to the asker's organisation. `choices` are pairs of what is stored and
    what people read. `sort_by` is what a list can be ordered by,
    never NULL. `needs` names an entity that the asker must be allowed to write everywhere:
    filtering by a column tells what is in it.
    """

    name: str
    path: str | Combinable = ""
    rows: Callable[[Asker], QuerySet[Any]] | None = None
    is_nullable: bool = False
    sort_by: str | Combinable | None = None
    needs: str = ""
    choices: tuple[tuple[str, str], ...] = ()

    type: ClassVar[str]
    relative_values: ClassVar[tuple[str, ...]] = ()
    listed_at: ClassVar[str | None] = None
    comparisons: ClassVar[tuple[Operator, ...]]

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The operators that conditions on this column may have."""
        return (*self.comparisons, *(EMPTINESS if self.can_be_empty else ()))

    @property
    def can_be_empty(self) -> bool:
        """Whether some rows have no value."""
        return self.is_nullable or self.rows is not None

    @property
    def allowed(self) -> list[str]:
        """The values it takes, in words or literally."""
        raise NotImplementedError

    @property
    def value_schema(self) -> dict[str, Any]:
        """The JSON Schema of one value."""
        raise NotImplementedError

    def parse(self, value: Any) -> Any:
        """Return what `q` takes; raise WrongValue. Pure, and quick whatever the value."""
        raise NotImplementedError

    def is_open_to(self, asker: Asker) -> bool:
        """Return whether the asker may filter by this column."""
        return not self.needs or self.needs in asker.writes_all

    def q(self, operator: Operator, parsed: tuple[Any, ...], asker: Asker) -> Q:
        """Return the condition, which is what `operator` says of rows that have no value, too."""
        left = F(self.path or self.name) if isinstance(self.path, str) else self.path
        if operator in NEGATIONS:
            positive = self.q(NEGATIONS[operator], parsed, asker)
            keeps_null = self.is_nullable and not self.rows and operator not in EMPTINESS
            return (Q(IsNull(left, True)) if keeps_null else Q()) | ~positive
        if self.rows is None:
            return self._positive(left, operator, parsed, asker)
        rows = self.rows(asker)
        if operator is Operator.IS_EMPTY:
            return ~Q(Exists(rows))
        return Q(Exists(rows.filter(self._positive(left, operator, parsed, asker))))

    def _positive(
        self, left: Combinable, operator: Operator, parsed: tuple[Any, ...], asker: Asker
    ) -> Q:
        if operator is Operator.IS_EMPTY:
            return Q(IsNull(left, True))
        if operator is Operator.IN:
            return Q(In(left, list(parsed)))
        return Q(Exact(left, parsed[0]))
