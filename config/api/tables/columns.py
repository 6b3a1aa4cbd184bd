"""The types of columns."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final

from django.db.models import Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower
from django.db.models.lookups import (
    Contains,
    EndsWith,
    Exact,
    GreaterThanOrEqual,
    In,
    IsNull,
    LessThan,
    StartsWith,
)

from config.api.tables import values
from config.api.tables.asker import Asker
from config.api.tables.column import EQUALITY, MEMBERSHIP, ORDER, Column, Operator, WrongValue

MOST_ID: Final = 2**63 - 1
LONGEST_TEXT: Final = 500
NOTHING: Final = Q(pk__in=[])


@dataclass(frozen=True, kw_only=True)
class Text(Column):
    """Text, compared by PostgreSQL's lower(); empty text is no value."""

    type: ClassVar[str] = "text"
    comparisons: ClassVar = (
        *EQUALITY,
        *MEMBERSHIP,
        Operator.CONTAINS,
        Operator.STARTS_WITH,
        Operator.ENDS_WITH,
    )

    @property
    def can_be_empty(self) -> bool:
        return True

    @property
    def allowed(self) -> list[str]:
        return [f"text of 1 to {LONGEST_TEXT} characters"]

    @property
    def value_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT:
            raise WrongValue
        # Neither a NUL nor half of a surrogate pair can be told to PostgreSQL.
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise WrongValue
        return value

    def _positive(
        self, left: Combinable, operator: Operator, parsed: tuple[Any, ...], asker: Asker
    ) -> Q:
        if operator is Operator.IS_EMPTY:
            blank = Q(Exact(left, Value("")))
            return Q(IsNull(left, True)) | blank if self.is_nullable else blank
        folded = Lower(left)
        wanted = [Lower(Value(text)) for text in parsed]
        if operator is Operator.IN:
            return Q(In(folded, wanted))
        lookups = {
            Operator.EQUALS: Exact,
            Operator.CONTAINS: Contains,
            Operator.STARTS_WITH: StartsWith,
            Operator.ENDS_WITH: EndsWith,
        }
        return Q(lookups[operator](folded, wanted[0]))


@dataclass(frozen=True, kw_only=True)
class Boolean(Column):
    """True or false."""

    type: ClassVar[str] = "boolean"
    comparisons: ClassVar = EQUALITY

    @property
    def allowed(self) -> list[str]:
        return ["true", "false"]

    @property
    def value_schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def parse(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise WrongValue
        return value


@dataclass(frozen=True, kw_only=True)
class Choice(Column):
    """One of a few words."""

    type: ClassVar[str] = "choice"
    comparisons: ClassVar = (*EQUALITY, *MEMBERSHIP)

    @property
    def allowed(self) -> list[str]:
        return [value for value, _ in self.choices]

    @property
    def value_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": self.allowed}

    def parse(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.allowed:
            raise WrongValue
        return value


@dataclass(frozen=True, kw_only=True)
class Ordered(Column):
    """What has a before and an after: each value stands for a half-open span."""

    comparisons: ClassVar = (*EQUALITY, *MEMBERSHIP, *ORDER)

    def span(self, parsed: Any, asker: Asker) -> tuple[Any, Any]:
        """Return [start, end)."""
        raise NotImplementedError

    def _positive(
        self, left: Combinable, operator: Operator, parsed: tuple[Any, ...], asker: Asker
    ) -> Q:
        if operator is Operator.IS_EMPTY:
            return Q(IsNull(left, True))
        spans = [self.span(each, asker) for each in parsed]
        start, end = spans[0][0], spans[-1][1]
        from_start = Q(GreaterThanOrEqual(left, Value(start)))
        until_end = Q(LessThan(left, Value(end)))
        match operator:
            case Operator.BEFORE:
                return Q(LessThan(left, Value(start)))
            case Operator.AFTER:
                return Q(GreaterThanOrEqual(left, Value(end)))
            case Operator.ON_OR_BEFORE:
                return until_end
            case Operator.ON_OR_AFTER:
                return from_start
            case Operator.IN:
                inside = [
                    Q(GreaterThanOrEqual(left, Value(a)), LessThan(left, Value(b)))
                    for a, b in spans
                ]
                return Q(*inside, _connector=Q.OR)
        # Of `between` the first value's start and the last one's end, of `equals` the only one's.
        return from_start & until_end


@dataclass(frozen=True, kw_only=True)
class Number(Ordered):
    """A number with at most six decimals."""

    type: ClassVar[str] = "number"
    largest: ClassVar = Decimal(10**12)
    step: ClassVar = Decimal("0.000001")

    @property
    def allowed(self) -> list[str]:
        return [f"a number from -{self.largest} to {self.largest} with at most 6 decimals"]

    @property
    def value_schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": -(10**12), "maximum": 10**12}

    def parse(self, value: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WrongValue
        # Digits cost time to convert, so huge numbers are refused before that.
        if not -self.largest <= value <= self.largest:
            raise WrongValue
        try:
            number = Decimal(repr(value))
            exact = number.quantize(self.step)
        except InvalidOperation as error:
            raise WrongValue from error
        if number != exact:
            raise WrongValue
        return exact

    def span(self, parsed: Decimal, asker: Asker) -> tuple[Decimal, Decimal]:
        return parsed, parsed + self.step


@dataclass(frozen=True, kw_only=True)
class Date(Ordered):
    """A day without a time: a birthday."""

    type: ClassVar[str] = "date"
    relative_values: ClassVar = tuple(values.PERIODS)

    @property
    def allowed(self) -> list[str]:
        return ["a date such as 2026-03-31", *values.PERIODS, "@today-7", "@today+7"]

    @property
    def value_schema(self) -> dict[str, Any]:
        patterns = [values.DATE, values.SHIFTED_TODAY]
        return {
            "anyOf": [
                {"type": "string", "enum": list(values.PERIODS)},
                *({"type": "string", "pattern": f"^{pattern}$"} for pattern in patterns),
            ]
        }

    def parse(self, value: Any) -> values.Moment:
        if not isinstance(value, str) or len(value) > 40:
            raise WrongValue
        moment = values.parse_relative(value) or values.parse_day(value)
        if moment is None:
            raise WrongValue
        return moment

    def span(self, parsed: Any, asker: Asker) -> tuple[date, date]:
        days = parsed.days(asker.today) if isinstance(parsed, values.Relative) else parsed
        return days.first, days.end


@dataclass(frozen=True, kw_only=True)
class DateTime(Date):
    """An instant; a day stands for all its instants in the asker's zone."""

    type: ClassVar[str] = "datetime"

    @property
    def allowed(self) -> list[str]:
        return ["a time with its offset such as 2026-03-31T08:00:00+02:00", *super().allowed]

    @property
    def value_schema(self) -> dict[str, Any]:
        days = super().value_schema["anyOf"]
        instant = f"^{values.DATE}T{values.TIME}{values.OFFSET}$"
        return {"anyOf": [*days, {"type": "string", "pattern": instant}]}

    def parse(self, value: Any) -> values.Moment:
        if isinstance(value, str) and len(value) <= 40 and (at := values.parse_instant(value)):
            return at
        return super().parse(value)

    def span(self, parsed: Any, asker: Asker) -> tuple[Any, Any]:
        return values.span(parsed, asker.today, asker.zone)


@dataclass(frozen=True, kw_only=True)
class Reference(Column):
    """The id of something that has its own list. An id that the asker may not see, one that does
    not exist and one of another organisation all find nothing."""

    comparisons: ClassVar = (*EQUALITY, *MEMBERSHIP)

    @property
    def allowed(self) -> list[str]:
        return [f"an id, see {self.listed_at}", *self.relative_values]

    @property
    def value_schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": 1, "maximum": MOST_ID}
        return {"anyOf": [number, {"type": "string", "enum": list(self.relative_values)}]}

    def parse(self, value: Any) -> int | str:
        if isinstance(value, str) and value in self.relative_values:
            return value
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_ID:
            raise WrongValue
        return value

    def resolve(self, asker: Asker) -> int | None:
        """Return the id that the relative value stands for."""
        raise NotImplementedError

    def _positive(
        self, left: Combinable, operator: Operator, parsed: tuple[Any, ...], asker: Asker
    ) -> Q:
        if operator is Operator.IS_EMPTY:
            return Q(IsNull(left, True))
        ids = [self.resolve(asker) if isinstance(each, str) else each for each in parsed]
        known = [each for each in ids if each is not None]
        if not known:
            return NOTHING
        return Q(In(left, known)) if len(known) > 1 else Q(Exact(left, known[0]))


@dataclass(frozen=True, kw_only=True)
class Person(Reference):
    """A person."""

    type: ClassVar[str] = "person"
    relative_values: ClassVar = ("@me",)
    listed_at: ClassVar = "/api/users/"

    def resolve(self, asker: Asker) -> int | None:
        return asker.user_id


@dataclass(frozen=True, kw_only=True)
class Role(Reference):
    """A role."""

    type: ClassVar[str] = "role"
    relative_values: ClassVar = ("@my_role",)
    listed_at: ClassVar = "/api/roles/"

    def resolve(self, asker: Asker) -> int | None:
        return asker.role_id


@dataclass(frozen=True, kw_only=True)
class Branch(Reference):
    """A branch; `@my_branch` finds nothing while no branch is active."""

    type: ClassVar[str] = "branch"
    relative_values: ClassVar = ("@my_branch",)
    listed_at: ClassVar = "/api/branches/"

    def resolve(self, asker: Asker) -> int | None:
        return asker.branch_id()
